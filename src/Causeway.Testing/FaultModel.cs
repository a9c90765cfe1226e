using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>
/// Decides what an unreliable link does to each datagram: one direction, in whatever time its caller lives.
/// </summary>
/// <remarks>
/// <para>
/// A datagram passes, in this order: blackout, longest payload, policer, queue (which may mark it), rate, burst loss, independent loss, corruption, delay with jitter
/// and reordering, duplication. So a datagram that is lost at random has used the link, as on radio.
/// </para>
/// <para>
/// Every random decision about the n-th datagram depends only on the seed, the direction and n: two runs that send the
/// same number of datagrams lose the same ones, whatever the timing, and switching one fault on or off leaves the dice
/// of the others as they were. Only queue, policer and blackout depend on time, as on a real link.
/// </para>
/// <para>Not synchronised: one caller at a time, with times that never decrease.</para>
/// </remarks>
public sealed class FaultModel
{
    private const int DrawsPerDatagram = 16;

    // In the unit of buckets.
    private const long UnitsPerByte = 8 * 1_000_000;

    private readonly ulong _seed;
    private FaultModelOptions _options;
    private ulong _base;
    private bool _bad;
    private Timestamp _lastArrival;

    // What the link has still to send.
    private LeakyBucket _backlog;

    // What the policer has let pass and not forgotten: its bucket of tokens, seen from the other side.
    private LeakyBucket _policed;

    private long _sent;
    private long _sentBytes;
    private long _delivered;
    private long _lostToBlackout;
    private long _lostToPolicer;
    private long _lostToSize;
    private long _lostToQueue;
    private long _lostToBurst;
    private long _lostToRandom;
    private long _reordered;
    private long _duplicated;
    private long _corrupted;
    private long _marked;
    private long _queueMaxBytes;

