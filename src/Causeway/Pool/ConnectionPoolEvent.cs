using System.Net;

namespace Causeway;

/// <summary>Something that happened to a connection of a <see cref="ConnectionPool"/>, or to an attempt to make one.</summary>
public readonly record struct ConnectionPoolEvent
{
    /// <summary>What happened.</summary>
    public required ConnectionPoolEventKind Kind { get; init; }

    /// <summary>The connection; null where none could be made.</summary>
    public CausewayConnection? Connection { get; init; }

    /// <summary>The connection's local address when it was made; null where none could be made.</summary>
    public EndPoint? LocalEndPoint { get; init; }

    /// <summary>Why no connection could be made, or why one ended; null if it was closed here.</summary>
    public Exception? Error { get; init; }

    /// <summary>How long the pool waits until it tries again; null where it does not.</summary>
    public TimeSpan? RetryDelay { get; init; }

    /// <summary>Whether another connection had taken the place of this one before it ended.</summary>
    public bool IsReplaced { get; init; }
}

/// <summary>What happened to a connection of a <see cref="ConnectionPool"/>.</summary>
public enum ConnectionPoolEventKind
{
    /// <summary>A connection was made.</summary>
    Connected,

    /// <summary>None could be made; the pool tries again after <see cref="ConnectionPoolEvent.RetryDelay"/>.</summary>
    ConnectFailed,

    /// <summary>None could be made, and the pool does not try again before the next stream is asked for.</summary>
    GaveUp,

    /// <summary>
    /// A connection has ended: by itself, by the peer, or because it was replaced and its last stream had ended. Not told of those that
    /// end with the pool.
    /// </summary>
    Ended,

    /// <summary>
    /// A connection is closed in a moment, because it is older than <see cref="ConnectionPoolOptions.ConnectionLifetime"/> and
    /// <see cref="ConnectionPoolOptions.DrainTimeout"/> together. Streams that are still open should be aborted now, if the peer must
    /// not take what it has of them for complete. <see cref="Ended"/> does not follow.
    /// </summary>
    Expired,
}
