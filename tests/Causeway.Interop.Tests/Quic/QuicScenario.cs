using System.Net;
using System.Net.Security;
using Causeway.Quic;
using Causeway.Testing;

namespace Causeway.Interop.Tests.Quic;

/// <summary>One case of the matrix, by what differs from fetching a small file over a good link.</summary>
/// <param name="Case">Its name in the QUIC interop runner.</param>
internal sealed record QuicScenario(string Case)
{
    /// <summary>Lengths of the files that are served and fetched.</summary>
    public IReadOnlyList<int> Files { get; init; } = [10_000];

    /// <summary>What our ends have set.</summary>
    public Func<QuicProfile, QuicProfile> Profile { get; init; } = static profile => profile;

    /// <summary>The cipher suite that our ends insist on; null for any.</summary>
    public TlsCipherSuite? CipherSuite { get; init; }

    /// <summary>Flags of ngtcp2's client.</summary>
    public IReadOnlyList<string> NgtcpClientFlags { get; init; } = [];

    /// <summary>Flags of ngtcp2's server.</summary>
    public IReadOnlyList<string> NgtcpServerFlags { get; init; } = [];

    /// <summary>What happens to datagrams, each way; it happens at our end, at the client if both are ours.</summary>
    public FaultModelOptions? Faults { get; init; }

    /// <summary>Says which datagrams pass, after our end has sent them or before it receives them.</summary>
    public Func<WatchedDatagram, bool>? Passes { get; init; }

    /// <summary>Makes what stands between the client and the server at this address.</summary>
    public Func<IPEndPoint, UdpRelay>? Relay { get; init; }

    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Where our server listens, if not at <see cref="Address"/> alone.</summary>
    public IPAddress? ListenAddress { get; init; }

    public bool HasLargeCertificate { get; init; }

    /// <summary>Whether two of ours speak HTTP/3; else they speak HTTP/0.9. With the others it is what they speak.</summary>
    public bool IsHttp3 { get; init; }
}
