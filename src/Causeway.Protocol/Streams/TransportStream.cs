namespace Causeway.Protocol.Streams;

/// <summary>One stream of a <see cref="StreamSession"/>. Not synchronised: use it where its session is used.</summary>
/// <remarks>
/// A stream exists until both directions are over, also when the peer has ended it: finish with <see cref="Close"/>,
/// <see cref="Abort()"/>, or <see cref="FinishWrites"/> and reading to the end.
/// <code>
/// sending:    open --FinishWrites--> draining --FIN written--> finished
///             open, draining --peer ended or abandoned the stream--> finished (WritesStopped)
/// receiving:  open --peer's FIN--> buffered --TryRead to the end--> finished
/// both:       any --Abort, Reset--> closed;   finished + finished --> closed
/// </code>
/// </remarks>
public abstract class TransportStream
{
    /// <summary>The weight of a new stream.</summary>
    public const int DefaultWeight = 16;

    private int _weight = DefaultWeight;

    private protected TransportStream(long id, bool isLocal)
    {
        Id = id;
        IsLocal = isLocal;
    }

    /// <summary>The stream's number on the wire.</summary>
    public long Id { get; }

    /// <summary>Whether this end opened the stream.</summary>
    public bool IsLocal { get; }

    /// <summary>Whether the peer may send on it.</summary>
    public virtual bool CanRead => true;

    /// <summary>Whether this end may send on it.</summary>
    public virtual bool CanWrite => true;

    /// <summary>The code with which the peer gave its direction up; null if it did not, or the engine has no codes.</summary>
    public virtual long? ReadErrorCode => null;

    /// <summary>The code with which the peer asked this end to stop; null if it did not, or the engine has no codes.</summary>
    public virtual long? WriteErrorCode => null;

    /// <summary>
    /// Whether what is written may leave before the peer is known (<see cref="TransportSession.IsEarly"/>), so that somebody may
    /// record it and have it carried out again. Only the application knows; set it before the first <see cref="NotifyWritable"/>.
    /// Without a meaning where the engine has no early data.
    /// </summary>
    public bool IsReplaySafe { get; set; }

    /// <summary>Whatever the driver wants to find again from the stream.</summary>
    public object? Tag { get; set; }

    /// <summary>Where outgoing bytes come from. Set it before the first <see cref="NotifyWritable"/>.</summary>
    public IStreamSource? Source { get; set; }

    /// <summary>
    /// The stream's share of the session's capacity in relation to other streams that have something to send, 1 to 256:
    /// one of weight 32 gets twice as much as one of the default 16.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The weight is out of range.</exception>
    public int Weight
    {
        get => _weight;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 256);
            _weight = value;
        }
    }

    /// <summary>Received bytes that wait for <see cref="TryRead"/>.</summary>
    public abstract long BufferedBytes { get; }

    /// <summary>
    /// How many bytes a driver may take before it calls <see cref="Consumed"/>; with more the peer may wait for a window
    /// that it was not told of. It follows the window: ask again with each report and for each
    /// <see cref="StreamEventKind.Readable"/>.
    /// </summary>
    public abstract int ReportStep { get; }

    /// <summary>
    /// The peer ended its direction and everything was read, or the stream is closed: no more bytes come.
    /// </summary>
    public abstract bool IsReadFinished { get; }

    /// <summary>The end was sent, or the peer takes no more: no more bytes are pulled from the source.</summary>
    public abstract bool IsWriteFinished { get; }

    /// <summary>The stream was given up by the peer or because of what the peer sent.</summary>
    public bool IsReset => ResetReason is not StreamResetReason.None;

    /// <summary>Why <see cref="IsReset"/>.</summary>
    public abstract StreamResetReason ResetReason { get; }

    /// <summary>Both directions are over; the session has forgotten the stream or is about to.</summary>
    public abstract bool IsClosed { get; }

    /// <summary>The source has bytes now. Idempotent and cheap; the next flush pulls them.</summary>
    public abstract void NotifyWritable();

    /// <summary>
    /// Ends this direction once the source has run dry. The peer reads to the end. If it has no half-close it takes
    /// this for the end of both directions, and what it has not sent by then is lost: smux can say no more than that.
    /// </summary>
    public abstract void FinishWrites();

    /// <summary>
    /// Closes the stream: <see cref="FinishWrites"/> for what the source holds, while what was received or still
    /// arrives is dropped. The usual end of a stream that has been used.
    /// </summary>
    public abstract void Close();

    /// <summary>
    /// Gives the stream up in both directions at once: nothing more is pulled, what was received or still arrives is
    /// dropped, and the peer is told.
    /// </summary>
    public abstract void Abort();

    /// <summary>
    /// Gives one direction or both up, with a code that the peer is told. An engine that knows neither codes nor single
    /// directions gives up both.
    /// </summary>
    /// <param name="reads">Take no more of what the peer sends.</param>
    /// <param name="writes">Send nothing more, not even what waits.</param>
    /// <param name="errorCode">What the peer is told.</param>
    public virtual void Abort(bool reads, bool writes, long errorCode) => Abort();

    /// <summary>
    /// The next received bytes. The caller owns the slice. Take them when the application is ready for them rather
    /// than at once: what waits in the stream is kept compact, and many tiny frames become one slice.
    /// </summary>
    public abstract bool TryRead(out PacketSlice slice);

    /// <summary>
    /// The application is done with that many of the bytes that <see cref="TryRead"/> gave: the peer may send more.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes exceed what was read and not yet reported.</exception>
    public abstract void Consumed(int bytes);
}

/// <summary>Why a stream was reset.</summary>
public enum StreamResetReason
{
    /// <summary>It was not.</summary>
    None,

    /// <summary>The peer gave it up.</summary>
    ByPeer,

    /// <summary>The peer claims to have consumed bytes that were never sent (docs/wire/kcptun.md 7.5).</summary>
    ConsumedMoreThanSent,
}
