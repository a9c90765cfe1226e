using System.Diagnostics;
using Causeway.Protocol.Streams;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Streams;

/// <content>What leaves: data by deficit round robin, control frames before it, and what becomes of both.</content>
internal sealed partial class QuicStreams
{
    // A turn of a stream of the default weight: about a packet (see SmuxSession.WriteData for the method).
    private const int Quantum = 1200;
    private const int LeastQuantum = 64;

    // A packet with less room left than this gets no more data: the header would be most of it.
    private const int LeastFrame = 24;

    private long _sendLimit;
    private long _sent;
    private bool _inTurn;

    // Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) decides who may go before the round: what each stream would
    // have got if all had been served at once, by weight, in 256ths of a byte.
    private long _virtualTime;
    private int _sendingCount;
    private bool _isDataBlockedDue;
    private long _dataBlockedAt = -1;
    private bool _isStuck;
    private bool _isOpenAllowed;

    /// <summary>Whether a packet could carry something of the streams.</summary>
    public bool HasOutput => !_isOver && (IsEarly ? HasData : HasControl || HasData);

    private bool HasControl => _control.First is not null || _isMaxDataDue || _isDataBlockedDue || _bidirectional.HasOutput
        || _unidirectional.HasOutput;

    /// <summary>Whether there is data to send, as far as windows allow.</summary>
    public bool HasData => _repairing.First is not null || _fresh.First is not null || (_sending.First is not null && !_isStuck);

    /// <summary>Writes frames about the streams into a packet that carry no data.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteControlFrames(Span<byte> room, QuicSentPacket packet, Timestamp now) =>
        IsEarly ? 0 : WriteControl(room, packet, now);

    /// <summary>Writes data of the streams into a packet.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteDataFrames(Span<byte> room, QuicSentPacket packet)
    {
        int written = 0;
        while (HasData && room.Length - written >= LeastFrame)
        {
            int count = WriteData(room[written..], packet);
            if (count == 0)
            {
                break;
            }

            written += count;
        }

        return written;
    }

    /// <summary>
    /// Writes data of streams that have little of it and wait for nobody's round, and nothing of the others: all that such a stream
    /// has at present, or nothing.
    /// </summary>
    /// <returns>Bytes written.</returns>
    public int WriteThinFrames(Span<byte> room, QuicSentPacket packet)
    {
        int written = 0;
        while (_fresh.First is { Deficit: > 0 } stream && room.Length - written >= LeastFrame
            && Waiting(stream) <= room.Length - written - FrameWriter.MaxStreamHeaderLength)
        {
            int count = WriteFrame(room[written..], packet, stream, out _);
            if (count > 0)
            {
                Charge(stream, count);
                written += count;
            }
            else if (ReferenceEquals(_fresh.First, stream))
            {
                break;
            }
        }

        return written;
    }

    /// <summary>A frame about a stream arrived at the peer.</summary>
    public void OnAcknowledged(in SentFrame frame)
    {
        if (frame.Owner is not QuicStream stream)
        {
            return;
        }

        switch (frame.Kind)
        {
            case SentFrameKind.Stream when !stream.IsSendDone:
                stream.Outgoing.OnAcknowledged(frame.Value, frame.Length);
                stream.IsFinAcknowledged |= frame.IsFinal;
                stream.IsFinLost &= !frame.IsFinal;
                if (stream.IsFinAcknowledged && stream.Outgoing.IsAcknowledged)
                {
                    EndSending(stream);
                }

                break;
            case SentFrameKind.ResetStream:
                EndSending(stream);
                break;
        }
    }

    /// <summary>A frame about a stream is lost.</summary>
    public void OnLost(in SentFrame frame)
    {
        switch (frame.Kind)
        {
            case SentFrameKind.MaxData:
                _isMaxDataDue = true;
                return;
            case SentFrameKind.MaxStreams:
                Counts(frame.IsFinal).IsLimitDue = true;
                return;
        }

        if (frame.Owner is not QuicStream { IsForgotten: false } stream)
        {
            return;
        }

        switch (frame.Kind)
        {
            case SentFrameKind.Stream when !stream.IsSendDone && !stream.IsResetRequested:
                stream.Outgoing.OnLost(frame.Value, frame.Length);
                if (frame is { Length: 0, IsFinal: false } && !stream.Outgoing.HasBeenSent)
                {
                    // An empty frame told the peer of the stream, and nothing else will.
                    stream.IsAnnounced = false;
                    OnWritable(stream);
                }

                stream.IsFinLost |= frame.IsFinal && !stream.IsFinAcknowledged;
                if (stream.Outgoing.HasLost || stream.IsFinLost)
                {
                    _repairing.Append(stream);
                }

                break;
            case SentFrameKind.ResetStream when !stream.IsSendDone:
                RequestControl(stream, StreamControl.ResetStream);
                break;
            case SentFrameKind.StopSending when !stream.IsReceiveDone:
                RequestControl(stream, StreamControl.StopSending);
                break;
            case SentFrameKind.MaxStreamData when stream.FinalSize < 0 && !stream.IsReceiveStopped:
                RequestControl(stream, StreamControl.MaxStreamData);
                break;
        }
    }

