using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Quic;

namespace Causeway.Tests;

/// <summary>The wire profiles, which share one contract.</summary>
public enum Wire
{
    /// <summary>KCP with smux.</summary>
    Kcp,

    /// <summary>QUIC.</summary>
    Quic,
}

/// <summary>Profiles by which tests of the contract run.</summary>
internal static class Wires
{
    private static readonly CausewayKey s_key = CausewayKey.Create();

    /// <summary>Profile for both ends, with the defaults of its kind.</summary>
    public static TransportProfile Profile(this Wire wire) => wire == Wire.Quic ? Quic : new KcpProfile();

    /// <summary>Profile whose windows are small, so that back-pressure shows after few bytes.</summary>
    public static TransportProfile SmallWindows(this Wire wire) => wire == Wire.Quic
        ? Quic with { MemoryBudget = TransportProfile.LeastMemoryBudget, MaxInboundBidirectionalStreams = 8 }
        : new KcpProfile
        {
            Arq = new() { SendWindow = 32, ReceiveWindow = 32 },
            Mux = new SmuxOptions { ReceiveBuffer = 128 * 1024, StreamBuffer = 64 * 1024 },
        };

    /// <summary>
    /// What a writer gets whose peer gave both directions up. QUIC gives each direction up by itself: the reader sees a reset, the
    /// writer that nobody reads.
    /// </summary>
    public static TransportError WhenPeerGaveUp(this Wire wire) =>
        wire == Wire.Quic ? TransportError.StreamClosedByPeer : TransportError.StreamReset;

    /// <summary>A QUIC profile for both ends.</summary>
    public static QuicProfile Quic => new()
    {
        ClientAuthentication = ClientAuthentication.Pinned(s_key.Fingerprint),
        ServerAuthentication = ServerAuthentication.WithKey(s_key),
    };
}
