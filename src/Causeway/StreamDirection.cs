namespace Causeway;

/// <summary>Who sends on a stream (RFC 9000, 2.1).</summary>
public enum StreamDirection
{
    /// <summary>Both ends.</summary>
    Bidirectional,

    /// <summary>Only the end that opened it.</summary>
    Unidirectional,
}

/// <summary>What <see cref="CausewayStream.Abort(StreamAbortDirections, long)"/> gives up.</summary>
[Flags]
public enum StreamAbortDirections
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reading: the peer is told to stop sending.</summary>
    Read = 1,

    /// <summary>Writing: what was not sent is dropped, and the peer's reader sees a reset.</summary>
    Write = 2,

    /// <summary>Both.</summary>
    Both = Read | Write,
}
