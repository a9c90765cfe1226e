using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <content>What arrives.</content>
public sealed partial class ArqSession
{
    /// <summary>
    /// Takes one KCP datagram: acknowledges what it carries and keeps slices of it. The caller keeps its own reference,
    /// and nobody may write to the payload any more.
    /// </summary>
    /// <param name="datagram">The datagram; its payload begins with the first segment's header.</param>
    /// <param name="recovered">
    /// It was rebuilt by error correction, some time after it was sent: its acknowledgements and data count, its window
    /// and timing do not (docs/wire/kcptun.md 5.6).
    /// </param>
    /// <param name="now">When it arrived.</param>
    /// <returns>What was found; segments in front of a faulty one took effect.</returns>
    public ArqInputResult Input(PacketBuffer datagram, bool recovered, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (_isClosed)
        {
            return ArqInputResult.Closed;
        }

        NoteTime(now);
        InputState state = new()
        {
            Datagram = datagram,
            Recovered = recovered,
            Now = now,
            NowTicks = _clock.ToTicks(now),
            Unacknowledged = _ring.Unacknowledged,
            RttMicroseconds = -1,
        };
        if (!recovered)
        {
            _path.OnArrived(datagram.Ecn);
        }

        ArqInputResult result = TakeSegments(ref state);
        Count(result, state.Segments);
        if (state.PeerForgot)
        {
            Fail(ArqFailure.PeerForgot);
            return result;
        }

        if (state.Segments > 0)
        {
            Finish(ref state, result == ArqInputResult.Ok);
        }

        return result;
    }

    private ArqInputResult TakeSegments(ref InputState state)
    {
        ReadOnlySpan<byte> bytes = state.Datagram.Payload;
        if (bytes.Length < SegmentHeader.Size)
        {
            return ArqInputResult.TooShort;
        }

        int offset = 0;
        while (bytes.Length - offset >= SegmentHeader.Size && !state.PeerForgot)
        {
            SegmentHeader header = SegmentHeader.Read(bytes[offset..]);
            offset += SegmentHeader.Size;
            if (header.Conversation != ConversationId)
            {
                return ArqInputResult.WrongConversation;
            }

            if (header.Length > (uint)(bytes.Length - offset))
            {
                return ArqInputResult.BadLength;
            }

            if (header.Command is < SegmentCommand.Push or > SegmentCommand.WindowReport)
            {
                return ArqInputResult.UnknownCommand;
            }

            TakeSegment(ref state, in header, offset);
            offset += (int)header.Length;
        }

        return ArqInputResult.Ok;
    }

    private void TakeSegment(ref InputState state, in SegmentHeader header, int dataOffset)
    {
        state.Segments++;
        bool isCurrent = TakeUnacknowledged(ref state, header.Unacknowledged);
        if (!isCurrent && Sequence.IsBefore(header.Unacknowledged, _ring.Unacknowledged))
        {
            state.IsRegress = true;
            TakeRegress(ref state, in header);
            if (state.PeerForgot)
            {
                return;
            }
        }

        // A window that comes with an old una was overtaken by a newer one.
        if (isCurrent && !state.Recovered)
        {
            _peerWindow = header.Window;
        }

        bool hasMark = header.Fragment == SegmentHeader.CausewayMark;
        _hasMark |= hasMark;
        _hasUnmarkedAck |= header.Command == SegmentCommand.Ack && !hasMark;
        _peerIsCauseway |= hasMark && _usesRack;
        switch (header.Command)
        {
            case SegmentCommand.Push:
                TakeData(ref state, in header, dataOffset);
                break;
            case SegmentCommand.Ack:
                TakeAck(ref state, header.Sequence, header.Time);
                if (header.Length > 0 && header.Fragment == SegmentHeader.CausewayMark && _usesRack)
                {
                    TakeRanges(ref state, header.Unacknowledged, dataOffset, (int)header.Length);
                }

                break;
            case SegmentCommand.WindowAsk:
                _receive.RequestReport();
                break;
            case SegmentCommand.WindowReport when header.Length > 0:
                TakeExtension(ref state, dataOffset, (int)header.Length);
                break;
            case SegmentCommand.WindowReport when _hasAsked:
                _hasAsked = false;
                _blackHole.OnPassed(length: 0);
                break;
        }
    }

