using System.Globalization;
using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Smux;

/// <summary>
/// A session of smux, version 1 or 2 (docs/wire/kcptun.md 7), with half-close between two ends of this library: many
/// streams over one ordered pipe. Bytes go in by <see cref="Input"/> and come out by <see cref="Flush"/>.
/// </summary>
/// <remarks>
/// The driver calls, in this order: <see cref="Input"/> for what arrived, as long as <see cref="CanReceive"/>;
/// <see cref="TryReadEvent"/> until it is false, best after each input; <see cref="Flush"/> when
/// <see cref="HasPendingOutput"/> and the pipe below has room, and whenever <see cref="NextDeadline"/> has come;
/// and looks at <see cref="Failure"/> after inputs and flushes.
/// </remarks>
public sealed partial class SmuxSession : StreamSession
{
    /// <summary>The window of a stream before the first UPD (docs/wire/kcptun.md 7.5).</summary>
    internal const uint FirstWindow = 262144;

    private readonly SmuxOptions _options;
    private readonly ReceiveMemory _memory;
    private readonly ReceiveBudget _budget;
    private readonly WindowTuner? _sharedWindow;
    private readonly Dictionary<uint, SmuxStream> _streams = [];

    // Mutable structs: not readonly.
    private StreamList<SmuxStream, SmuxStream.SendLink> _sending;
    private StreamList<SmuxStream, SmuxStream.ControlLink> _control;
    private StreamList<SmuxStream, SmuxStream.EventLink> _events;

    private StreamFailure? _failure;
    private HalfCloseSupport _halfClose;
    private bool _halfCloseEvent;
    private bool _disposed;
    private uint _nextId;
    private int _waitingForAccept;
    private Timestamp _keepAliveAt;
    private Timestamp _timeoutAt;
    private Timestamp _heardAt;

    // A mutable struct: not readonly.
    private RunWatch _watch = new();

    /// <summary>Begins a session.</summary>
    /// <param name="role">Which end this is.</param>
    /// <param name="options">Settings.</param>
    /// <param name="pool">Where compact buffers for small payloads come from.</param>
    /// <param name="now">The time: keep-alive counts from here.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public SmuxSession(EndpointRole role, SmuxOptions options, PacketPool pool, Timestamp now)
        : base(role)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(pool);
        options.Validate();
        _options = options;
        if (options is { Version: 1, ReceiveBuffer: null })
        {
            _sharedWindow = new WindowTuner(FirstSharedWindow, FirstSharedWindow, options.ReceiveLimit);
        }

