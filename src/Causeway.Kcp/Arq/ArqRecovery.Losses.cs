using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <content>The rules that find lost segments, and what the congestion controller is told of them.</content>
internal sealed partial class ArqRecovery
{
    /// <summary>Finds what is lost by later acknowledgements and by timers.</summary>
    /// <returns>Whether the retransmission timer ran out.</returns>
    public bool Detect(Timestamp now)
    {
        DetectSkipped(now);
        if (_isPathBack)
        {
            _isPathBack = false;
            DetectUnanswered(now);
        }

        // The probe takes the place of the first timeout: what it shows is lost goes again, instead of everything.
        if (ProbeDueAt <= now)
        {
            IsProbeDue = true;
            return false;
        }

        return DetectTimeouts(now);
    }

    /// <summary>
    /// Finds what is lost by fewer later acknowledgements: enough when a flush has nothing new to send that would provoke more
    /// of them (docs/wire/kcptun.md 5.7.6).
    /// </summary>
    public void DetectEarly(Timestamp now)
    {
        LossRun run = new(_inFlight.Bytes);
        while (_inFlight.Head is { } oldest && _detector.IsSkipped(oldest)
            && EarlyDueAt(oldest) <= now)
        {
            Lose(ref run, oldest, LossReason.Early, now);
        }

        Report(in run, isTimeout: false, now);
    }

    private Timestamp EarlyDueAt(SendSegment segment) => _usesRack
        ? _detector.LateDueAt(segment, Rtt.Smoothed)
        : _detector.EarlyDueAt(segment, _newDataSentAt, Rtt.Smoothed);

    private void DetectSkipped(Timestamp now)
    {
        LossRun run = new(_inFlight.Bytes);
        while (_inFlight.Head is { } oldest && _detector.IsSkippedEnough(oldest)
            && _detector.FastDueAt(oldest, Rtt.Smoothed) <= now)
        {
            Lose(ref run, oldest, LossReason.Fast, now);
        }

        Report(in run, isTimeout: false, now);
    }

    private bool DetectTimeouts(Timestamp now)
    {
        long rto = Rtt.Rto;
        if (_inFlight.Head is not { } first || _timer.Deadline(first, rto) > now)
        {
            return false;
        }

        // The first time everything goes again whose own time is up; it may have been a burst that was lost whole.
        int limit = _timer.IsBackedOff ? ProbesPerRepeatedTimeout : int.MaxValue;
        LossRun run = new(_inFlight.Bytes);
        while (run.Segments < limit && _inFlight.Head is { } oldest && oldest.SentAt.AddMicroseconds(rto) <= now)
        {
            Lose(ref run, oldest, LossReason.Timeout, now);
        }

        _timer.OnExpired(rto, isThin: _usesRack && IsThin, now);
        _timeoutProbes = ProbesPerRepeatedTimeout;
        Report(in run, isTimeout: true, now);
        return true;
    }

    /// <summary>
    /// The path is back, and what left more than a round trip ago fell into the silence before. All of it, and as part of the
    /// same timeout: what later acknowledgements revealed would look like congestion of the path as it is now.
    /// </summary>
    private void DetectUnanswered(Timestamp now)
    {
        long wait = Rtt.Shortest * 5 / 4;
        LossRun run = new(_inFlight.Bytes);
        while (_inFlight.Head is { } oldest && oldest.SentAt.AddMicroseconds(wait) <= now)
        {
            Lose(ref run, oldest, LossReason.Timeout, now);
        }

        Report(in run, isTimeout: true, now);
    }

    private void Lose(ref LossRun run, SendSegment segment, LossReason reason, Timestamp now)
    {
        NodesVisited++;
        if (segment.LostBy == LossReason.None)
        {
            _episode.OnLost();
            _lossMeter.Add(wasLost: true);
        }

        run.Segments++;
        run.Bytes += segment.Length;
        run.NewestSentAt = segment.SentAt;
        segment.LostBy = reason;
        segment.State = SendState.Lost;
        _inFlight.Remove(segment);
        _lost.InsertBySequence(segment);
        SegmentLoss loss = _rate.OnLost(segment, now);
        _congestion.OnSegmentLost(in loss);
    }

    private void Report(in LossRun run, bool isTimeout, Timestamp now)
    {
        if (run.Segments == 0)
        {
            return;
        }

        _detector.OnLoss();
        LossEvent e = new()
        {
            Now = now,
            Bytes = run.Bytes,
            Segments = run.Segments,
            PriorBytesInFlight = run.PriorBytesInFlight,
            IsTimeout = isTimeout,
            IsPersistentCongestion = isTimeout && _timer.IsPersistent,
            NewestSentAt = run.NewestSentAt,
            SegmentSize = _segmentSize,
            OutstandingSegments = _ring.SentCount,
            WindowSegments = _window.Limit,
        };
        _congestion.OnLoss(in e);
    }

    /// <summary>
    /// A segment had been lost, and a probe or second copy repaired that before it was noticed: the controller has to know
    /// all the same (RFC 8985 section 7.4).
    /// </summary>
    private void ReportRepaired(SendSegment segment, Timestamp now)
    {
        LossRun run = new(_inFlight.Bytes)
        {
            Segments = 1,
            Bytes = segment.Length,
            NewestSentAt = segment.SentAt,
        };
        _lossMeter.Add(wasLost: true);
        Report(in run, isTimeout: false, now);
    }

    /// <summary>The losses that one rule found in one flush.</summary>
    private struct LossRun(long priorBytesInFlight)
    {
        public readonly long PriorBytesInFlight = priorBytesInFlight;
        public int Segments;
        public long Bytes;
        public Timestamp NewestSentAt;
    }
}