    /// <summary>
    /// Notes the una without acting on it: every segment of a flush carries the newest one, so acting now would forget
    /// the segments whose own acknowledgements, which tell the transmission and its time, follow in the same datagram.
    /// </summary>
    /// <returns>False if it is old or impossible.</returns>
    private bool TakeUnacknowledged(ref InputState state, uint unacknowledged)
    {
        if (Sequence.IsBefore(unacknowledged, state.Unacknowledged))
        {
            Statistics.StaleAcknowledgements++;
            return false;
        }

        if (Sequence.IsAfter(unacknowledged, _ring.Next))
        {
            Statistics.InvalidAcknowledgements++;
            return false;
        }

        state.Unacknowledged = unacknowledged;
        _restart.OnCurrent();
        return true;
    }

    private void TakeRegress(ref InputState state, in SegmentHeader header)
    {
        if (header.Command == SegmentCommand.Ack
            && (_restart.IsAnswer(header.Sequence, header.Time)
                || (_ring.WasSent(header.Sequence) && _restart.IsProof(_ring[header.Sequence], header.Time))))
        {
            state.PeerForgot = true;
        }
        else if (!state.Recovered)
        {
            _restart.OnRegress(header.Unacknowledged, _rtt.Smoothed, state.Now);
        }
    }

    private void TakeData(ref InputState state, in SegmentHeader header, int offset)
    {
        Arrival arrival = _receive.Accept(header.Sequence, state.Datagram, offset, (int)header.Length);
        if (arrival is Arrival.Duplicate or Arrival.Beyond && !state.Recovered)
        {
            Statistics.Repeated++;
        }

        if (arrival == Arrival.Beyond)
        {
            return;
        }

        if (_peerIsCauseway && !Sequence.IsBefore(header.Sequence, _receive.Next))
        {
            _receivedRanges.Add(header.Sequence, _receive.Next);
        }

        // Between two of ours, what comes behind a known gap is as good as in order: ranges tell of it.
        bool mayWait = arrival == Arrival.InOrder || (arrival == Arrival.BehindGap && _peerIsCauseway);
        if (!_acks.Add(header.Sequence, header.Time, atOnce: !mayWait, mayGather: _peerIsCauseway, state.Now))
        {
            Statistics.AcknowledgementsDropped++;
        }
    }

    private void TakeExtension(ref InputState state, int offset, int length)
    {
        if (!_path.TryTake(state.Datagram.Payload.Slice(offset, length)))
        {
            Statistics.InvalidPathReports++;
        }
    }