    internal void OnWritable(QuicStream stream)
    {
        if (stream.IsWriteFinished || stream.IsSendBlocked || !stream.CanSend || (IsEarly && !stream.IsReplaySafe))
        {
            return;
        }

        _isStuck = false;
        if (QuicStream.SendLink.Of(stream).IsLinked)
        {
            return;
        }

        // Who used less than its share waits for nobody's round: a request beside a thousand other streams.
        stream.IsFresh = stream.VirtualFinish <= _virtualTime;
        stream.VirtualFinish = Math.Max(stream.VirtualFinish, _virtualTime);
        if (stream.IsFresh)
        {
            stream.Deficit = Share(stream);
            _fresh.Append(stream);
        }
        else
        {
            _sending.Append(stream);
        }

        _sendingCount++;
    }

    internal void OnResetRequested(QuicStream stream)
    {
        StopSending(stream);
        StopRepairing(stream);
        CancelControl(stream, StreamControl.StreamDataBlocked);
        RequestControl(stream, StreamControl.ResetStream);

        // Nothing of it goes again; how long it was has to be remembered.
        stream.Outgoing.Clear();
    }

    private void EndSending(QuicStream stream)
    {
        stream.IsSendDone = true;
        StopSending(stream);
        StopRepairing(stream);
        CancelControl(stream, StreamControl.ResetStream | StreamControl.StreamDataBlocked);
        stream.Outgoing.Clear();
        ForgetIfOver(stream);
    }

    private void RaiseSendLimit(QuicStream stream, long limit)
    {
        if (limit <= stream.SendLimit)
        {
            return;
        }

        stream.SendLimit = limit;
        if (stream.IsSendBlocked)
        {
            stream.IsSendBlocked = false;
            CancelControl(stream, StreamControl.StreamDataBlocked);
            OnWritable(stream);
        }
    }

    private void StopSending(QuicStream stream)
    {
        if (ReferenceEquals(_sending.First, stream))
        {
            _inTurn = false;
        }

        // An unused share is lost, a debt stays: else a stream that runs dry after every frame would get more.
        stream.Deficit = Math.Min(stream.Deficit, 0);
        if (!QuicStream.SendLink.Of(stream).IsLinked)
        {
            return;
        }

        _sendingCount--;
        if (stream.IsFresh)
        {
            stream.IsFresh = false;
            _fresh.Remove(stream);
        }
        else
        {
            _sending.Remove(stream);
        }
    }

    /// <summary>A stream of its own turn goes on in the round.</summary>
    private void JoinRound(QuicStream stream)
    {
        stream.IsFresh = false;
        _fresh.Remove(stream);
        _sending.Append(stream);
    }

    private static int Share(QuicStream stream) => Math.Max(LeastQuantum, Quantum * stream.Weight / TransportStream.DefaultWeight);

    private void Charge(QuicStream stream, int bytes)
    {
        stream.Deficit -= bytes;
        stream.VirtualFinish += ((long)bytes << 8) * TransportStream.DefaultWeight / stream.Weight;
        _virtualTime += ((long)bytes << 8) / Math.Max(1, _sendingCount);
    }

    private void StopRepairing(QuicStream stream)
    {
        stream.IsFinLost = false;
        _repairing.Remove(stream);
    }

    private int WriteData(Span<byte> room, QuicSentPacket packet)
    {
        // What is lost goes first: somebody waits for it, and no window is in its way. It may have turned out to have arrived.
        while (_repairing.First is { } repaired)
        {
            if (!repaired.Outgoing.HasLost && !repaired.IsFinLost)
            {
                _repairing.Remove(repaired);
                continue;
            }

            int written = WriteRange(room, packet, repaired, isEnd: repaired.IsFinSent);
            if (repaired.Outgoing.HasLost || repaired.IsFinLost)
            {
                _repairing.Rotate();
            }
            else
            {
                _repairing.Remove(repaired);
            }

            return written;
        }

        while (_fresh.First is { } fresh)
        {
            int written = fresh.Deficit > 0 ? WriteFrame(room, packet, fresh, out _) : 0;
            if (written > 0)
            {
                Charge(fresh, written);
                return written;
            }

            if (fresh.IsFresh)
            {
                JoinRound(fresh);
            }
        }

        QuicStream? firstBlocked = null;
        while (_sending.First is { } stream && !_isStuck)
        {
            if (ReferenceEquals(stream, firstBlocked))
            {
                // The connection's window is used up, and nobody has an end to send that needs none.
                _isStuck = true;
                break;
            }

            if (!_inTurn)
            {
                _inTurn = true;
                stream.Deficit += Share(stream);
            }

            if (stream.Deficit <= 0)
            {
                _inTurn = false;
                _sending.Rotate();
                continue;
            }

            int written = WriteFrame(room, packet, stream, out bool isBlocked);
            if (written > 0)
            {
                Charge(stream, written);
                return written;
            }

            if (isBlocked)
            {
                firstBlocked ??= stream;
                _inTurn = false;
                _sending.Rotate();
            }
        }

        return 0;
    }

