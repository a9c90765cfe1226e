using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.TestKit;

/// <summary>How an <see cref="ArqEndpoint"/> is made.</summary>
public sealed record ArqEndpointOptions
{
    /// <summary>The session's settings.</summary>
    public ArqOptions Arq { get; init; } = new();

    /// <summary>Makes the congestion controller; kcptun's nc = 1 unless given.</summary>
    public Func<ArqOptions, CongestionController>? Congestion { get; init; }

    /// <summary>Makes the session; an ordinary one unless given.</summary>
    public Func<ArqEndpointOptions, CongestionController, PacketPool, ArqSession>? CreateSession { get; init; }

    /// <summary>The conversation id, the same at both ends.</summary>
    public uint ConversationId { get; init; } = 0x11223344;

    /// <summary>
    /// Whether each datagram ends in a checksum, and those with a wrong one are dropped: what a cipher does in practice, and
    /// without which a network that changes bits changes data. Default off.
    /// </summary>
    public bool Checksum { get; init; }

    /// <summary>Forward error correction between session and network, the same at both ends; none by default.</summary>
    public FecOptions? Fec { get; init; }

    /// <summary>The first sequence id of forward error correction, to come to its end within a simulation. Default 0.</summary>
    public uint FirstFecSequence { get; init; }

    /// <summary>Datagrams of one flush; more need another one. Default 64; small values exercise the interrupted flush.</summary>
    public int BatchLimit { get; init; } = 64;

    /// <summary>The largest piece in bytes that is written at once. Default 16 KiB.</summary>
    public int MaxWrite { get; init; } = 16 * 1024;

    /// <summary>Whether datagrams go to where the last good one came from, as a server's do. Default off.</summary>
    public bool FollowsPeer { get; init; }
}
