using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <summary>
/// The sending half of a session: what is written and waits, which of it may leave now by windows, congestion control and pacing,
/// and the question to a peer that leaves no room.
/// </summary>
internal sealed class ArqSender
{
    // kcptun's sndwnd on a server.
    private const int UncontrolledWindow = 1024;

    // Least amount of unsent data that is queued even under a small window, so that a burst always has data to send.
    private const int LeastQueuedBytes = 64 << 10;

    private readonly CongestionController _congestion;
    private readonly PeerWatch _peer;
    private readonly ArqRecovery _recovery;
    private readonly ArqStatistics _statistics;
    private readonly Pacer _pacer;
    private readonly WindowProbe _windowProbe;
    private readonly SendWindow _window;
    private readonly SendRing _ring;
    private readonly int _segmentSize;

    private Timestamp _flushedAt;
    private bool _ranDry;
    private bool _isCongestionLimited;
    private bool _isLimitReported;

    /// <param name="options">The session's settings.</param>
    /// <param name="window">What was written.</param>
    /// <param name="congestion">Limits what is in flight and how fast it leaves.</param>
    /// <param name="recovery">Knows what is in flight and lost.</param>
    /// <param name="peer">Is told of what asks for an answer.</param>
    /// <param name="statistics">The session's counters.</param>
    public ArqSender(
        ArqOptions options,
        SendWindow window,
        CongestionController congestion,
        ArqRecovery recovery,
        PeerWatch peer,
        ArqStatistics statistics)
    {
        _congestion = congestion;
        _recovery = recovery;
        _peer = peer;
        _statistics = statistics;
        _window = window;
        _ring = window.Ring;
        _segmentSize = options.SegmentSize;
        _pacer = new Pacer(options.MaxDatagramSize);
        _windowProbe = new WindowProbe(options.DeadLinkTimeout.Ticks / TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>
    /// Whether the next flush is to send something that a peer answers at once: the oldest segment in flight once more, or a
    /// question for its window.
    /// </summary>
    public bool IsProbeAsked { get; set; }

    /// <summary>When something is to leave that nothing that arrives would let go.</summary>
    public Timestamp Deadline
    {
        get
        {
            Timestamp deadline = _ring.UnsentCount > 0 ? _windowProbe.DueAt : Timestamp.Never;
            return _pacer.IsWaiting && WindowsAllowSomething() ? Timestamp.Min(deadline, _pacer.ReadyAt) : deadline;
        }
    }

    /// <summary>
    /// Bytes that may be written now. It counts what is queued against 64 KiB or, if that is more, what may be sent at once; and
    /// all that is queued or unacknowledged against the send window.
    /// </summary>
    public int WriteCapacity
    {
        get
        {
            int segments = _window.Room;
            if (segments <= 0)
            {
                return 0;
            }

            long sendable = (long)(_window.Limit - _ring.SentCount) * _segmentSize;
            sendable = Math.Min(sendable, _congestion.Window - _recovery.BytesInFlight);
            long queue = Math.Max(LeastQueuedBytes, sendable) - _ring.UnsentBytes;
            long window = ((long)segments * _segmentSize) + _ring.TailRoom;
            return (int)Math.Clamp(Math.Min(queue, window), 0, int.MaxValue);
        }
    }

    private bool NewDataAllowed => _recovery.FirstLost is null && _ring.UnsentCount > 0 && _window.HasRoom
        && _recovery.CongestionAllows(_ring[_ring.Next].Length, isRetransmission: false);

    /// <summary>The send window of a session with these settings, in segments.</summary>
    public static int WindowOf(ArqOptions options, CongestionController congestion) => options.SendWindow
        ?? (congestion is FixedController ? UncontrolledWindow : options.BudgetInSegments);

    /// <summary>Takes bytes to send.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        _statistics.BytesSent += bytes.Length;
        _ring.Write(bytes);
    }

    /// <summary>Whether a flush would send data.</summary>
    public bool CanSend(Timestamp now) => WindowsAllowSomething() && _pacer.CanSend(_congestion.PacingRate, now);

    /// <summary>Whether a flush would send data for the first time.</summary>
    public bool CanSendNew(Timestamp now) => NewDataAllowed && _pacer.CanSend(_congestion.PacingRate, now);

    /// <summary>Whether to ask the peer for its window.</summary>
    public bool ShouldAskForWindow(Timestamp now) => (_ring.UnsentCount > 0 && _windowProbe.DueAt <= now)
        || (IsProbeAsked && _recovery.OldestInFlight is null);

    /// <summary>That question has left.</summary>
    public void OnWindowAsked(Timestamp now)
    {
        _windowProbe.OnSent(now);
        _peer.OnWindowAsked(now);
        _statistics.WindowProbes++;
    }

    /// <summary>Something valid arrived; the peer's window is the newest known.</summary>
    public void OnHeard(Timestamp now)
    {
        _windowProbe.OnHeard();
        UpdateWindowProbe(now);
    }

    /// <summary>
    /// Whether it was the congestion window or the peer's that held data back, for the controller to know once.
    /// </summary>
    public bool TakeLimit()
    {
        _isLimitReported = true;
        return _isCongestionLimited;
    }

    /// <summary>A flush begins.</summary>
    public void BeginFlush(Timestamp now)
    {
        // Time went by in which more could have been in flight than there was data for.
        if (_ranDry && now > _flushedAt)
        {
            _recovery.OnIdle();
        }

        UpdateWindowProbe(now);
    }

    /// <summary>A flush ends.</summary>
    /// <param name="isFull">Whether the sink was full.</param>
    /// <param name="now">The time.</param>
    public void EndFlush(bool isFull, Timestamp now)
    {
        UpdateWindowProbe(now);
        bool hasLost = _recovery.FirstLost is not null;
        bool waits = hasLost || (_ring.UnsentCount > 0 && _window.HasRoom);

        // A peer that leaves no room is part of the path, and a full window takes no data: neither is want of data.
        _ranDry = !isFull && !hasLost && _ring.UnsentCount == 0 && _window.Room > 0
            && _congestion.Window - _recovery.BytesInFlight >= _segmentSize;
        _isCongestionLimited &= !_isLimitReported;
        _isCongestionLimited |= !isFull && waits;
        _isLimitReported = false;
        _flushedAt = now;
    }

    /// <summary>Writes the data that may and should leave now: a probe, what was lost, what is new, second copies.</summary>
    /// <returns>False if the sink was full before all of it had left.</returns>
    public bool TrySend<TSink>(scoped ref TSink sink, scoped ref SegmentWriter writer, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        if ((_recovery.IsProbeDue || IsProbeAsked) && _recovery.OldestInFlight is { } oldest)
        {
            if (!TryTransmit(ref sink, ref writer, oldest, now))
            {
                return false;
            }

            _recovery.OnProbed(now);
        }

        _recovery.EndProbe();
        IsProbeAsked = false;
        while (_recovery.FirstLost is { } lost && _recovery.MayRepeat(lost) && _pacer.CanSend(_congestion.PacingRate, now))
        {
            if (!TryTransmit(ref sink, ref writer, lost, now))
            {
                return false;
            }
        }

        while (CanSendNew(now))
        {
            if (!TryTransmit(ref sink, ref writer, _ring[_ring.Next], now))
            {
                return false;
            }
        }

        while (_recovery.NextCopy(out SendSegment? segment) <= now)
        {
            if (!TryTransmit(ref sink, ref writer, segment!, now))
            {
                return false;
            }

            _recovery.OnCopied(segment!, now);
        }

        return true;
    }

    private bool TryTransmit<TSink>(scoped ref TSink sink, scoped ref SegmentWriter writer, SendSegment segment, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        if (!writer.TryWrite(ref sink, SegmentCommand.Push, segment.Sequence, writer.Ticks, segment.Buffer!.Payload))
        {
            return false;
        }

        _recovery.OnSent(segment, writer.Ticks, now);
        _pacer.OnSent(segment.Length);
        _peer.OnSent(segment.Sequence, now);
        return true;
    }

    /// <summary>Whether the windows, leaving the pacer aside, let anything leave that waits.</summary>
    private bool WindowsAllowSomething() => _recovery.FirstLost is { } lost ? _recovery.MayRepeat(lost) : NewDataAllowed;

    /// <summary>
    /// Probing is due when the peer has no room, and also when an old, small window is used up and nothing is in flight
    /// whose acknowledgement could bring a new one: the report that opened it may have been lost.
    /// </summary>
    private void UpdateWindowProbe(Timestamp now)
    {
        bool isStuck = _ring.UnsentCount > 0 && _recovery.OutstandingCount == 0 && _ring.SentCount >= _window.Peer;
        _windowProbe.Update(_window.Peer == 0 || isStuck, now);
    }
}
