using Causeway.Protocol.Wire;

namespace Causeway.Protocol.Mux;

/// <summary>A session of smux, version 1 or 2 (spec 7), with half-close between two ends of this library.</summary>
public sealed partial class SmuxSession : MuxSession
{
    /// <summary>The window of a stream before the first UPD (spec 7.5).</summary>
    internal const uint FirstWindow = 262144;

    private readonly SmuxOptions _options;
    private readonly ReceiveMemory _memory;
    private readonly ReceiveBudget _budget;
    private readonly WindowTuner? _sharedWindow;
    private readonly Dictionary<uint, SmuxStream> _streams = [];

    // Mutable structs: not readonly.
    private StreamList<SmuxStream.SendLink> _sending;
    private StreamList<SmuxStream.ControlLink> _control;
    private StreamList<SmuxStream.EventLink> _events;

    private MuxFailure? _failure;
    private HalfCloseSupport _halfClose;
    private bool _halfCloseEvent;
    private bool _disposed;
    private uint _nextId;
    private int _waitingForAccept;
    private Timestamp _keepAliveAt;
    private Timestamp _timeoutAt;
    private bool _heard;

    /// <summary>Begins a session.</summary>
    /// <param name="role">Which end this is.</param>
    /// <param name="options">Settings.</param>
    /// <param name="pool">Where compact buffers for small payloads come from.</param>
    /// <param name="now">The time: keep-alive counts from here.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public SmuxSession(MuxRole role, SmuxOptions options, PacketPool pool, Timestamp now)
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
        _nextId = role == MuxRole.Client ? 3u : 2u;
        _keepAliveAt = now + options.KeepAliveInterval;
        _timeoutAt = now + options.KeepAliveTimeout;
    }

    /// <inheritdoc/>
    public override long BufferedBytes => _memory.Taken;

    /// <inheritdoc/>
    public override bool CanReceive => !IsOver && _memory.HasRoom;

    /// <inheritdoc/>
    public override Timestamp NextDeadline =>
        IsOver ? Timestamp.Never : Timestamp.Min(_keepAliveAt, _timeoutAt);

    /// <inheritdoc/>
    public override MuxFailure? Failure => _failure;

    /// <inheritdoc/>
    public override int StreamCount => _streams.Count;

    /// <inheritdoc/>
    public override HalfCloseSupport HalfClose => _halfClose;

    /// <inheritdoc/>
    public override MuxOpenRefusal OpenRefusal
    {
        get
        {
            if (IsOver)
            {
                return MuxOpenRefusal.SessionEnded;
            }

            if (_nextId == 0)
            {
                return MuxOpenRefusal.IdsExhausted;
            }

            return _streams.Count >= _options.MaxStreams ? MuxOpenRefusal.TooManyStreams
                : HasMemoryForStream ? MuxOpenRefusal.None
                : MuxOpenRefusal.NoReceiveMemory;
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

    /// <inheritdoc/>
    public override MuxStream? TryOpen(Timestamp now)
    {
        if (OpenRefusal is not MuxOpenRefusal.None)
        {
            return null;
        }

        SmuxStream stream = new(this, _nextId, isLocal: true, FirstCounter);
        _nextId = _nextId <= uint.MaxValue - 2 ? _nextId + 2 : 0;
        _streams.Add(stream.Id, stream);
        Statistics.StreamsOpened++;
        RequestControl(stream, ControlFrames.Syn);
        OpenWindow(stream);
        return stream;
    }

    /// <inheritdoc/>
    public override bool TryReadEvent(out MuxEvent e)
    {
        if (_halfCloseEvent)
        {
            _halfCloseEvent = false;
            e = new MuxEvent(MuxEventKind.HalfCloseKnown, null);
            return true;
        }

        if (_events.First is not { } stream)
        {
            e = default;
            return false;
        }

        StreamEvents next = stream.Events & (StreamEvents)(-(int)stream.Events);
        SetEvents(stream, stream.Events & ~next);
        e = new MuxEvent(KindOf(next), stream);
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

    private static MuxEventKind KindOf(StreamEvents single) => single switch
    {
        StreamEvents.Accepted => MuxEventKind.Accepted,
        StreamEvents.Readable => MuxEventKind.Readable,
        StreamEvents.ReadsFinished => MuxEventKind.ReadsFinished,
        StreamEvents.WritesStopped => MuxEventKind.WritesStopped,
        _ => MuxEventKind.Reset,
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

    private void Fail(MuxFailureKind kind, string reason) => _failure ??= new MuxFailure(kind, reason);

    private void DecideHalfClose(HalfCloseSupport support)
    {
        _halfClose = support;
        _halfCloseEvent = true;
    }

    /// <summary>
    /// Keep-alive (spec 7.6): a NOP every interval, whatever else is sent, and a check every timeout that some header
    /// came since the last one. A session that does not read cannot know.
    /// </summary>
    private void CheckTimers(Timestamp now)
    {
        if (now >= _keepAliveAt)
        {
            _keepAlivePending = true;
            _keepAliveAt = now + _options.KeepAliveInterval;
        }

        if (now >= _timeoutAt)
        {
            // A check that comes this late says that we slept, not that the peer did: what it sent waits to be read.
            bool slept = now > _timeoutAt + _options.KeepAliveInterval;
            if (!_heard && !slept && _memory.HasRoom)
            {
                double seconds = _options.KeepAliveTimeout.TotalSeconds;
                Fail(MuxFailureKind.KeepAliveTimeout, $"The peer sent nothing for {seconds:0.###} s.");
            }

            _heard = false;
            _timeoutAt = now + _options.KeepAliveTimeout;
        }
    }
}
