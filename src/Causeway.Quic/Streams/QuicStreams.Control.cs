using Causeway.Protocol.Streams;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Streams;

/// <content>Frames about streams that carry no data: limits, resets, and what is in the way (RFC 9000, 19.4 to 19.14).</content>
internal sealed partial class QuicStreams
{
    /// <summary>A MAX_DATA frame arrived (RFC 9000, 19.9).</summary>
    public void OnMaxData(long limit)
    {
        _isStuck &= limit <= _sendLimit;
        _sendLimit = Math.Max(_sendLimit, limit);
    }

    /// <summary>A MAX_STREAM_DATA frame arrived (RFC 9000, 19.10).</summary>
    public QuicError? OnMaxStreamData(long id, long limit)
    {
        if (TryFind(id, peerSends: false, out QuicStream? stream) is { } error)
        {
            return error;
        }

        if (stream is not null)
        {
            RaiseSendLimit(stream, limit);
        }

        return null;
    }

    /// <summary>A MAX_STREAMS frame arrived (RFC 9000, 19.11).</summary>
    public void OnMaxStreams(bool isUnidirectional, long limit)
    {
        ref StreamCounts counts = ref Counts(isUnidirectional);
        if (limit > counts.OwnLimit)
        {
            counts.OwnLimit = limit;
            _isOpenAllowed |= counts.IsBlocked;
            counts.IsBlocked = false;
            counts.IsBlockedDue = false;
        }
    }

    /// <summary>A STOP_SENDING frame arrived (RFC 9000, 19.5): the peer reads no more, and gets a RESET_STREAM.</summary>
    public QuicError? OnStopSending(long id, long code)
    {
        if (TryFind(id, peerSends: false, out QuicStream? stream) is { } error)
        {
            return error;
        }

        if (stream is null || stream.IsSendDone || stream.IsResetRequested)
        {
            return null;
        }

        stream.PeerStopCode = code;
        bool hadAllArrived = stream.IsFinAcknowledged && stream.Outgoing.IsAcknowledged;
        if (!hadAllArrived)
        {
            stream.ResetSending(code);
            stream.HasStoppedEvent = true;
            Raise(stream);
        }

        return null;
    }

    private void RequestControl(QuicStream stream, StreamControl frames)
    {
        stream.Control |= frames;
        _control.Append(stream);
    }

    private void CancelControl(QuicStream stream, StreamControl frames)
    {
        stream.Control &= ~frames;
        if (stream.Control is StreamControl.None)
        {
            _control.Remove(stream);
        }
    }

    private int WriteControl(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = WriteLimits(room, packet);
        while (_control.First is { } stream)
        {
            StreamControl next = stream.Control & (StreamControl)(-(int)stream.Control);
            Span<byte> left = room[written..];
            SentFrame frame = new() { Owner = stream };
            int count;
            switch (next)
            {
                case StreamControl.ResetStream:
                    frame.Kind = SentFrameKind.ResetStream;
                    count = FrameWriter.ResetStream(left, stream.Id, stream.ResetCode, stream.Outgoing.End);
                    break;
                case StreamControl.StopSending:
                    frame.Kind = SentFrameKind.StopSending;
                    count = FrameWriter.StopSending(left, stream.Id, stream.StopCode);
                    break;
                case StreamControl.MaxStreamData:
                    frame.Kind = SentFrameKind.MaxStreamData;
                    stream.ReceiveLimit = NextReceiveLimit(stream, now);
                    count = FrameWriter.MaxStreamData(left, stream.Id, stream.ReceiveLimit);
                    break;
                default:
                    frame.Kind = SentFrameKind.Blocked;
                    count = FrameWriter.StreamDataBlocked(left, stream.Id, stream.SendLimit);
                    break;
            }

            if (count == 0)
            {
                break;
            }

            Note(packet, in frame);
            written += count;
            CancelControl(stream, next);
        }

        return written;
    }

    private int WriteLimits(Span<byte> room, QuicSentPacket packet)
    {
        int written = 0;
        if (_isMaxDataDue)
        {
            long limit = Math.Max(_receiveLimit, _taken + _receiveWindow);
            int count = FrameWriter.MaxData(room, limit);
            if (count == 0)
            {
                return 0;
            }

            _receiveLimit = limit;
            _isMaxDataDue = false;
            written += count;
            Note(packet, new SentFrame { Kind = SentFrameKind.MaxData });
        }

        written += WriteStreamLimit(room[written..], packet, isUnidirectional: false);
        written += WriteStreamLimit(room[written..], packet, isUnidirectional: true);
        if (_isDataBlockedDue)
        {
            int count = FrameWriter.DataBlocked(room[written..], _sendLimit);
            if (count > 0)
            {
                _isDataBlockedDue = false;
                written += count;
                Note(packet, new SentFrame { Kind = SentFrameKind.Blocked });
            }
        }

        return written;
    }

    private void NoteStreamsBlocked(ref StreamCounts counts)
    {
        counts.IsBlocked |= !_isOver;

        // Before the first limit is known there is nothing to complain of; a limit is complained of once (RFC 9000, 19.14).
        if (counts.OwnLimit > counts.BlockedAt)
        {
            counts.BlockedAt = counts.OwnLimit;
            counts.IsBlockedDue = true;
        }
    }

    private int WriteStreamLimit(Span<byte> room, QuicSentPacket packet, bool isUnidirectional)
    {
        ref StreamCounts counts = ref Counts(isUnidirectional);
        if (counts.IsBlockedDue)
        {
            int blocked = FrameWriter.StreamsBlocked(room, isUnidirectional, counts.OwnLimit);
            counts.IsBlockedDue = blocked == 0;
            if (blocked > 0)
            {
                Note(packet, new SentFrame { Kind = SentFrameKind.Blocked });
                return blocked;
            }
        }

        if (!counts.IsLimitDue)
        {
            return 0;
        }

        long limit = NextStreamLimit(in counts, isUnidirectional);
        int count = FrameWriter.MaxStreams(room, isUnidirectional, limit);
        if (count > 0)
        {
            counts.IsLimitDue = false;
            counts.IsPeerBlocked = false;
            counts.PeerLimit = limit;
            Note(packet, new SentFrame { Kind = SentFrameKind.MaxStreams, IsFinal = isUnidirectional });
        }

        return count;
    }
}
