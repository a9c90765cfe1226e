namespace Causeway.Forwarding.Tunnels;

/// <summary>Why a peer did not open what it was asked for. The numbers are those of the wire (docs/wire/tunnel.md 4).</summary>
public enum TunnelRefusal
{
    /// <summary>Something that has no number of its own; the text says what.</summary>
    Failed = 1,

    /// <summary>The peer was not told to open that.</summary>
    NotAllowed = 2,

    /// <summary>There is no way to the host.</summary>
    Unreachable = 3,

    /// <summary>The name has no address.</summary>
    NameNotFound = 4,

    /// <summary>The host takes no connection on that port.</summary>
    ConnectRefused = 5,

    /// <summary>The host did not answer in time.</summary>
    TimedOut = 6,

    /// <summary>The peer has as many open as it may.</summary>
    LimitReached = 7,

    /// <summary>The address to listen on is in use, or is none of the peer's.</summary>
    AddressUnavailable = 8,

    /// <summary>The peer does not know what was asked for.</summary>
    Unsupported = 9,

    /// <summary>The peer could not read what was asked for.</summary>
    Malformed = 10,
}
