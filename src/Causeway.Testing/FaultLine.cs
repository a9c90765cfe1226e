using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>
/// One direction of a <see cref="FaultInjectionLink"/>: a <see cref="FaultModel"/>, the datagrams that are under way,
/// and a loop that hands over those whose time has come.
/// </summary>
/// <remarks>
/// Timers tick in milliseconds, so a datagram leaves up to about one millisecond late, never early. Whatever is due by
/// then leaves in the same batch: the rate does not suffer.
/// </remarks>
internal sealed class FaultLine
{
    private const int MaxBatch = 128;

    private readonly Lock _lock = new();
    private readonly FaultModel _model;
    private readonly FaultInjectionOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly long _origin;
    private readonly ITimer _timer;
    private readonly AsyncSignal _signal = new();
    private readonly Func<ReadOnlyMemory<PacketBuffer>, ValueTask> _deliver;
    private readonly int _headroom;

    // By time, and by order of entry where that is equal.
    private readonly PriorityQueue<PacketBuffer, (Timestamp Arrival, long Number)> _underWay = new();
    private long _number;
    private long _delivered;
    private long _overflowed;
    private bool _isClosed;

    /// <param name="faults">What happens to datagrams.</param>
    /// <param name="direction">Tells the dice of the two directions apart.</param>
    /// <param name="options">Seed, pool and limits.</param>
    /// <param name="timeProvider">The clock, and the timer that wakes the loop.</param>
    /// <param name="headroom">Free bytes that the copies need in front.</param>
    /// <param name="deliver">Takes datagrams that are due, one batch at a time, and their references with them.</param>
    public FaultLine(
        FaultModelOptions faults,
        int direction,
        FaultInjectionOptions options,
        TimeProvider timeProvider,
        int headroom,
        Func<ReadOnlyMemory<PacketBuffer>, ValueTask> deliver)
    {
        _model = new FaultModel(faults, options.Seed, direction);
        _options = options;
        _timeProvider = timeProvider;
        _origin = timeProvider.GetTimestamp();
        _headroom = headroom;
        _deliver = deliver;
        _timer = timeProvider.CreateTimer(
            static state => ((AsyncSignal)state!).Set(), _signal, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Completion = Task.Run(RunAsync);
    }

    /// <summary>Ends when the line is closed; fails if the delivery did.</summary>
    public Task Completion { get; }

    public FaultModelOptions Faults
    {
        get
        {
            lock (_lock)
            {
                return _model.Options;
            }
        }

        set
        {
            lock (_lock)
            {
                _model.Options = value;
            }
        }
    }

    public FaultInjectionStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new FaultInjectionStatistics
                {
                    Faults = _model.Statistics,
                    Delivered = _delivered,
                    Overflowed = _overflowed,
                    Held = _underWay.Count,
                };
            }
        }
    }

    public void SetBlackout(bool isDown)
    {
        lock (_lock)
        {
            _model.Blackout = isDown;
        }
    }

    /// <summary>
    /// Decides about datagrams and holds copies of those that are to arrive. The caller keeps its buffers.
    /// </summary>
    public void Enter(ReadOnlySpan<PacketBuffer> datagrams)
    {
        bool isSooner = false;
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            Timestamp now = Now();
            foreach (PacketBuffer datagram in datagrams)
            {
                DatagramFate fate = _model.Decide(datagram.Length, datagram.Ecn, now);
                if (!fate.IsLost)
                {
                    isSooner |= Hold(datagram, fate, fate.Arrival);
                    if (fate.IsDuplicated)
                    {
                        isSooner |= Hold(datagram, fate, fate.DuplicateArrival);
                    }
                }
            }
        }

        if (isSooner)
        {
            _signal.Set();
        }
    }

    /// <summary>Releases what is under way and ends the loop.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            while (_underWay.TryDequeue(out PacketBuffer? copy, out _))
            {
                copy.Release();
            }
        }

        _timer.Dispose();
        _signal.Set();
    }

    private Timestamp Now() => Timestamp.Zero.Add(_timeProvider.GetElapsedTime(_origin));

    // Holds a copy; true if it is the next to arrive, so that the loop's timer is set too late.
    private bool Hold(PacketBuffer datagram, DatagramFate fate, Timestamp arrival)
    {
        int headroom = Math.Min(_headroom, _options.Pool.BufferSize - datagram.Length);
        if (_underWay.Count >= _options.MaxHeldDatagrams || headroom < 0)
        {
            _overflowed++;
            return false;
        }

        PacketBuffer copy = _options.Pool.Rent(headroom);
        datagram.Payload.CopyTo(copy.Append(datagram.Length));
        copy.Path = datagram.Path;
        copy.Ecn = fate.IsMarked ? EcnCodepoint.CongestionExperienced : datagram.Ecn;
        fate.Corrupt(copy.Payload);
        _underWay.Enqueue(copy, (arrival, _number++));
        return ReferenceEquals(_underWay.Peek(), copy);
    }

    private async Task RunAsync()
    {
        PacketBuffer[] batch = new PacketBuffer[MaxBatch];
        while (true)
        {
            int count = TakeDue(batch, out TimeSpan untilNext);
            if (count < 0)
            {
                return;
            }

            if (count > 0)
            {
                await _deliver(batch.AsMemory(0, count)).ConfigureAwait(false);
                continue;
            }

            // If the line was closed just now, the timer is gone but the signal is set. If the clock moved on since it
            // was read, the timer is late by as much: a jump, as of a test's clock, must not be missed.
            _timer.Change(untilNext, Timeout.InfiniteTimeSpan);
            if (!IsDue())
            {
                await _signal.WaitAsync().ConfigureAwait(false);
            }
        }
    }

    private bool IsDue()
    {
        lock (_lock)
        {
            return _underWay.TryPeek(out _, out (Timestamp Arrival, long Number) next) && next.Arrival <= Now();
        }
    }

    /// <summary>Takes datagrams whose time has come.</summary>
    /// <returns>How many; -1 if the line is closed.</returns>
    private int TakeDue(Span<PacketBuffer> batch, out TimeSpan untilNext)
    {
        lock (_lock)
        {
            untilNext = Timeout.InfiniteTimeSpan;
            if (_isClosed)
            {
                return -1;
            }

            Timestamp now = Now();
            int count = 0;
            while (_underWay.TryPeek(out _, out (Timestamp Arrival, long Number) next) && count < batch.Length)
            {
                if (next.Arrival > now)
                {
                    // Whole milliseconds, upwards: timers cut fractions off, and would then fire too early and spin.
                    double milliseconds = Math.Ceiling((next.Arrival - now).TotalMilliseconds);
                    untilNext = TimeSpan.FromMilliseconds(milliseconds);
                    break;
                }

                batch[count++] = _underWay.Dequeue();
            }

            _delivered += count;
            return count;
        }
    }
}
