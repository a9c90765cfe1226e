using System.Buffers;

namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>
/// Puts payloads together that came in pieces, within a time and an amount of memory. Nothing waits for a piece that is missing: other
/// payloads go on, and the one is dropped when its time is up. Takes the time as an argument; one caller at a time.
/// </summary>
internal sealed class Reassembler
{
    // What an unfinished payload costs beside its bytes, so that small ones are not free.
    private const int Overhead = 256;

    // Objects kept for the next payloads.
    private const int MostSpare = 32;

    private readonly int _memory;
    private readonly TimeSpan _timeout;
    private readonly Dictionary<(uint Flow, ushort Packet), Partial> _partials = [];
    private readonly Stack<Partial> _spare = new();

    // In the order in which their first pieces came, which is that of their deadlines.
    private Partial? _oldest;
    private Partial? _newest;
    private int _used;

    /// <summary>Makes one that holds nothing.</summary>
    /// <param name="memory">Bytes of unfinished payloads; the longest payload fits.</param>
    /// <param name="timeout">How long the pieces of one may take to come together.</param>
    public Reassembler(int memory, TimeSpan timeout)
    {
        _memory = Math.Max(memory, TunnelDatagram.MaxPayloadLength + Overhead);
        _timeout = timeout;
    }

    /// <summary>Payloads that are not whole yet.</summary>
    public int Count => _partials.Count;

    /// <summary>Payloads that were dropped because pieces were missing when their time was up, or the memory was needed.</summary>
    public long Incomplete { get; private set; }

    /// <summary>Adds a piece.</summary>
    /// <param name="header">Its header, well-formed.</param>
    /// <param name="bytes">What follows it.</param>
    /// <param name="now">The time since some beginning.</param>
    /// <param name="whole">
    /// The payload if this was its last missing piece, <see cref="TunnelDatagram.Total"/> bytes; the caller returns it to the shared pool.
    /// </param>
    /// <returns>False if it contradicts another piece of the same payload, which is then dropped with it.</returns>
    public bool TryAdd(in TunnelDatagram header, ReadOnlySpan<byte> bytes, TimeSpan now, out byte[]? whole)
    {
        whole = null;
        Expire(now);
        if (!_partials.TryGetValue((header.Flow, header.Packet), out Partial? partial))
        {
            partial = Begin(header, now);
        }
        else if (partial.Total != header.Total || partial.Count != header.Count)
        {
            Drop(partial);
            return false;
        }

        ulong bit = 1UL << header.Index;
        if ((partial.Present & bit) != 0)
        {
            return true;
        }

        bytes.CopyTo(partial.Buffer.AsSpan(header.Index * header.PieceLength));
        partial.Present |= bit;
        if (partial.Present == ulong.MaxValue >> (64 - partial.Count))
        {
            whole = partial.Buffer;
            Remove(partial);
        }

        return true;
    }

    /// <summary>Drops what is past its time.</summary>
    public void Expire(TimeSpan now)
    {
        while (_oldest is { } oldest && now - oldest.BeganAt >= _timeout)
        {
            Incomplete++;
            Drop(oldest);
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        while (_oldest is { } oldest)
        {
            Drop(oldest);
        }
    }

    private Partial Begin(in TunnelDatagram header, TimeSpan now)
    {
        while (_used + header.Total + Overhead > _memory && _oldest is { } oldest)
        {
            Incomplete++;
            Drop(oldest);
        }

        Partial partial = _spare.TryPop(out Partial? spare) ? spare : new Partial();
        partial.Key = (header.Flow, header.Packet);
        partial.Buffer = ArrayPool<byte>.Shared.Rent(header.Total);
        partial.Total = header.Total;
        partial.Count = header.Count;
        partial.Present = 0;
        partial.BeganAt = now;
        partial.Older = _newest;
        partial.Newer = null;
        if (_newest is null)
        {
            _oldest = partial;
        }
        else
        {
            _newest.Newer = partial;
        }

        _newest = partial;
        _used += header.Total + Overhead;
        _partials.Add(partial.Key, partial);
        return partial;
    }

    private void Drop(Partial partial)
    {
        ArrayPool<byte>.Shared.Return(partial.Buffer);
        Remove(partial);
    }

    private void Remove(Partial partial)
    {
        _partials.Remove(partial.Key);
        _used -= partial.Total + Overhead;
        if (partial.Older is null)
        {
            _oldest = partial.Newer;
        }
        else
        {
            partial.Older.Newer = partial.Newer;
        }

        if (partial.Newer is null)
        {
            _newest = partial.Older;
        }
        else
        {
            partial.Newer.Older = partial.Older;
        }

        partial.Older = null;
        partial.Newer = null;
        partial.Buffer = [];
        if (_spare.Count < MostSpare)
        {
            _spare.Push(partial);
        }
    }

    private sealed class Partial
    {
        public (uint Flow, ushort Packet) Key { get; set; }

        public byte[] Buffer { get; set; } = [];

        public int Total { get; set; }

        public int Count { get; set; }

        /// <summary>A bit for each piece that is there.</summary>
        public ulong Present { get; set; }

        public TimeSpan BeganAt { get; set; }

        public Partial? Older { get; set; }

        public Partial? Newer { get; set; }
    }
}
