using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// The receiving half of a session: data in order for the reader, and what is to be said of it. That is acknowledgements of
/// segments, ranges behind a gap, and the window.
/// </summary>
internal sealed class ArqReceiver
{
    /// <summary>Room for the ranges of one acknowledgement.</summary>
    public const int MostRangeBytes = ReceivedRanges.MostBytes;

    private const long MaxAckDelayMicroseconds = 2_000;

    private readonly ReceiveWindow _window;
    private readonly AckList _acks;
    private readonly ReceivedRanges _ranges = new();
    private readonly ArqStatistics _statistics;
    private readonly int _maxDatagramSize;

    /// <param name="options">The session's settings.</param>
    /// <param name="pool">Where payloads are kept.</param>
    /// <param name="initialSequence">The first segment that is expected.</param>
    /// <param name="statistics">The session's counters.</param>
    public ArqReceiver(ArqOptions options, PacketPool pool, uint initialSequence, ArqStatistics statistics)
    {
        _statistics = statistics;
        _maxDatagramSize = options.MaxDatagramSize;
        int window = options.ReceiveWindow ?? options.BudgetInSegments;

        // Twice the window in datagrams is what an honest peer can fill: in order unread, and out of order.
        PayloadKeeper keeper = new(pool, 2L * window * options.MaxDatagramSize);
        _window = new ReceiveWindow(window, initialSequence, keeper, isAutomatic: options.ReceiveWindow is null);
        long interval = options.Interval.Ticks / TimeSpan.TicksPerMicrosecond;
        _acks = new AckList(
            limit: Math.Max(128, 2 * window),
            options.AckNoDelay ? 0 : Math.Min(interval / 4, MaxAckDelayMicroseconds));
    }

    /// <summary>Everything before this was received; the una of every segment that leaves.</summary>
    public uint Next => _window.Next;

    /// <summary>Segments that the peer may send before the reader takes one.</summary>
    public int Free => _window.Free;

    public int UnreadCount => _window.UnreadCount;

    public int OutOfOrderCount => _window.OutOfOrderCount;

    /// <summary>Acknowledgements that wait.</summary>
    public int AckCount => _acks.Count;

    /// <summary>When they have to leave; Never if there are none.</summary>
    public Timestamp AcksDueAt => _acks.DueAt;

    /// <summary>Whether the peer should be told of the window.</summary>
    public bool IsReportDue => _window.IsReportDue;

    /// <summary>Takes the next bytes in order. False if there are none.</summary>
    public bool TryRead(out PacketSlice slice)
    {
        bool read = _window.TryRead(out slice);
        _statistics.BytesReceived += slice.Length;
        return read;
    }

    /// <summary>Takes a data segment.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="datagram">The datagram that it came in.</param>
    /// <param name="offset">Where its data begins there.</param>
    /// <param name="recovered">Whether error correction rebuilt the datagram: then it may well have arrived before.</param>
    /// <param name="isFromCauseway">Whether the peer is one of ours, which understands ranges and does not mind a moment's wait.</param>
    /// <param name="now">The time.</param>
    public void Take(
        in SegmentHeader header, PacketBuffer datagram, int offset, bool recovered, bool isFromCauseway, Timestamp now)
    {
        Arrival arrival = _window.Accept(header.Sequence, datagram, offset, (int)header.Length);
        if (arrival is Arrival.Duplicate or Arrival.Beyond && !recovered)
        {
            _statistics.Repeated++;
        }

        if (arrival == Arrival.Beyond)
        {
            return;
        }

        if (isFromCauseway && !Sequence.IsBefore(header.Sequence, _window.Next))
        {
            _ranges.Add(header.Sequence, _window.Next);
        }

        // Between two of ours, what comes behind a known gap is as good as in order: ranges tell of it.
        bool mayWait = arrival == Arrival.InOrder || (arrival == Arrival.BehindGap && isFromCauseway);
        if (!_acks.Add(header.Sequence, header.Time, atOnce: !mayWait, mayGather: isFromCauseway, now))
        {
            _statistics.AcknowledgementsDropped++;
        }
    }

    /// <summary>Sets the size of a window that sets itself.</summary>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">In microseconds, 0 if it is not known.</param>
    /// <param name="heldAbove">Bytes that were read and still take up memory.</param>
    public void Tune(Timestamp now, long roundTrip, long heldAbove) => _window.Tune(now, roundTrip, heldAbove / _maxDatagramSize);

    /// <summary>The next acknowledgement to send.</summary>
    /// <param name="tellsRanges">Whether the peer understands ranges.</param>
    /// <param name="ranges">Takes them; <see cref="MostRangeBytes"/>.</param>
    /// <param name="sequence">The segment that is acknowledged.</param>
    /// <param name="time">The timestamp to echo.</param>
    /// <param name="rangeBytes">Bytes of the ranges to go with it.</param>
    /// <returns>False if there is none.</returns>
    public bool TryPeekAck(bool tellsRanges, Span<byte> ranges, out uint sequence, out uint time, out int rangeBytes)
    {
        rangeBytes = 0;
        if (!_acks.TryPeek(_window.Next, out sequence, out time))
        {
            return false;
        }

        // With the last one: those before it tell more of the segments that they name, and when they left.
        if (tellsRanges && _acks.Count == 1)
        {
            rangeBytes = _ranges.Write(_window.Next, ranges);
        }

        return true;
    }

    /// <summary>The acknowledgement last peeked at was sent.</summary>
    public void PopAck() => _acks.Pop();

    /// <summary>All acknowledgements have been sent.</summary>
    public void EndAcks(Timestamp now) => _acks.EndFlush(now);

    /// <summary>The peer asks for the window.</summary>
    public void RequestReport() => _window.RequestReport();

    /// <summary>A report of the window was sent.</summary>
    public void OnReported() => _window.OnReported();

    /// <summary>Something left that tells this window.</summary>
    public void OnAdvertised(int free) => _window.OnAdvertised(free);

    /// <summary>Gives back what the ring grew to, if it is empty.</summary>
    public void Trim() => _window.Trim();

    /// <summary>Releases everything.</summary>
    public void Clear()
    {
        _window.Clear();
        _acks.Clear();
    }
}