        _budget = new ReceiveBudget(options.ReceiveLimit);
        _memory = new ReceiveMemory(_sharedWindow?.Window ?? options.ReceiveLimit, pool);
        _halfClose = options.HalfCloseExtension ? HalfCloseSupport.Unknown : HalfCloseSupport.Unsupported;
        _nextId = role == EndpointRole.Client ? 3u : 2u;
        _keepAliveAt = now + options.KeepAliveInterval;
        _timeoutAt = now + options.KeepAliveTimeout;
        _heardAt = now;
        _watch.OnRun(now);
    }

    /// <summary>
    /// The round-trip time of the pipe below, for the driver to say before a flush: windows that set themselves grow by
    /// what is read in one. Zero, the default, if it is not known.
    /// </summary>
    public TimeSpan RoundTripTime { get; set; }

    /// <inheritdoc/>
    public override long BufferedBytes => _memory.Taken;

    /// <inheritdoc/>
    public override bool CanReceive => !IsOver && _memory.HasRoom;

    /// <inheritdoc/>
    public override Timestamp NextDeadline =>
        IsOver ? Timestamp.Never : Timestamp.Min(_keepAliveAt, _timeoutAt);

    /// <inheritdoc/>
    public override StreamFailure? Failure => _failure;

    /// <inheritdoc/>
    public override int StreamCount => _streams.Count;

    /// <inheritdoc/>
    public override HalfCloseSupport HalfClose => _halfClose;

    /// <inheritdoc/>
    public override StreamOpenRefusal OpenRefusal
    {
        get
        {
            if (IsOver)
            {
                return StreamOpenRefusal.SessionEnded;
            }

            if (_nextId == 0)
            {
                return StreamOpenRefusal.IdsExhausted;
            }

            return _streams.Count >= _options.MaxStreams ? StreamOpenRefusal.TooManyStreams
                : HasMemoryForStream ? StreamOpenRefusal.None
                : StreamOpenRefusal.NoReceiveMemory;
        }
    }

    /// <summary>What the streams hold. For tests.</summary>
    internal ReceiveMemory Memory => _memory;

    /// <summary>What the peer may send. For tests.</summary>
    internal ReceiveBudget Budget => _budget;

    /// <summary>
    /// Where the window counters of new streams start. 0, except in tests of their wrapping; alike at both ends.
    /// </summary>
    internal uint FirstCounter { get; init; }

    /// <summary>The id of the next stream, or 0 when there is none. Set only by tests.</summary>
    internal uint NextId
    {
        get => _nextId;
        set => _nextId = value;
    }

    private bool HasMemoryForStream => _options.Version < 2 || _budget.HasFloor;

    private bool IsOver => _failure is not null || _disposed;

    /// <summary>
    /// Something authentic arrived below, whatever it was: an acknowledgement is as much a sign of life as a frame.
    /// </summary>
    /// <remarks>
    /// The reference checks every timeout that something came since the last check, and so bears a silence of one to two
    /// (docs/wire/kcptun.md 7.6): no peer may be given up sooner here, so it is always two.
    /// </remarks>
    public void OnPeerHeard(Timestamp now)
    {
        NoteTime(now);
        _heardAt = Timestamp.Max(_heardAt, now);
        _timeoutAt = Timestamp.Max(_timeoutAt, now + (2 * _options.KeepAliveTimeout));
    }

    /// <inheritdoc/>
    public override TransportStream? TryOpen(Timestamp now)
    {
        if (OpenRefusal is not StreamOpenRefusal.None)
        {
            return null;
        }

        SmuxStream stream = new(this, _nextId, isLocal: true, FirstCounter);
        _nextId = _nextId <= uint.MaxValue - 2 ? _nextId + 2 : 0;
        _streams.Add(stream.StreamId, stream);
        Statistics.StreamsOpened++;
        RequestControl(stream, ControlFrames.Syn);
        OpenWindow(stream);
        return stream;
    }

    /// <inheritdoc/>
    public override bool TryReadEvent(out StreamEvent e)
    {
        if (_halfCloseEvent)
        {
            _halfCloseEvent = false;
            e = new StreamEvent(StreamEventKind.HalfCloseKnown, null);
            return true;
        }

        if (_events.First is not { } stream)
        {
            e = default;
            return false;
        }

        StreamEvents next = stream.Events & (StreamEvents)(-(int)stream.Events);
        SetEvents(stream, stream.Events & ~next);
        e = new StreamEvent(KindOf(next), stream);
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        foreach (SmuxStream stream in _streams.Values)
        {
            stream.Receive.ReleaseTail();
            stream.Forgotten = true;
        }

        _memory.Slices.ReleaseAll();
        _streams.Clear();
        _sending = default;
        _control = default;
        _events = default;
        _receiver = null;
    }

    private static StreamEventKind KindOf(StreamEvents single) => single switch
    {
        StreamEvents.Accepted => StreamEventKind.Accepted,
        StreamEvents.Readable => StreamEventKind.Readable,
        StreamEvents.ReadsFinished => StreamEventKind.ReadsFinished,
        StreamEvents.WritesStopped => StreamEventKind.WritesStopped,
        _ => StreamEventKind.Reset,
    };

    private void Raise(SmuxStream stream, StreamEvents added) => SetEvents(stream, stream.Events | added);

    private void SetEvents(SmuxStream stream, StreamEvents events)
    {
        if ((stream.Events & ~events).HasFlag(StreamEvents.Accepted))
        {
            _waitingForAccept--;
        }

        stream.Events = events;
        if (events is StreamEvents.None)
        {
            _events.Remove(stream);
        }
        else
        {
            _events.Append(stream);
        }
    }

    private void Fail(StreamFailureKind kind, string reason) => _failure ??= new StreamFailure(kind, reason);

    private void DecideHalfClose(HalfCloseSupport support)
    {
        _halfClose = support;
        _halfCloseEvent = true;
    }

    /// <summary>
    /// Keep-alive (docs/wire/kcptun.md 7.6): a NOP every interval, whatever else is sent, and an end after a silence of two
    /// timeouts, or of one if nothing ever came. A session that does not read cannot know.
    /// </summary>
    private void CheckTimers(Timestamp now)
    {
        NoteTime(now);
        if (now >= _keepAliveAt)
        {
            _keepAlivePending = true;
            _keepAliveAt = now + _options.KeepAliveInterval;
        }

        if (now < _timeoutAt)
        {
            return;
        }

        if (!_memory.HasRoom)
        {
            _timeoutAt = now + _options.KeepAliveTimeout;
            return;
        }

        Fail(
            StreamFailureKind.KeepAliveTimeout,
            string.Create(
                CultureInfo.InvariantCulture,
                $"Nothing arrived from the peer for {(now - _heardAt).TotalSeconds:0.#} s; the keep-alive timeout is "
                + $"{_options.KeepAliveTimeout.TotalSeconds:0.###} s."));
    }

    /// <summary>A time in which this side did not run says nothing about the peer: what it sent waits to be read.</summary>
    private void NoteTime(Timestamp now)
    {
        if (_watch.IsSuspicious(now) && _watch.Gap(NextDeadline, now) is > 0 and long gap)
        {
            _heardAt = _heardAt.AddMicroseconds(gap);
            _timeoutAt = _timeoutAt.AddMicroseconds(gap);
            _keepAliveAt = _keepAliveAt.AddMicroseconds(gap);
        }

        _watch.OnRun(now);
    }
}
