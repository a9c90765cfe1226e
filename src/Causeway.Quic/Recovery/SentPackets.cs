using System.Diagnostics;

namespace Causeway.Quic.Recovery;

/// <summary>
/// The packets of one space that were sent and are not acknowledged, found by number. A ring: its cost does not grow with how
/// many there are.
/// </summary>
/// <remarks>
/// A peer repeats ranges that it acknowledged before. Each number that is gone remembers a lower one from which on to look, and
/// every look shortens the way for the next, as in a union-find: going through a range costs what is new in it.
/// </remarks>
internal sealed class SentPackets
{
    private Slot[] _slots = [];
    private int _mask;

    /// <summary>The lowest number that may still be found.</summary>
    public long First { get; private set; }

    /// <summary>The number behind the highest that was added.</summary>
    public long End { get; private set; }

    /// <summary>Numbers that were looked at to find packets, for the test of what repeated ranges cost.</summary>
    public long Visits { get; private set; }

    /// <summary>The packet of a number; null if it is gone or was never sent.</summary>
    public QuicSentPacket? Find(long number) =>
        number >= First && number < End ? _slots[(int)number & _mask].Packet : null;

    /// <summary>The packet with the highest number from <paramref name="low"/> to <paramref name="high"/>, or null.</summary>
    public QuicSentPacket? FindHighest(long low, long high)
    {
        low = Math.Max(low, First);
        long number = Math.Min(high, End - 1);
        long start = number;
        while (number >= low)
        {
            Visits++;
            ref Slot slot = ref _slots[(int)number & _mask];
            if (slot.Packet is { } packet)
            {
                Shorten(start, number);
                return packet;
            }

            number -= slot.Below;
        }

        Shorten(start, Math.Max(number, First - 1));
        return null;
    }

    /// <summary>Adds a packet; its number is higher than every one before.</summary>
    public void Add(QuicSentPacket packet)
    {
        Debug.Assert(packet.Number >= End, "packet numbers grow");
        if (First == End)
        {
            First = packet.Number;
            End = packet.Number;
        }

        Reserve(packet.Number + 1 - First);
        for (; End < packet.Number; End++)
        {
            // A number that was skipped on purpose (RFC 9000, 21.4).
            _slots[(int)End & _mask] = new Slot { Below = 1 };
        }

        _slots[(int)End++ & _mask] = new Slot { Packet = packet };
    }

    /// <summary>Takes a packet out.</summary>
    public void Remove(QuicSentPacket packet)
    {
        _slots[(int)packet.Number & _mask] = new Slot { Below = 1 };
        while (First < End && _slots[(int)First & _mask].Packet is null)
        {
            First++;
        }
    }

    private void Shorten(long from, long to)
    {
        while (from > to)
        {
            ref Slot slot = ref _slots[(int)from & _mask];
            long next = from - slot.Below;
            slot.Below = (int)Math.Min(from - to, int.MaxValue);
            from = next;
        }
    }

    private void Reserve(long count)
    {
        if (count <= _slots.Length)
        {
            return;
        }

        int size = Math.Max(16, _slots.Length);
        while (size < count)
        {
            size *= 2;
        }

        Slot[] slots = new Slot[size];
        for (long number = First; number < End; number++)
        {
            slots[(int)number & (size - 1)] = _slots[(int)number & _mask];
        }

        _slots = slots;
        _mask = size - 1;
    }

    private struct Slot
    {
        public QuicSentPacket? Packet;

        // Without a packet: how far below the next one to look at is.
        public int Below;
    }
}
