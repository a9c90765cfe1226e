namespace Causeway.Quic.Recovery;

/// <summary>One packet number space (RFC 9000, 12.3): what was sent in it and is under way, and what arrived.</summary>
internal sealed class PacketNumberSpace(PacketSpaceId id)
{
    // A number is left out after so many, and up to as many more (RFC 9000, 21.4). Often enough that a peer which acknowledges
    // ahead of what arrives is found within a window, and too seldom to cost anything.
    private const int LeastBetweenSkips = 64;
    private const int MostMoreBetweenSkips = 512;

    private readonly long[] _skipped = [-1, -1, -1, -1];
    private int _skips;
    private long _skipAt = -1;

    /// <summary>Which one it is.</summary>
    public PacketSpaceId Id { get; } = id;

    /// <summary>What arrived.</summary>
    public ReceivedPackets Received { get; } = new(id);

    /// <summary>What was sent and not acknowledged.</summary>
    public SentPackets Sent { get; } = new();

    /// <summary>The number of the next packet.</summary>
    public long NextNumber { get; set; }

    /// <summary>The largest number that the peer acknowledged; -1 if none.</summary>
    public long LargestAcknowledged { get; set; } = -1;

    /// <summary>When the newest packet left that the peer has to acknowledge.</summary>
    public Timestamp LastElicitingAt { get; set; } = Timestamp.LongAgo;

    /// <summary>Packets in flight that the peer has to acknowledge.</summary>
    public int ElicitingInFlight { get; set; }

    /// <summary>When the oldest packet in flight counts as lost by time; Never if none is to (RFC 9002, 6.1.2).</summary>
    public Timestamp LossAt { get; set; } = Timestamp.Never;

    /// <summary>Packets that are to leave whatever the window is, because the probe timeout passed (RFC 9002, 6.2.4).</summary>
    public int Probes { get; set; }

    /// <summary>Whether its keys and with them everything else are gone (RFC 9001, 4.9).</summary>
    public bool IsDiscarded { get; set; }

    /// <summary>The oldest packet in flight.</summary>
    public QuicSentPacket? Oldest { get; private set; }

    /// <summary>The newest packet in flight.</summary>
    public QuicSentPacket? Newest { get; private set; }

    /// <summary>Leaves a number out now and then, that no honest peer ever acknowledges.</summary>
    /// <param name="random">Decides when.</param>
    public void SkipNowAndThen(RandomBytes random)
    {
        if (NextNumber < _skipAt)
        {
            return;
        }

        if (_skipAt >= 0)
        {
            _skipped[_skips++ % _skipped.Length] = NextNumber++;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        random(bytes);
        _skipAt = NextNumber + LeastBetweenSkips + (BitConverter.ToUInt16(bytes) % MostMoreBetweenSkips);
    }

    /// <summary>Whether one of the numbers left out last is in a range, both ends included.</summary>
    public bool HasSkipped(long low, long high)
    {
        foreach (long number in _skipped)
        {
            if (number >= low && number <= high)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Links a packet that is in flight behind all others.</summary>
    public void Link(QuicSentPacket packet)
    {
        packet.Previous = Newest;
        if (Newest is null)
        {
            Oldest = packet;
        }
        else
        {
            Newest.Next = packet;
        }

        Newest = packet;
    }

    /// <summary>Takes a packet out of those in flight.</summary>
    public void Unlink(QuicSentPacket packet)
    {
        if (packet.Previous is null)
        {
            Oldest = packet.Next;
        }
        else
        {
            packet.Previous.Next = packet.Next;
        }

        if (packet.Next is null)
        {
            Newest = packet.Previous;
        }
        else
        {
            packet.Next.Previous = packet.Previous;
        }

        packet.Previous = null;
        packet.Next = null;
    }
}
