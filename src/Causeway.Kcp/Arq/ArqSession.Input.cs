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
        InputState state = default;
        state.Datagram = datagram;
        state.Unacknowledged = _ring.Unacknowledged;
        state.Acks.Begin(now, _clock.ToTicks(now), recovered);
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
            state.PeerForgot = _peer.IsForgotten(in header, _ring, state.Acks.Recovered, state.Acks.Now);
            if (state.PeerForgot)
            {
                return;
            }
        }

        // A window that comes with an old una was overtaken by a newer one.
        if (isCurrent && !state.Acks.Recovered)
        {
            _sendWindow.Peer = header.Window;
        }

        bool hasMark = header.Fragment == SegmentHeader.CausewayMark;
        _hasMark |= hasMark;
        _hasUnmarkedAck |= header.Command == SegmentCommand.Ack && !hasMark;
        _peerIsCauseway |= hasMark && _usesRack;
        switch (header.Command)
        {
            case SegmentCommand.Push:
                _receiver.Take(in header, state.Datagram, dataOffset, state.Acks.Recovered, _peerIsCauseway, state.Acks.Now);
                break;
            case SegmentCommand.Ack:
                _recovery.OnAck(ref state.Acks, header.Sequence, header.Time);
                if (header.Length > 0 && header.Fragment == SegmentHeader.CausewayMark && _usesRack)
                {
                    TakeRanges(ref state, header.Unacknowledged, dataOffset, (int)header.Length);
                }

                break;
            case SegmentCommand.WindowAsk:
                _receiver.RequestReport();
                break;
            case SegmentCommand.WindowReport when header.Length > 0:
                TakeExtension(ref state, dataOffset, (int)header.Length);
                break;
            case SegmentCommand.WindowReport:
                _recovery.OnWindowReport();
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
        _peer.OnCurrent();
        return true;
    }

    private void TakeRanges(ref InputState state, uint unacknowledged, int offset, int length)
    {
        if (AckRanges.TryRead(state.Datagram.Payload.Slice(offset, length), out AckRanges ranges))
        {
            _recovery.OnRanges(ref state.Acks, unacknowledged, in ranges);
        }
        else
        {
            Statistics.InvalidPathReports++;
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
        ref AckRun acks = ref state.Acks;
        Timestamp now = acks.Now;
        bool advanced = state.Unacknowledged != _ring.Unacknowledged;
        if (advanced)
        {
            _recovery.AdvanceTo(ref acks, state.Unacknowledged);
            _peer.OnAdvanced(now);
        }

        bool isPathBack = _peer.OnHeard(_recovery.OutstandingCount > 0, state.Unacknowledged, state.IsRegress, now);
        _sender.OnHeard(now);
        if (acks.Segments > 0)
        {
            _recovery.OnProgress();
        }

        if (isPathBack)
        {
            _recovery.OnPathBack();
        }

        bool hasSample = isIntact && !acks.Recovered && acks.RttMicroseconds >= 0;
        if (hasSample)
        {
            _recovery.AddSample(acks.RttMicroseconds);
        }

        if (acks.EpisodeWasSpurious)
        {
            _congestion.OnSpuriousLoss(now);
        }

        if (_ecn is not null && _path.TryTakeReport(out PathReport news)
            && _ecn.OnReport(_path.There, in news, _recovery.Rtt.Smoothed, now) && news.Marked > 0)
        {
            ReportMarks(in news, now);
        }

        if (acks.Segments > 0 || advanced)
        {
            _recovery.EndAcks(in acks, advanced, hasSample, _sender.TakeLimit());
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
            BytesInFlight = _recovery.BytesInFlight,
            SmoothedRttMicroseconds = _recovery.Rtt.Smoothed,
            SegmentSize = _options.SegmentSize,
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
        public PacketBuffer Datagram;

        // The newest valid una of the datagram.
        public uint Unacknowledged;
        public AckRun Acks;
        public int Segments;
        public bool PeerForgot;
        public bool IsRegress;
    }
}