    private void Finish(ref InputState state, bool isIntact)
    {
        bool advanced = state.Unacknowledged != _ring.Unacknowledged;
        while (_ring.Unacknowledged != state.Unacknowledged)
        {
            SendSegment segment = _ring[_ring.Unacknowledged];
            if (segment.State != SendState.Acknowledged)
            {
                Acknowledge(ref state, segment, Evidence.Unknown, wasLost: false);
            }

            NodesVisited++;
            _ring.RemoveFirst();
        }

        if (advanced)
        {
            _restart.OnAdvanced(state.Now);
        }

        HeardAt = state.Now;
        _deadLink.OnHeard(_inFlight.Count + _lost.Count > 0, IsHeartbeat(_ring.Unacknowledged), state.Now);
        _probe.OnHeard();
        UpdateProbe(state.Now);
        if (state.AckedSegments > 0)
        {
            _timer.OnProgress();
            _tailProbe.OnProgress();
            _timeoutProbes = 0;
        }

        NoteSign(in state);

        bool hasSample = isIntact && !state.Recovered && state.RttMicroseconds >= 0;
        if (hasSample)
        {
            _rtt.Add(state.RttMicroseconds);
            Statistics.SmoothedRtt = FromMicroseconds(_rtt.Smoothed);
            Statistics.Rto = FromMicroseconds(_rtt.Rto);
        }

        if (state.EpisodeWasSpurious)
        {
            _congestion.OnSpuriousLoss(state.Now);
        }

        if (_ecn is not null && _path.TryTakeReport(out PathReport news)
            && _ecn.OnReport(_path.There, in news, _rtt.Smoothed, state.Now) && news.Marked > 0)
        {
            ReportMarks(in news, state.Now);
        }

        if (state.AckedSegments > 0 || advanced)
        {
            Statistics.BytesInFlight = _inFlight.Bytes;
            Statistics.LossRate = _lossMeter.Rate;
            AckEvent e = new()
            {
                Now = state.Now,
                Bytes = state.AckedBytes,
                Segments = state.AckedSegments,
                IsCumulativeAdvance = advanced,
                Delivered = _rate.Delivered,
                Lost = _rate.Lost,
                Rate = _rate.Take(),
                IsCongestionLimited = _isCongestionLimited,
                BytesInFlight = _inFlight.Bytes,
                RttMicroseconds = hasSample ? state.RttMicroseconds : -1,
                SmoothedRttMicroseconds = _rtt.Smoothed,
                PeerWindowSegments = _peerWindow,
                SegmentSize = _segmentSize,
            };
            _isLimitReported = true;
            _congestion.OnAck(in e);
        }
    }

    /// <summary>
    /// After a silence in which this side has asked, anything that arrives says that the path is back: what waits for a timer
    /// that has backed off goes at once. A peer that was restarted says nothing of the kind.
    /// </summary>
    private void NoteSign(in InputState state)
    {
        if (_silence.IsOutstanding && !state.IsRegress)
        {
            // Its una often acknowledges what had arrived before the outage; what has not is no less lost for that.
            _silence.OnHeard();
            _timer.OnPathBack();
            _timeoutProbes = ProbesPerRepeatedTimeout;
            _isPathBack = true;
        }
    }

    private void ReportMarks(in PathReport news, Timestamp now)
    {
        Statistics.CongestionMarks += news.Marked;
        EcnEvent e = new()
        {
            Now = now,
            Marked = (int)news.Marked,
            Received = (int)news.Datagrams,
            BytesInFlight = _inFlight.Bytes,
            SmoothedRttMicroseconds = _rtt.Smoothed,
            SegmentSize = _segmentSize,
        };
        _congestion.OnEcnMarks(in e);
    }

    private void Count(ArqInputResult result, int segments)
    {
        switch (result)
        {
            case ArqInputResult.Ok:
                Statistics.InSegments += segments;
                break;
            case ArqInputResult.TooShort:
                Statistics.InErrorsTooShort++;
                break;
            case ArqInputResult.WrongConversation:
                Statistics.InErrorsWrongConversation++;
                break;
            case ArqInputResult.BadLength:
                Statistics.InErrorsBadLength++;
                break;
            case ArqInputResult.UnknownCommand:
                Statistics.InErrorsUnknownCommand++;
                break;
        }
    }

    /// <summary>What is known of the datagram at hand, and what it has done so far.</summary>
    private struct InputState
    {
        public required PacketBuffer Datagram;
        public required bool Recovered;
        public required Timestamp Now;
        public required uint NowTicks;

        // The newest valid una of the datagram.
        public required uint Unacknowledged;

        // The sample of its last acknowledgement that told one, or -1.
        public required long RttMicroseconds;
        public int Segments;
        public int AckedSegments;
        public long AckedBytes;
        public bool EpisodeWasSpurious;
        public bool PeerForgot;
        public bool IsRegress;
    }
}
