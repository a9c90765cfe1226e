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
    public long MaxDelay { get; set; } = 25_000;

    /// <summary>Packets that are acknowledged together unless the time is over; a peer may ask for more (ACK_FREQUENCY).</summary>
    public int Threshold { get; set; } = PacketsPerAck;

    /// <summary>Packets that arrived with each ECN codepoint, by <see cref="EcnCodepoint"/>.</summary>
    public EcnCounts Ecn { get; private set; }

    /// <summary>Whether something arrived that was not acknowledged yet.</summary>
    public bool HasNews { get; private set; }

    /// <summary>What to acknowledge, in ascending order.</summary>
    public ReadOnlySpan<NumberRange> Ranges => _numbers.Span;

    /// <summary>Whether a packet arrived before, or so long ago that nobody knows: then it must not be processed.</summary>
    public bool IsCopy(long number) => number <= _forgotten || _numbers.Contains(number);

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
        _isDue |= _isImmediate || !isInOrder || ecn == EcnCodepoint.CongestionExperienced
            || ++_elicitingUnacknowledged >= Threshold;
        DueAt = _isDue ? now : Timestamp.Min(DueAt, now.AddMicroseconds(MaxDelay));
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
