namespace Causeway.Protocol.Streams;

/// <summary>The streams of one session, of whichever engine, without I/O.</summary>
/// <remarks>
/// <para>
/// The driver reads <see cref="TryReadEvent"/> until it is false after each delivery, and looks at <see cref="Failure"/>.
/// How bytes reach the streams and leave them is the engine's matter.
/// </para>
/// <para>
/// Not synchronised: one thread at a time. Calls into it from an <see cref="IStreamSource"/> during a flush are
/// allowed.
/// </para>
/// </remarks>
public abstract class StreamSession : IDisposable
{
    private protected StreamSession(EndpointRole role) => Role = role;

    /// <summary>Which end this is.</summary>
    public EndpointRole Role { get; }

    /// <summary>Counters.</summary>
    public StreamStatistics Statistics { get; } = new();

    /// <summary>Received bytes that the streams hold.</summary>
    public abstract long BufferedBytes { get; }

    /// <summary>
    /// Whether the session takes more input. False while its streams hold as much as they may
    /// (docs/wire/kcptun.md 7.4): stop reading the pipe below, so that its window closes.
    /// </summary>
    public abstract bool CanReceive { get; }

    /// <summary>When to flush at the latest, for keep-alive and timeout.</summary>
    public abstract Timestamp NextDeadline { get; }

    /// <summary>Why the session ended, or null while it lives.</summary>
    public abstract StreamFailure? Failure { get; }

    /// <summary>Streams that exist, also those of which only the last frame still has to be sent.</summary>
    public abstract int StreamCount { get; }

    /// <summary>Why <see cref="TryOpen"/> would refuse now.</summary>
    public abstract StreamOpenRefusal OpenRefusal { get; }

    /// <summary>Whether each direction of a stream ends by itself.</summary>
    public abstract HalfCloseSupport HalfClose { get; }

    /// <summary>Whether the peer can allow more streams later, which <see cref="StreamEventKind.OpenAllowed"/> tells.</summary>
    public virtual bool MayAllowMore => false;

    /// <summary>Opens a stream, or returns null; then <see cref="OpenRefusal"/> says why.</summary>
    public abstract TransportStream? TryOpen(Timestamp now);

    /// <summary>
    /// Opens a stream on which only this end sends, or returns null if the peer allows none at present, or the engine has none.
    /// </summary>
    public virtual TransportStream? TryOpenUnidirectional(Timestamp now) => null;

    /// <summary>Whether the engine has streams on which only one end sends.</summary>
    public virtual bool HasUnidirectional => false;

    /// <summary>Refuses a stream that the peer opened: gives it up, and counts it as refused instead of accepted.</summary>
    public void Refuse(TransportStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Statistics.StreamsAccepted--;
        Statistics.StreamsRefused++;
        stream.Abort();
    }

    /// <summary>The next flush sends a keep-alive, so that the peer hears of a session that has nothing to say yet.</summary>
    public abstract void SendKeepAlive();

    /// <summary>The next thing that happened.</summary>
    public abstract bool TryReadEvent(out StreamEvent e);

    /// <summary>
    /// Drops all streams and releases every buffer that they hold. Nothing is sent: smux has no goodbye
    /// (docs/wire/kcptun.md 7.8).
    /// </summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the session holds.</summary>
    protected abstract void Dispose(bool disposing);
}
