namespace Causeway.Kcp.Arq;

/// <summary>Why an <see cref="ArqSession"/> gave up.</summary>
public enum ArqFailure
{
    /// <summary>
    /// Something was waiting for an answer for <see cref="ArqOptions.DeadLinkTimeout"/> and nothing came.
    /// </summary>
    PeerSilent,

    /// <summary>
    /// One segment was sent <see cref="ArqOptions.DeadLinkTransmissions"/> times while the peer was silent for most of
    /// <see cref="ArqOptions.DeadLinkTimeout"/>.
    /// </summary>
    TransmissionLimit,

    /// <summary>
    /// The path swallows long datagrams: one was sent again and again and never acknowledged, while shorter ones that left
    /// later were.
    /// </summary>
    LongDatagramsLost,

    /// <summary>
    /// The peer has forgotten the conversation: it acknowledges less than it did before, in an answer to something newer. Its
    /// process was restarted, and no byte that was under way will ever be delivered.
    /// </summary>
    PeerForgot,
}
