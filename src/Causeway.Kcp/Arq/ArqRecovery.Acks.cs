using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <content>Acknowledgements: what they say of segments, of losses that were none, and of the path.</content>
internal sealed partial class ArqRecovery
{
    /// <summary>Takes the acknowledgement of one segment.</summary>
    /// <param name="run">What its datagram did so far.</param>
    /// <param name="sequence">The segment.</param>
    /// <param name="time">The timestamp that it echoes.</param>
    public void OnAck(ref AckRun run, uint sequence, uint time)
    {
        if (!Sequence.IsBefore(sequence, _ring.Next))
        {
            _statistics.InvalidAcknowledgements++;
            return;
        }

        if (Sequence.IsBefore(sequence, _ring.Unacknowledged) || _ring[sequence].State == SendState.Acknowledged)
        {
            _statistics.StaleAcknowledgements++;
            return;
        }

        SendSegment segment = _ring[sequence];
        Evidence evidence = Evidence.Unknown;
        if (time == segment.SentTicks)
        {
            evidence = Evidence.Newest;
        }
        else if (segment.Transmissions > 1 && Sequence.IsBefore(time, segment.SentTicks)
            && !Sequence.IsBefore(time, segment.FirstTicks))
        {
            evidence = Evidence.Earlier;
        }

        // An echo that was never sent says nothing about the path; the segment arrived all the same.
        if (evidence != Evidence.Unknown)
        {
            // Nor does one that waited for this side to run again.
            long rtt = _clock.MicrosecondsSince(time, run.NowTicks);
            bool isAcrossPause = rtt > run.Now.MicrosecondsSince(_resumedAt);
            run.RttMicroseconds = isAcrossPause ? run.RttMicroseconds : rtt;
        }

        bool wasLost = evidence != Evidence.Unknown && time != segment.FirstTicks;
        Acknowledge(ref run, segment, evidence, wasLost);
    }

    /// <summary>
    /// Takes what has arrived of the segments behind a gap, whose own acknowledgements may have been lost. A false range is
    /// dropped, and the others count.
    /// </summary>
    /// <param name="run">What their datagram did so far.</param>
    /// <param name="unacknowledged">The una of the segment that carries them.</param>
    /// <param name="ranges">The ranges.</param>
    public void OnRanges(ref AckRun run, uint unacknowledged, in AckRanges ranges)
    {
        for (int i = 0; i < ranges.Count; i++)
        {
            (ushort distance, ushort segments) = ranges[i];
            uint first = unchecked(unacknowledged + distance);
            uint end = unchecked(first + segments);

            // From one place, or a una from the other side of all numbers would let a range begin behind its end.
            int from = Sequence.Difference(first, _ring.Unacknowledged);
            int to = Sequence.Difference(end, _ring.Unacknowledged);
            if (from >= to || to > _ring.SentCount)
            {
                _statistics.InvalidAcknowledgements++;
                continue;
            }

            uint next = from < 0 ? _ring.Unacknowledged : first;
            while (to > 0 && TryFindUnacknowledged(ref next, end))
            {
                Acknowledge(ref run, _ring[next], Evidence.Range, wasLost: false);
            }
        }
    }

    /// <summary>Acknowledges and forgets everything before the peer's una.</summary>
    public void AdvanceTo(ref AckRun run, uint unacknowledged)
    {
        while (_ring.Unacknowledged != unacknowledged)
        {
            SendSegment segment = _ring[_ring.Unacknowledged];
            if (segment.State != SendState.Acknowledged)
            {
                Acknowledge(ref run, segment, Evidence.Unknown, wasLost: false);
            }

            NodesVisited++;
            _ring.RemoveFirst();
        }
    }

    /// <summary>Something was acknowledged: the path works.</summary>
    public void OnProgress()
    {
        _timer.OnProgress();
        _tailProbe.OnProgress();
        _timeoutProbes = 0;
    }

    /// <summary>
    /// Something arrived after a silence in which this side has asked: what waits for a timer that has backed off goes at once.
    /// </summary>
    public void OnPathBack()
    {
        // The una that ends the silence often acknowledges what had arrived before the outage; what has not is no less lost.
        _timer.OnPathBack();
        _timeoutProbes = ProbesPerRepeatedTimeout;
        _isPathBack = true;
    }

