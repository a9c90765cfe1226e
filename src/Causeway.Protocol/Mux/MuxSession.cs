namespace Causeway.Protocol.Mux;

/// <summary>
/// Many streams over one reliable connection, without I/O: bytes go in by <see cref="Input"/>, come out by
/// <see cref="Flush"/>, and time is an argument.
/// </summary>
/// <remarks>
/// <para>
/// The driver calls, in this order: <see cref="Input"/> for what arrived, as long as <see cref="CanReceive"/>;
/// <see cref="TryReadEvent"/> until it is false, best after each input; <see cref="Flush"/> when
/// <see cref="HasPendingOutput"/> and the pipe below has room, and whenever <see cref="NextDeadline"/> has come;
/// and looks at <see cref="Failure"/> after inputs and flushes.
/// </para>
/// <para>
/// Not synchronised: one thread at a time. Calls into it from an <see cref="IStreamSource"/> during a flush are
/// allowed.
/// </para>
/// </remarks>
public abstract class MuxSession : IDisposable
{
    private protected MuxSession(MuxRole role) => Role = role;

    /// <summary>Which end this is.</summary>
    public MuxRole Role { get; }

    /// <summary>Counters.</summary>
    public MuxStatistics Statistics { get; } = new();

    /// <summary>
    /// The round-trip time of the pipe below, for the driver to say before a flush: windows that set themselves grow by
    /// what is read in one. Zero, the default, if it is not known.
    /// </summary>
    public TimeSpan RoundTripTime { get; set; }

    /// <summary>Received bytes that the streams hold.</summary>
    public abstract long BufferedBytes { get; }

    /// <summary>
    /// Whether the session takes more input. False while its streams hold as much as they may (spec 7.4): stop reading
    /// the pipe below, so that its window closes.
    /// </summary>
    public abstract bool CanReceive { get; }

    /// <summary>Whether a flush would write something.</summary>
    public abstract bool HasPendingOutput { get; }

    /// <summary>When to flush at the latest, for keep-alive and timeout.</summary>
    public abstract Timestamp NextDeadline { get; }

    /// <summary>Why the session ended, or null while it lives.</summary>
    public abstract MuxFailure? Failure { get; }

    /// <summary>Streams that exist, also those of which only the last frame still has to be sent.</summary>
    public abstract int StreamCount { get; }

    /// <summary>Why <see cref="TryOpen"/> would refuse now.</summary>
    public abstract MuxOpenRefusal OpenRefusal { get; }

    /// <summary>Whether each direction of a stream ends by itself.</summary>
    public abstract HalfCloseSupport HalfClose { get; }

    /// <summary>
    /// Takes the next bytes of the ordered pipe, cut anywhere, and the reference of the slice with them.
    /// </summary>
    public abstract void Input(PacketSlice bytes, Timestamp now);

    /// <summary>
    /// Writes frames while <paramref name="output"/> has room: control frames first, then the streams' data in turns.
    /// Sends the keep-alive and checks the timeout when they are due.
    /// </summary>
    public abstract void Flush(IMuxOutput output, Timestamp now);

    /// <summary>Opens a stream, or returns null; then <see cref="OpenRefusal"/> says why.</summary>
    public abstract MuxStream? TryOpen(Timestamp now);

    /// <summary>Refuses a stream that the peer opened: gives it up, and counts it as refused instead of accepted.</summary>
    public void Refuse(MuxStream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Statistics.StreamsAccepted--;
        Statistics.StreamsRefused++;
        stream.Abort();
    }

    /// <summary>The next flush sends a keep-alive, so that the peer hears of a session that has nothing to say yet.</summary>
    public abstract void SendKeepAlive();

    /// <summary>The next thing that happened.</summary>
    public abstract bool TryReadEvent(out MuxEvent e);

    /// <summary>
    /// Drops all streams and releases every buffer that they hold. Nothing is sent: smux has no goodbye (spec 7.8).
    /// </summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the session holds.</summary>
    protected abstract void Dispose(bool disposing);
}
