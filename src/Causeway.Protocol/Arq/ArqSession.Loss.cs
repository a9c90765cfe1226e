using Causeway.Protocol.Arq.Congestion;

namespace Causeway.Protocol.Arq;

/// <content>
/// Which transmissions are lost. Those in flight form a list in the order they were sent, so that each rule looks at
/// the head of it only, and walks over exactly the segments that it moves.
/// </content>
public sealed partial class ArqSession
{
    // While timeouts repeat, the path is down or was: two segments are enough to find out, and their acknowledgements
    // let the rules of order find everything else that was lost (compare RFC 9002 section 6.2.4).
    private const int ProbesPerRepeatedTimeout = 2;

    private Timestamp LossDeadline(SendSegment oldest)
    {
        Timestamp deadline = _timer.Deadline(oldest, RtoMicroseconds);
        if (_detector.IsSkippedEnough(oldest))
        {
            return Timestamp.Min(deadline, _detector.FastDueAt(oldest, SmoothedRttMicroseconds));
        }

        return _detector.IsSkipped(oldest)
            ? Timestamp.Min(deadline, _detector.EarlyDueAt(oldest, _newDataSentAt, SmoothedRttMicroseconds))
            : deadline;
    }

    private void DetectLosses(Timestamp now)
    {
        DetectSkipped(now);
        DetectTimeouts(now);

        // Spec 5.7.6: fewer skips are enough when this flush has nothing new to send that would provoke more of them.
        if (!NewDataAllowed() || !_pacer.CanSend(_congestion.PacingRate, now))
        {
            DetectEarly(now);
        }
    }

    private void DetectSkipped(Timestamp now)
    {
        LossRun run = new(_inFlight.Bytes);
        while (_inFlight.Head is { } oldest && _detector.IsSkippedEnough(oldest)
            && _detector.FastDueAt(oldest, SmoothedRttMicroseconds) <= now)
        {
            Lose(ref run, oldest, LossReason.Fast, now);
        }

        Report(in run, isTimeout: false, now);
    }

    private void DetectEarly(Timestamp now)
    {
        LossRun run = new(_inFlight.Bytes);
        while (_inFlight.Head is { } oldest && _detector.IsSkipped(oldest)
            && _detector.EarlyDueAt(oldest, _newDataSentAt, SmoothedRttMicroseconds) <= now)
        {
            Lose(ref run, oldest, LossReason.Early, now);
        }

        Report(in run, isTimeout: false, now);
    }

    private void DetectTimeouts(Timestamp now)
    {
        long rto = RtoMicroseconds;
        if (_inFlight.Head is not { } first || _timer.Deadline(first, rto) > now)
        {
            return;
        }

        // The first time everything goes again whose own time is up; it may have been a burst that was lost whole.
        int limit = _timer.IsBackedOff ? ProbesPerRepeatedTimeout : int.MaxValue;
        LossRun run = new(_inFlight.Bytes);
        while (run.Segments < limit && _inFlight.Head is { } oldest && oldest.SentAt.AddMicroseconds(rto) <= now)
        {
            Lose(ref run, oldest, LossReason.Timeout, now);
        }

        _timer.OnExpired(rto, now);
        _deadLink.OnAttempt();
        _timeoutProbes = ProbesPerRepeatedTimeout;
        Report(in run, isTimeout: true, now);
    }

    private void Lose(ref LossRun run, SendSegment segment, LossReason reason, Timestamp now)
    {
        NodesVisited++;
        if (segment.LostBy == LossReason.None)
        {
            _episode.OnLost();
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
            WindowSegments = Math.Min(_options.SendWindow, _peerWindow),
        };
        _congestion.OnLoss(in e);
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