    /// <summary>Makes the model of one direction.</summary>
    /// <param name="options">What the link does.</param>
    /// <param name="seed">Seed of all random decisions.</param>
    /// <param name="direction">Tells directions, and links, of one seed apart.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FaultModel(FaultModelOptions options, ulong seed, int direction)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _seed = SplitMix64.Mix(seed ^ SplitMix64.Mix((ulong)(uint)direction + 1));
    }

    /// <summary>What the link does; may be replaced at any time. What is under way keeps its fate.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FaultModelOptions Options
    {
        get => _options;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            value.Validate();
            _options = value;
        }
    }

    /// <summary>Whether the link is down: everything that enters is lost.</summary>
    public bool Blackout { get; set; }

    /// <summary>Counters.</summary>
    public FaultStatistics Statistics => new()
    {
        Sent = _sent,
        SentBytes = _sentBytes,
        Delivered = _delivered,
        LostToBlackout = _lostToBlackout,
        LostToPolicer = _lostToPolicer,
        LostToSize = _lostToSize,
        LostToQueue = _lostToQueue,
        LostToBurst = _lostToBurst,
        LostToRandom = _lostToRandom,
        Reordered = _reordered,
        Duplicated = _duplicated,
        Corrupted = _corrupted,
        Marked = _marked,
        QueueMaxBytes = _queueMaxBytes,
    };

    /// <summary>Bytes, overhead included, that wait for a link of limited rate.</summary>
    public long GetQueuedBytes(Timestamp now)
    {
        _backlog.Drain(_options.RateBitsPerSecond, now);
        return LeakyBucket.DivideUp(_backlog.Level, UnitsPerByte);
    }

    /// <summary>Decides about the next datagram, which is not capable of marks.</summary>
    /// <param name="size">Bytes of its payload.</param>
    /// <param name="now">When it enters the link.</param>
    public DatagramFate Decide(int size, Timestamp now) => Decide(size, EcnCodepoint.NotCapable, now);

    /// <summary>Decides about the next datagram.</summary>
    /// <param name="size">Bytes of its payload.</param>
    /// <param name="ecn">Its ECN bits.</param>
    /// <param name="now">When it enters the link.</param>
    public DatagramFate Decide(int size, EcnCodepoint ecn, Timestamp now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        _base = (ulong)_sent * DrawsPerDatagram;
        _sent++;
        _sentBytes += size;

        // The state of the link moves on with every datagram, also with those lost to something else: the fate of the
        // n-th must depend on n alone.
        _bad = _bad ? Unit(Draw.Burst) >= _options.BurstLeave : Unit(Draw.Burst) < _options.BurstEnter;

        if (Blackout)
        {
            _lostToBlackout++;
            return DatagramFate.Lost(FaultCause.Blackout);
        }

        if (_options.MaxPayloadBytes > 0 && size > _options.MaxPayloadBytes)
        {
            _lostToSize++;
            return DatagramFate.Lost(FaultCause.Size);
        }

        long units = ((long)size + _options.OverheadBytes) * UnitsPerByte;
        if (!TryPassPolicer(units, now))
        {
            _lostToPolicer++;
            return DatagramFate.Lost(FaultCause.Policer);
        }

        bool isMarked = ecn != EcnCodepoint.NotCapable && IsQueueLong(now);
        if (!TryPassQueue(units, now, out Timestamp onWire))
        {
            _lostToQueue++;
            return DatagramFate.Lost(FaultCause.Queue);
        }

        if (_bad && Unit(Draw.BurstLoss) < _options.BurstLoss)
        {
            _lostToBurst++;
            return DatagramFate.Lost(FaultCause.Burst);
        }

        if (Unit(Draw.Loss) < _options.Loss)
        {
            _lostToRandom++;
            return DatagramFate.Lost(FaultCause.Random);
        }

        _delivered++;
        _marked += isMarked ? 1 : 0;
        int corruptBit = -1;
        if (size > 0 && Unit(Draw.Corrupt) < _options.Corrupt)
        {
            corruptBit = (int)(Roll(Draw.CorruptBit) % ((ulong)size * 8));
            _corrupted++;
        }

        Timestamp arrival = DecideArrival(onWire);
        Timestamp duplicate = Timestamp.Never;
        if (Unit(Draw.Duplicate) < _options.Duplicate)
        {
            duplicate = Timestamp.Max(arrival, Travel(onWire, Draw.DuplicateJitter));
            _duplicated++;
        }

        return new DatagramFate(FaultCause.None, arrival, duplicate, corruptBit) { IsMarked = isMarked };
    }

    private Timestamp DecideArrival(Timestamp onWire)
    {
        Timestamp arrival = Travel(onWire, Draw.Jitter);
        if (_options.KeepOrder)
        {
            arrival = Timestamp.Max(arrival, _lastArrival);
        }

        // A datagram that is held back on purpose must not hold back those behind it.
        _lastArrival = arrival;
        if (Unit(Draw.Reorder) < _options.Reorder)
        {
            arrival = arrival.Add(_options.ReorderGap);
            _reordered++;
        }

        return arrival;
    }

    private Timestamp Travel(Timestamp onWire, Draw draw)
    {
        double jitter = (2 * Unit(draw) - 1) * _options.Jitter.TotalMicroseconds;
        return Timestamp.Max(onWire, onWire.Add(_options.Delay).AddMicroseconds((long)jitter));
    }

    private bool TryPassPolicer(long units, Timestamp now)
    {
        long rate = _options.PolicerBitsPerSecond;
        _policed.Drain(rate, now);
        if (rate > 0 && _policed.Level + units > _options.PolicerBurstBytes * UnitsPerByte)
        {
            return false;
        }

        _policed.Level += rate > 0 ? units : 0;
        return true;
    }

    private bool IsQueueLong(Timestamp now)
    {
        long rate = _options.RateBitsPerSecond;
        _backlog.Drain(rate, now);
        return rate > 0 && _options.MarkThreshold > TimeSpan.Zero
            && LeakyBucket.DivideUp(_backlog.Level, rate) >= _options.MarkThreshold.Ticks / TimeSpan.TicksPerMicrosecond;
    }

    private bool TryPassQueue(long units, Timestamp now, out Timestamp onWire)
    {
        long rate = _options.RateBitsPerSecond;
        _backlog.Drain(rate, now);
        onWire = now;
        if (rate == 0)
        {
            return true;
        }

        // A datagram that finds the link idle needs no queue, however small that is.
        if (_backlog.Level > 0 && _backlog.Level + units > _options.EffectiveQueueBytes * UnitsPerByte)
        {
            return false;
        }

        _backlog.Level += units;
        _queueMaxBytes = Math.Max(_queueMaxBytes, LeakyBucket.DivideUp(_backlog.Level, UnitsPerByte));
        onWire = now.AddMicroseconds(LeakyBucket.DivideUp(_backlog.Level, rate));
        return true;
    }

    private ulong Roll(Draw draw) => SplitMix64.At(_seed, _base + (ulong)draw);

    // 53 bits, uniform in [0, 1).
    private double Unit(Draw draw) => (Roll(draw) >> 11) * (1.0 / (1L << 53));

    // One number for each use, drawn or not. Their order is part of what a seed means: append only.
    private enum Draw
    {
        Burst,
        BurstLoss,
        Loss,
        Corrupt,
        CorruptBit,
        Jitter,
        Reorder,
        Duplicate,
        DuplicateJitter,
    }
}
