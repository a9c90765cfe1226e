using System.Reflection;
using NetArchTest.Rules;

namespace Causeway.Architecture.Tests;

/// <summary>
/// Reads the compiled assemblies: a lower layer names no higher one (docs/architecture.md). Each row is a namespace, and
/// what nothing in it may name.
/// </summary>
public sealed class LayerTests
{
    private static readonly string[] s_assemblies =
    [
        "Causeway.Protocol", "Causeway.Kcp", "Causeway.Quic", "Causeway", "Causeway.Kcptun", "Causeway.Forwarding", "Causeway.Testing",
        "Causeway.AspNetCore", "Causeway.Hosting",
    ];

    // What an application sees of the runtime; the runtime itself must not.
    private const string PublicFace =
        "Causeway.CausewayConnection Causeway.CausewayStream Causeway.CausewayListener Causeway.CausewayOptions " +
        "Causeway.CausewayClientOptions Causeway.CausewayListenerOptions Causeway.ConnectionStatistics Causeway.ListenerStatistics";

    public static TheoryData<string, string> Rules => new()
    {
        // Projects.
        { "Causeway.Protocol", "Causeway.Kcp Causeway.Quic Causeway.Links Causeway.Runtime Causeway.Kcptun Causeway.Forwarding Causeway.Testing " + PublicFace },
        { "Causeway.Kcp", "Causeway.Quic Causeway.Links Causeway.Runtime Causeway.Kcptun Causeway.Forwarding Causeway.Testing " + PublicFace },
        { "Causeway.Quic", "Causeway.Kcp Causeway.Links Causeway.Runtime Causeway.Kcptun Causeway.Forwarding Causeway.Testing " + PublicFace },
        { "Causeway.Links", "Causeway.Kcp Causeway.Quic Causeway.Kcptun Causeway.Forwarding Causeway.Testing" },
        { "Causeway.Runtime", "Causeway.Kcp Causeway.Quic Causeway.Kcptun Causeway.Forwarding Causeway.Testing" },
        { "Causeway.Kcptun", "Causeway.Quic Causeway.Runtime Causeway.Forwarding Causeway.Testing" },
        { "Causeway.Forwarding", "Causeway.Kcp Causeway.Quic Causeway.Kcptun Causeway.Runtime Causeway.Testing" },
        { "Causeway.Testing", "Causeway.Kcp Causeway.Quic Causeway.Kcptun Causeway.Forwarding Causeway.Runtime" },

        { "Causeway.AspNetCore", "Causeway.Kcp Causeway.Kcptun Causeway.Forwarding Causeway.Testing Causeway.Http3 Causeway.Runtime" },
        { "Causeway.Hosting", "Causeway.Kcp Causeway.AspNetCore Causeway.Forwarding Causeway.Testing Causeway.Http3 Causeway.Runtime" },

        // Inside the core.
        { "Causeway.Protocol.Crypto", "Causeway.Protocol.Fec Causeway.Protocol.Recovery Causeway.Protocol.Streams" },
        { "Causeway.Protocol.Fec", "Causeway.Protocol.Crypto Causeway.Protocol.Recovery Causeway.Protocol.Streams" },
        { "Causeway.Protocol.Recovery", "Causeway.Protocol.Crypto Causeway.Protocol.Fec Causeway.Protocol.Streams" },
        { "Causeway.Protocol.Streams", "Causeway.Protocol.Crypto Causeway.Protocol.Fec Causeway.Protocol.Recovery" },

        // Inside the KCP engine.
        { "Causeway.Kcp.Wire", "Causeway.Kcp.Arq Causeway.Kcp.Fec Causeway.Kcp.Smux" },
        { "Causeway.Kcp.Fec", "Causeway.Kcp.Arq Causeway.Kcp.Smux" },
        { "Causeway.Kcp.Arq", "Causeway.Kcp.Fec Causeway.Kcp.Smux" },
        { "Causeway.Kcp.Smux", "Causeway.Kcp.Arq Causeway.Kcp.Fec" },

        // Inside the QUIC engine.
        { "Causeway.Quic.Wire", "Causeway.Quic.Protection Causeway.Quic.Handshake Causeway.Quic.Recovery Causeway.Quic.Streams Causeway.Quic.Paths Causeway.Quic.QuicSession Causeway.Quic.QuicEndpoint" },
        { "Causeway.Quic.Protection", "Causeway.Quic.Recovery Causeway.Quic.Streams Causeway.Quic.Paths Causeway.Quic.QuicSession Causeway.Quic.QuicEndpoint" },
        { "Causeway.Quic.Handshake", "Causeway.Quic.Recovery Causeway.Quic.Streams Causeway.Quic.Paths Causeway.Quic.QuicSession Causeway.Quic.QuicEndpoint" },
        { "Causeway.Quic.Recovery", "Causeway.Quic.Streams Causeway.Quic.Paths Causeway.Quic.Handshake Causeway.Quic.QuicSession Causeway.Quic.QuicEndpoint" },
        { "Causeway.Quic.Streams", "Causeway.Quic.Paths Causeway.Quic.Handshake Causeway.Quic.Protection Causeway.Quic.QuicSession Causeway.Quic.QuicEndpoint" },
        { "Causeway.Quic.Paths", "Causeway.Quic.Streams Causeway.Quic.Handshake.Tls13" },

        // Inside the package that users install.
        { "Causeway.Links", "Causeway.Runtime " + PublicFace },
        { "Causeway.Runtime", PublicFace },

        // Inside Kestrel's transports.
        { "Causeway.AspNetCore.Contexts", "Causeway.AspNetCore.Multiplexed Causeway.AspNetCore.Streams" },
        { "Causeway.AspNetCore.Multiplexed", "Causeway.AspNetCore.Streams" },
        { "Causeway.AspNetCore.Streams", "Causeway.AspNetCore.Multiplexed Causeway.Quic" },

        // Inside the kcptun profile.
        { "Causeway.Kcptun.Crypt", "Causeway.Kcptun.Compression Causeway.Kcptun.Configuration Causeway.Kcptun.Qpp Causeway.Kcptun.Telemetry" },
        { "Causeway.Kcptun.Compression", "Causeway.Kcptun.Crypt Causeway.Kcptun.Configuration Causeway.Kcptun.Qpp Causeway.Kcptun.Telemetry" },
        { "Causeway.Kcptun.Qpp", "Causeway.Kcptun.Crypt Causeway.Kcptun.Compression Causeway.Kcptun.Configuration Causeway.Kcptun.Telemetry" },
        { "Causeway.Kcptun.Configuration", "Causeway.Kcptun.Compression Causeway.Kcptun.Telemetry" },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void LowerLayersNameNoHigherOne(string layer, string forbidden)
    {
        Types types = Types.InAssemblies(s_assemblies.Select(Assembly.Load));
        PredicateList inLayer = types.That().ResideInNamespaceMatching($"^{layer.Replace(".", "\\.", StringComparison.Ordinal)}(\\.|$)");
        Assert.NotEmpty(inLayer.GetTypes());
        TestResult result = inLayer.ShouldNot().HaveDependencyOnAny(forbidden.Split(' ')).GetResult();
        Assert.True(
            result.IsSuccessful,
            $"{layer} names one of {forbidden}: {string.Join(", ", result.FailingTypeNames ?? [])}");
    }

    [Fact]
    public void ALayerThatNamesAnotherIsFound()
    {
        // The rules above could only ever pass if dependencies were not seen.
        TestResult result = Types.InAssemblies(s_assemblies.Select(Assembly.Load))
            .That().ResideInNamespaceMatching("^Causeway\\.Kcp$")
            .ShouldNot().HaveDependencyOnAny("Causeway.Kcp.Arq").GetResult();
        Assert.False(result.IsSuccessful);
    }
}
