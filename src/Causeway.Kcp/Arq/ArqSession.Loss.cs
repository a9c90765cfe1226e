using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <content>
/// Which transmissions are lost. Those in flight form a list in the order they were sent, so that each rule looks at
/// the head of it only, and walks over exactly the segments that it moves.
/// </content>
public sealed partial class ArqSession
{
    // While timeouts repeat, the path is down or was: two segments are enough to find out, and their acknowledgements
    // let the rules of order find everything else that was lost (compare RFC 9002 section 6.2.4).
    private const int ProbesPerRepeatedTimeout = 2;

    private bool _isPathBack;

    // In a thin stream the next message would put the probe off for ever, and tells nothing of those before it.
    private Timestamp ProbeDueAt => _usesRack && !_timer.IsBackedOff
        && (IsThin ? _inFlight.Head : _inFlight.Tail) is { } waiting
        ? _tailProbe.DueAt(waiting, _rtt.Smoothed, _rtt.Variance, _rtt.Rto)
        : Timestamp.Never;

    /// <summary>
    /// Whether so little is in flight, with nothing waiting, that later acknowledgements seldom tell of a loss.
    /// </summary>
    private bool IsThin => _ring.UnsentCount == 0 && _inFlight.Count + _lost.Count <= ThinStreamCopies.MostInFlight;

    /// <summary>When the next segment of a thin stream is to be sent once more, and which.</summary>
    private Timestamp NextCopy(out SendSegment? next)
    {
        next = null;
        Timestamp due = Timestamp.Never;
        if (!_options.CopyThinStreams || !IsThin)
        {
            return due;
        }

        for (SendSegment? segment = _inFlight.Head; segment is not null; segment = segment.Next)
        {
            Timestamp at = _copies.DueAt(
                segment, _lossMeter.Rate, _rtt.Smoothed, _rtt.Variance);
            if (at < due)
            {
                (due, next) = (at, segment);
            }
        }

        return due;
    }

    private Timestamp LossDeadline(SendSegment oldest)
    {
        Timestamp deadline = Timestamp.Min(_timer.Deadline(oldest, _rtt.Rto), Timestamp.Min(ProbeDueAt, NextCopy(out _)));
        if (_detector.IsSkippedEnough(oldest))
        {
            return Timestamp.Min(deadline, _detector.FastDueAt(oldest, _rtt.Smoothed));
        }

        return _detector.IsSkipped(oldest) ? Timestamp.Min(deadline, EarlyDueAt(oldest)) : deadline;
    }

    private Timestamp EarlyDueAt(SendSegment segment) => _usesRack
        ? _detector.LateDueAt(segment, _rtt.Smoothed)
        : _detector.EarlyDueAt(segment, _newDataSentAt, _rtt.Smoothed);

    private void DetectLosses(Timestamp now)
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
            && _detector.FastDueAt(oldest, _rtt.Smoothed) <= now)
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
        long rto = _rtt.Rto;
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

        _timer.OnExpired(rto, isThin: _usesRack && IsThin, now);
        if (_timer.IsPersistent)
        {
            _ecn?.OnSilence();
        }

        _deadLink.OnAttempt();
        _timeoutProbes = ProbesPerRepeatedTimeout;
        Report(in run, isTimeout: true, now);
    }

    /// <summary>
    /// The path is back, and what left more than a round trip ago fell into the silence before. All of it, and as part of the
    /// same timeout: what later acknowledgements revealed would look like congestion of the path as it is now.
    /// </summary>
    private void DetectUnanswered(Timestamp now)
    {
        long wait = _rtt.Shortest * 5 / 4;
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
            WindowSegments = Math.Min(_sendWindow, _peerWindow),
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
