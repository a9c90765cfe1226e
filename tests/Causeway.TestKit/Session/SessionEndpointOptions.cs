using Causeway.Kcp;
using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>How a <see cref="SessionEndpoint"/> is made.</summary>
public sealed record SessionEndpointOptions
{
    /// <summary>
    /// The session's settings. Its packet protection is left out: nonces would make each run another one, and
    /// <see cref="Checksum"/> does what matters of it here.
    /// </summary>
    public KcpProfile Profile { get; init; } = new();

    /// <summary>The conversation id, the same at both ends.</summary>
    public uint ConversationId { get; init; } = 0x11223344;

    /// <summary>Whether each datagram ends in a checksum, and those with a wrong one are dropped. Default off.</summary>
    public bool Checksum { get; init; }

    /// <summary>Datagrams of one flush; more need another one. Default 64; small values exercise the interrupted flush.</summary>
    public int BatchLimit { get; init; } = 64;
}
