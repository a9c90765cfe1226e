using Causeway.Quic.Wire;

namespace Causeway.Quic.Recovery;

/// <summary>
/// The packet numbers of one space that arrived: which to acknowledge, when (RFC 9000, 13.2), and which are copies.
/// </summary>
internal sealed class ReceivedPackets
{
    // More would not fit into a packet with anything else, and costs a peer that loses every other packet nothing: what falls
    // out was acknowledged in many ACKs before.
    private const int MostRanges = 96;

    // RFC 9000, 13.2.2: at least every second packet, but what arrives together is acknowledged together.
    private const int PacketsPerAck = 2;

    private readonly bool _isImmediate;
    private long _reorderingThreshold = 1;

    // What the sender may have deemed lost by the last acknowledgement.
    private long _largestReported = -1;
    private RangeSet _numbers;
    private long _forgotten = -1;
    private long _largestAcknowledged = -1;
    private int _elicitingUnacknowledged;
    private bool _isDue;

    /// <summary>Makes it for a space.</summary>
    /// <param name="space">Initial and Handshake packets are acknowledged at once (RFC 9000, 13.2.1).</param>
    public ReceivedPackets(PacketSpaceId space) => _isImmediate = space != PacketSpaceId.Application;

    /// <summary>The largest number that arrived; -1 if none did.</summary>
    public long Largest { get; private set; } = -1;

    /// <summary>When the largest number arrived.</summary>
    public Timestamp LargestAt { get; private set; }

    /// <summary>When an acknowledgement has to leave.</summary>
    public Timestamp DueAt { get; private set; } = Timestamp.Never;

    /// <summary>How long this end waits, in microseconds (max_ack_delay).</summary>
    public long MaxDelay { get; private set; } = 25_000;

    /// <summary>Packets that are acknowledged together unless the time is over.</summary>
    public int Threshold { get; private set; } = PacketsPerAck;

    /// <summary>Packets that arrived with each ECN codepoint, by <see cref="EcnCodepoint"/>.</summary>
    public EcnCounts Ecn { get; private set; }

    /// <summary>Whether something arrived that was not acknowledged yet.</summary>
    public bool HasNews { get; private set; }

    /// <summary>What to acknowledge, in ascending order.</summary>
    public ReadOnlySpan<NumberRange> Ranges => _numbers.Span;

    /// <summary>Whether a packet arrived before, or so long ago that nobody knows: then it must not be processed.</summary>
    public bool IsCopy(long number) => number <= _forgotten || _numbers.Contains(number);

    /// <summary>The peer asks for more acknowledgements or fewer (draft-ietf-quic-ack-frequency, 4 and 6).</summary>
    /// <param name="threshold">Packets that elicit an acknowledgement and may go without one; the next brings it.</param>
    /// <param name="maxDelay">How long this end waits at most, in microseconds.</param>
    /// <param name="reorderingThreshold">How far a packet overtakes a missing one before that is told at once; 0 for never.</param>
    public void OnRequest(long threshold, long maxDelay, long reorderingThreshold)
    {
        Threshold = (int)Math.Min(threshold, int.MaxValue - 1) + 1;
        MaxDelay = maxDelay;
        _reorderingThreshold = reorderingThreshold;
    }

    /// <summary>A packet arrived and was processed.</summary>
    public void Add(long number, bool isAckEliciting, EcnCodepoint ecn, Timestamp now)
    {
        bool isInOrder = number == Largest + 1;
        _numbers.Add(number, number + 1);
        if (number > Largest)
        {
            Largest = number;
            LargestAt = now;
        }

        while (_numbers.Count > MostRanges)
        {
            _forgotten = _numbers[0].End - 1;
            _numbers.RemoveFirst();
        }

        Ecn = ecn switch
        {
            EcnCodepoint.Capable0 => Ecn with { Ect0 = Ecn.Ect0 + 1 },
            EcnCodepoint.Capable1 => Ecn with { Ect1 = Ecn.Ect1 + 1 },
            EcnCodepoint.CongestionExperienced => Ecn with { CongestionExperienced = Ecn.CongestionExperienced + 1 },
            _ => Ecn,
        };
        HasNews = true;
        if (!isAckEliciting)
        {
            return;
        }

        // What is out of order tells the sender of a loss, and a mark of congestion (RFC 9000, 13.2.1).
        _isDue |= _isImmediate || TellsOfReordering(isInOrder) || ecn == EcnCodepoint.CongestionExperienced
            || ++_elicitingUnacknowledged >= Threshold;
        DueAt = _isDue ? now : Timestamp.Min(DueAt, now.AddMicroseconds(MaxDelay));
    }

    /// <summary>
    /// Whether a missing packet, of which no acknowledgement told, was overtaken so far that the sender may deem it lost (6.2 there).
    /// </summary>
    private bool TellsOfReordering(bool isInOrder)
    {
        if (_reorderingThreshold <= 1)
        {
            return _reorderingThreshold == 1 && !isInOrder;
        }

        // The smallest missing number behind what was told already.
        long missing = Math.Max(0, Math.Max(_largestReported, _forgotten) + 1);
        int index = _numbers.FirstEndingBehind(missing);
        if (index < _numbers.Count && _numbers[index].Start <= missing)
        {
            missing = _numbers[index].End;
        }

        return Largest - missing >= _reorderingThreshold;
    }

    /// <summary>An acknowledgement is to go with whatever leaves next.</summary>
    public void Demand(Timestamp now)
    {
        _isDue = true;
        DueAt = now;
    }

    /// <summary>Everything that arrived so far was acknowledged by a packet.</summary>
    public void OnAckSent()
    {
        HasNews = false;
        _isDue = false;
        _largestReported = Largest - _reorderingThreshold;
        _elicitingUnacknowledged = 0;
        DueAt = Timestamp.Never;
    }

    /// <summary>The peer has an acknowledgement: nothing up to what it acknowledged has to be said again (RFC 9000, 13.2.4).</summary>
    public void OnAckAcknowledged(long largest)
    {
        if (largest <= _largestAcknowledged)
        {
            return;
        }

        _largestAcknowledged = largest;
        int last = _numbers.FirstEndingBehind(largest);

        // The range around it stays: it is what the next acknowledgement begins with.
        for (int i = 0; i < last; i++)
        {
            _forgotten = _numbers[0].End - 1;
            _numbers.RemoveFirst();
        }
    }
}
