namespace Causeway.Protocol;

/// <summary>Why one end of a session tells the other that it is over. The numbers are those on the wire.</summary>
public enum GoodbyeReason : byte
{
    /// <summary>The application closed the connection.</summary>
    Closed = 0,

    /// <summary>The listener has as many connections as it may have.</summary>
    ConnectionLimit = 1,

    /// <summary>Too many connections wait to be accepted.</summary>
    BacklogFull = 2,

    /// <summary>The other end's frames are of another version of smux.</summary>
    VersionMismatch = 3,

    /// <summary>One end compresses and the other does not.</summary>
    CompressionMismatch = 4,

    /// <summary>The other end broke the protocol in another way.</summary>
    ProtocolViolation = 5,

    /// <summary>
    /// The conversation is not known: this end was restarted, or the other end's address has changed on the way.
    /// </summary>
    UnknownConversation = 6,

    /// <summary>Nothing was heard of the other end for too long.</summary>
    PeerSilent = 7,

    /// <summary>Something failed at this end.</summary>
    InternalError = 8,
}