    /// <summary>
    /// Writes one frame of a stream, or takes it off the list because it has nothing to send or no window of its own. It stays
    /// where the connection's window is in the way.
    /// </summary>
    private int WriteFrame(Span<byte> room, QuicSentPacket packet, QuicStream stream, out bool isBlocked)
    {
        Pull(stream, room.Length, out bool isDry, out isBlocked);
        if (isBlocked)
        {
            return 0;
        }

        bool hasNews = stream.Outgoing.HasUnsent || (isDry && stream.IsFinRequested && !stream.IsFinSent)
            || stream is { IsLocal: true, IsAnnounced: false };
        if (!hasNews || stream.IsResetRequested || stream.IsSendBlocked)
        {
            StopSending(stream);
            return 0;
        }

        return WriteRange(room, packet, stream, isEnd: isDry && stream.IsFinRequested);
    }

    // As much as is known without asking the source for more.
    private static long Waiting(QuicStream stream) =>
        stream.Outgoing.End - stream.Outgoing.Sent + (stream.IsWriteFinished || stream.Source is null ? 0 : stream.Source.Peek().Length);

    /// <summary>Fetches from the source what fits into a frame and the windows.</summary>
    private void Pull(QuicStream stream, int room, out bool isDry, out bool isBlocked)
    {
        isDry = false;
        isBlocked = false;
        int most = room - FrameWriter.StreamHeaderLength(stream.Id, stream.Outgoing.Sent, 0, isLast: true);
        while (stream.Outgoing.End - stream.Outgoing.Sent < most)
        {
            IStreamSource? source = stream.IsWriteFinished ? null : stream.Source;
            ReadOnlySpan<byte> bytes = source is null ? default : source.Peek();
            if (bytes.IsEmpty || stream.IsWriteFinished)
            {
                isDry = true;
                return;
            }

            long allowed = Math.Min(stream.SendLimit - stream.Outgoing.End, _sendLimit - _sent);
            if (allowed <= 0)
            {
                NoteBlocked(stream, ref isBlocked);
                return;
            }

            long count = Math.Min(Math.Min(bytes.Length, most - (stream.Outgoing.End - stream.Outgoing.Sent)), allowed);
            stream.Outgoing.Append(bytes[..(int)count], _pool);
            _sent += count;
            source!.Advance((int)count);
        }
    }

    private void NoteBlocked(QuicStream stream, ref bool isBlocked)
    {
        // What was pulled before goes first.
        if (stream.Outgoing.HasUnsent)
        {
            return;
        }

        isBlocked = true;
        if (stream.SendLimit <= stream.Outgoing.End)
        {
            stream.IsSendBlocked = true;
            RequestControl(stream, StreamControl.StreamDataBlocked);
            StopSending(stream);
            isBlocked = false;
        }
        else if (_dataBlockedAt != _sendLimit)
        {
            _dataBlockedAt = _sendLimit;
            _isDataBlockedDue = true;
        }
    }

    private int WriteRange(Span<byte> room, QuicSentPacket packet, QuicStream stream, bool isEnd)
    {
        ref SendBuffer outgoing = ref stream.Outgoing;
        bool isRepeat = outgoing.HasLost;
        outgoing.Next(room.Length, out long offset, out int length);
        if (!isRepeat && stream.IsFinLost)
        {
            // Only the end was lost.
            offset = outgoing.End;
            length = 0;
        }

        // A frame that fills the packet needs no length.
        int shortHeader = FrameWriter.StreamHeaderLength(stream.Id, offset, 0, isLast: true);
        bool fills = length >= room.Length - shortHeader;
        int header = fills ? shortHeader : FrameWriter.StreamHeaderLength(stream.Id, offset, length, isLast: false);
        if (!fills && header + length > room.Length)
        {
            // The length field does not fit beside all of the data.
            length -= header + length - room.Length;
            header = FrameWriter.StreamHeaderLength(stream.Id, offset, length, isLast: false);
        }

        length = fills ? room.Length - shortHeader : length;
        bool isFinal = isEnd && offset + length == outgoing.End && !(stream.IsFinAlone && length > 0);
        Debug.Assert(length > 0 || isFinal || !stream.IsAnnounced, "an empty frame only opens or ends a stream");
        FrameWriter.StreamHeader(room, stream.Id, offset, length, isFinal, isLast: fills);
        outgoing.Read(offset, room.Slice(header, length));
        outgoing.OnSent(offset, length);
        stream.IsAnnounced = true;
        if (isFinal)
        {
            stream.IsFinAlone |= length == 0 && offset > 0;
            stream.IsFinSent = true;
            stream.IsFinLost = false;
        }

        Note(
            packet,
            new SentFrame { Kind = SentFrameKind.Stream, Owner = stream, Value = offset, Length = length, IsFinal = isFinal });
        Statistics.BytesSent += length;
        if (isFinal)
        {
            StopSending(stream);
        }

        return header + length;
    }

    private void Note(QuicSentPacket packet, in SentFrame frame)
    {
        packet.Add(in frame);
        packet.IsAckEliciting = true;
        Statistics.FramesSent++;
    }
}
