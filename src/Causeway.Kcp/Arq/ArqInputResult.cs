namespace Causeway.Kcp.Arq;

/// <summary>What became of a datagram given to <see cref="ArqSession.Input"/>.</summary>
/// <remarks>Whatever stood before the faulty segment of a datagram took effect (docs/wire/kcptun.md 5.6).</remarks>
public enum ArqInputResult
{
    /// <summary>Every segment was understood.</summary>
    Ok,

    /// <summary>Shorter than one segment header.</summary>
    TooShort,

    /// <summary>A segment of another conversation.</summary>
    WrongConversation,

    /// <summary>A segment claims more data than the datagram holds.</summary>
    BadLength,

    /// <summary>A segment with a command that does not exist.</summary>
    UnknownCommand,

    /// <summary>The session has failed or was disposed; nothing was looked at.</summary>
    Closed,
}
