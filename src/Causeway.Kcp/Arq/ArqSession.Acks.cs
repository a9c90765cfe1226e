using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <content>What acknowledges: segments by their own acknowledgements, in ranges, and by una.</content>
public sealed partial class ArqSession
{
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

    private void TakeAck(ref InputState state, uint sequence, uint time)
    {
        if (!Sequence.IsBefore(sequence, _ring.Next))
        {
            Statistics.InvalidAcknowledgements++;
            return;
        }

        if (Sequence.IsBefore(sequence, _ring.Unacknowledged) || _ring[sequence].State == SendState.Acknowledged)
        {
            Statistics.StaleAcknowledgements++;
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
            long rtt = _clock.MicrosecondsSince(time, state.NowTicks);
            bool isAcrossPause = rtt > state.Now.MicrosecondsSince(_resumedAt);
            state.RttMicroseconds = isAcrossPause ? state.RttMicroseconds : rtt;
        }

        bool wasLost = evidence != Evidence.Unknown && time != segment.FirstTicks;
        Acknowledge(ref state, segment, evidence, wasLost);
    }

    /// <summary>
    /// What has arrived of the segments behind a gap, whose own acknowledgements may have been lost. A false range is
    /// dropped, and the others count.
    /// </summary>
    private void TakeRanges(ref InputState state, uint unacknowledged, int offset, int length)
    {
        if (!AckRanges.TryRead(state.Datagram.Payload.Slice(offset, length), out AckRanges ranges))
        {
            Statistics.InvalidPathReports++;
            return;
        }

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
                Statistics.InvalidAcknowledgements++;
                continue;
            }

            uint next = from < 0 ? _ring.Unacknowledged : first;
            while (to > 0 && TryFindUnacknowledged(ref next, end))
            {
                Acknowledge(ref state, _ring[next], Evidence.Range, wasLost: false);
            }
        }
    }

    private bool TryFindUnacknowledged(ref uint sequence, uint end)
    {
        sequence = _ring.SkipAcknowledged(sequence, out int steps);
        NodesVisited += steps;
        return Sequence.IsBefore(sequence, end);
    }

    private void Acknowledge(ref InputState state, SendSegment segment, Evidence evidence, bool wasLost)
    {
        NodesVisited++;
        if (segment.Sequence != _ring.Unacknowledged)
        {
            _blackHole.OnPassed(segment.Length);
        }

        bool neverRepeated = segment.Transmissions == 1;
        bool isNewest = evidence == Evidence.Newest || neverRepeated;
        bool isTimely = !state.Recovered && segment.Transmission > _lastBeforePause;
        _rate.OnAcknowledged(segment, isNewest, isTimely, state.Now);
        if (isNewest)
        {
            long rtt = !isTimely || evidence == Evidence.Range ? -1 : state.Now.MicrosecondsSince(segment.SentAt);
            _detector.OnAcknowledged(segment.Transmission, rtt);
        }

        if (segment.LostBy == LossReason.None)
        {
            if (wasLost)
            {
                ReportRepaired(segment, state.Now);
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
                Statistics.SpuriousRetransmits += neverRepeated ? 0 : 1;

                // A range says that an acknowledgement got lost, not that datagrams overtake each other.
                if (segment.LostBy != LossReason.Timeout && evidence != Evidence.Range)
                {
                    _detector.OnSpurious(state.Now, _rtt.Smoothed);
                }
            }

            state.EpisodeWasSpurious |= _episode.OnResolved(spurious);
        }

        (segment.State == SendState.Lost ? _lost : _inFlight).Remove(segment);
        state.AckedBytes += segment.Length;
        state.AckedSegments++;
        _repeatCredit = Math.Min(MaxRepeatCredit, _repeatCredit + RepeatCreditOfAck);
        segment.State = SendState.Acknowledged;
        segment.SkipTo = unchecked(segment.Sequence + 1);
        segment.Buffer!.Release();
        segment.Buffer = null;
    }
}