    /// <summary>Takes the round trip that a datagram told of.</summary>
    public void AddSample(long microseconds)
    {
        Rtt.Add(microseconds);
        _statistics.SmoothedRtt = ToTimeSpan(Rtt.Smoothed);
        _statistics.Rto = ToTimeSpan(Rtt.Rto);
    }

    /// <summary>Tells the controller what a datagram acknowledged.</summary>
    /// <param name="run">What it did.</param>
    /// <param name="advanced">Whether its una was news.</param>
    /// <param name="hasSample">Whether its round trip counts.</param>
    /// <param name="isCongestionLimited">Whether it was the controller or the path that held data back.</param>
    public void EndAcks(in AckRun run, bool advanced, bool hasSample, bool isCongestionLimited)
    {
        _statistics.BytesInFlight = _inFlight.Bytes;
        _statistics.LossRate = _lossMeter.Rate;
        AckEvent e = new()
        {
            Now = run.Now,
            Bytes = run.Bytes,
            Segments = run.Segments,
            IsCumulativeAdvance = advanced,
            Delivered = _rate.Delivered,
            Lost = _rate.Lost,
            Rate = _rate.Take(),
            IsCongestionLimited = isCongestionLimited,
            BytesInFlight = _inFlight.Bytes,
            RttMicroseconds = hasSample ? run.RttMicroseconds : -1,
            SmoothedRttMicroseconds = Rtt.Smoothed,
            PeerWindowSegments = _window.Peer,
            SegmentSize = _segmentSize,
        };
        _congestion.OnAck(in e);
    }

    private bool TryFindUnacknowledged(ref uint sequence, uint end)
    {
        sequence = _ring.SkipAcknowledged(sequence, out int steps);
        NodesVisited += steps;
        return Sequence.IsBefore(sequence, end);
    }

    private void Acknowledge(ref AckRun run, SendSegment segment, Evidence evidence, bool wasLost)
    {
        NodesVisited++;
        if (segment.Sequence != _ring.Unacknowledged)
        {
            _blackHole.OnPassed(segment.Length);
        }

        bool neverRepeated = segment.Transmissions == 1;
        bool isNewest = evidence == Evidence.Newest || neverRepeated;
        bool isTimely = !run.Recovered && segment.Transmission > _lastBeforePause;
        _rate.OnAcknowledged(segment, isNewest, isTimely, run.Now);
        if (isNewest)
        {
            long rtt = !isTimely || evidence == Evidence.Range ? -1 : run.Now.MicrosecondsSince(segment.SentAt);
            _detector.OnAcknowledged(segment.Transmission, rtt);
        }

        if (segment.LostBy == LossReason.None)
        {
            if (wasLost)
            {
                ReportRepaired(segment, run.Now);
            }
            else
            {
                _lossMeter.Add(wasLost: false);
            }
        }
        else
        {
            // Acknowledged while it waits to be sent again, or by the echo of an older transmission: it was not lost.
            bool spurious = evidence == Evidence.Earlier || (segment.State == SendState.Lost && neverRepeated);
            if (spurious)
            {
                _statistics.SpuriousRetransmits += neverRepeated ? 0 : 1;

                // A range says that an acknowledgement got lost, not that datagrams overtake each other.
                if (segment.LostBy != LossReason.Timeout && evidence != Evidence.Range)
                {
                    _detector.OnSpurious(run.Now, Rtt.Smoothed);
                }
            }

            run.EpisodeWasSpurious |= _episode.OnResolved(spurious);
        }

        (segment.State == SendState.Lost ? _lost : _inFlight).Remove(segment);
        run.Bytes += segment.Length;
        run.Segments++;
        _repeatCredit = Math.Min(MaxRepeatCredit, _repeatCredit + RepeatCreditOfAck);
        segment.State = SendState.Acknowledged;
        segment.SkipTo = unchecked(segment.Sequence + 1);
        segment.Buffer!.Release();
        segment.Buffer = null;
    }

    /// <summary>How a segment came to be acknowledged.</summary>
    private enum Evidence
    {
        /// <summary>The echoed timestamp is that of its newest transmission.</summary>
        Newest,

        /// <summary>The echoed timestamp is that of an earlier transmission: the newest was needless.</summary>
        Earlier,

        /// <summary>It does not tell which transmission arrived.</summary>
        Unknown,

        /// <summary>
        /// A range has it, because its own acknowledgement got lost: nothing tells which transmission arrived, or when.
        /// </summary>
        Range,
    }
}
