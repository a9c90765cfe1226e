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

    private Timestamp ProbeDueAt => _usesRack && _inFlight.Tail is { } newest && !_timer.IsBackedOff
        ? _tailProbe.DueAt(newest, SmoothedRttMicroseconds, _rtt.Variance * _resolution, RtoMicroseconds)
        : Timestamp.Never;

    /// <summary>When the next segment of a thin stream is to be sent a second time.</summary>
    private Timestamp CopyDueAt => ThinSegment is { } segment
        ? _copies.DueAt(segment, _lossMeter.Rate, SmoothedRttMicroseconds)
        : Timestamp.Never;

    /// <summary>The oldest segment of a thin stream that was sent only once, or null.</summary>
    private SendSegment? ThinSegment
    {
        get
        {
            if (!_options.CopyThinStreams || _inFlight.Count + _lost.Count > ThinStreamCopies.MostInFlight
                || _ring.UnsentCount > 0)
            {
                return null;
            }

            SendSegment? segment = _inFlight.Head;
            while (segment is not null && segment.Transmissions > 1)
            {
                segment = segment.Next;
            }

            return segment;
        }
    }

    private Timestamp LossDeadline(SendSegment oldest)
    {
        Timestamp deadline = Timestamp.Min(_timer.Deadline(oldest, RtoMicroseconds), Timestamp.Min(ProbeDueAt, CopyDueAt));
        if (_detector.IsSkippedEnough(oldest))
        {
            return Timestamp.Min(deadline, _detector.FastDueAt(oldest, SmoothedRttMicroseconds));
        }

        return _detector.IsSkipped(oldest) ? Timestamp.Min(deadline, EarlyDueAt(oldest)) : deadline;
    }

    private Timestamp EarlyDueAt(SendSegment segment) => _usesRack
        ? _detector.LateDueAt(segment, SmoothedRttMicroseconds)
        : _detector.EarlyDueAt(segment, _newDataSentAt, SmoothedRttMicroseconds);

    private void DetectLosses(Timestamp now)
    {
        DetectSkipped(now);

        // The probe takes the place of the first timeout: what it shows is lost goes again, instead of everything.
        if (ProbeDueAt <= now)
        {
            _isProbeDue = true;
        }
        else
        {
            DetectTimeouts(now);
        }

        // Spec 5.7.6: fewer skips are enough when this flush has nothing new to send that would provoke more of them.
        if (_usesRack || !NewDataAllowed() || !_pacer.CanSend(_congestion.PacingRate, now))
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
            && EarlyDueAt(oldest) <= now)
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
            WindowSegments = Math.Min(_options.SendWindow, _peerWindow),
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
