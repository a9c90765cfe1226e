using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Smux;

/// <summary>Receiving: frames out of the byte stream, payloads to the streams.</summary>
public sealed partial class SmuxSession
{
    /// <summary>
    /// The stream id of the NOP that offers or confirms half-close: never a stream's (docs/design/half-close.md).
    /// </summary>
    private const uint HelloId = 1;

    // How far a peer may overrun a window before the session fails. The reference enforces nothing
    // (docs/wire/kcptun.md 7.5), so a peer that counts differently is bounded, not punished; one more initial window is
    // more than any miscount.
    private const long WindowSlack = FirstWindow;

    // Headers and the payload of UPD are both 8 bytes: what straddles inputs is collected here.
    private readonly byte[] _partial = new byte[SmuxFrame.HeaderSize];
    private int _partialLength;
    private bool _expectsUpdate;
    private uint _updateId;
    private int _payloadLeft;
    private SmuxStream? _receiver;
    private bool _peerOpened;

    /// <summary>
    /// Takes the next bytes of the ordered pipe, cut anywhere, and the reference of the slice with them.
    /// </summary>
    public void Input(PacketSlice bytes, Timestamp now)
    {
        OnPeerHeard(now);
        ReadOnlySpan<byte> span = bytes.Span;
        int offset = 0;
        bool passedOn = false;
        while (offset < span.Length && !IsOver)
        {
            if (_payloadLeft > 0)
            {
                int count = Math.Min(_payloadLeft, span.Length - offset);
                _payloadLeft -= count;
                passedOn = Deliver(bytes, offset, count);
                offset += count;
                continue;
            }

            ReadOnlySpan<byte> eight;
            if (_partialLength == 0 && span.Length - offset >= SmuxFrame.HeaderSize)
            {
                eight = span.Slice(offset, SmuxFrame.HeaderSize);
                offset += SmuxFrame.HeaderSize;
            }
            else
            {
                int count = Math.Min(SmuxFrame.HeaderSize - _partialLength, span.Length - offset);
                span.Slice(offset, count).CopyTo(_partial.AsSpan(_partialLength));
                _partialLength += count;
                offset += count;
                if (_partialLength < SmuxFrame.HeaderSize)
                {
                    break;
                }

                _partialLength = 0;
                eight = _partial;
            }

            if (_expectsUpdate)
            {
                _expectsUpdate = false;
                OnUpdate(SmuxWindowUpdate.Read(eight));
            }
            else
            {
                OnHeader(SmuxFrame.Read(eight));
            }
        }

        if (!passedOn)
        {
            bytes.Release();
        }
    }

    internal bool TryRead(SmuxStream stream, out PacketSlice slice)
    {
        if (_disposed || !stream.Receive.TryRead(_memory, out slice))
        {
            slice = default;
            return false;
        }

        ForgetIfOver(stream);
        return true;
    }

    internal void OnConsumed(SmuxStream stream, int bytes)
    {
        // Once a stream is dropped its tokens are back, and the driver's late reports are of no interest.
        if (stream.ReadsDropped || _disposed)
        {
            return;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, stream.Receive.Read, nameof(bytes));
        if (bytes > 0)
        {
            stream.Receive.Consume(_memory, bytes);
            NoteTaken(stream, bytes);
        }
    }

    private static bool IsKeepAlive(SmuxFrame frame) => frame is { Command: SmuxCommand.Nop, StreamId: 0 };

    private void NoteTaken(SmuxStream stream, long bytes)
    {
        stream.Taken += bytes;
        _sharedWindow?.OnTaken(bytes);
        _sharedWindow?.OnArrived(bytes);
        if (_options.Version >= 2 && bytes > 0 && !stream.PeerFinished && !stream.Abandoned)
        {
            NoteTakenOfWindow(stream, bytes);
        }
        else
        {
            Recount(stream);
        }
    }

    private void OnHeader(SmuxFrame frame)
    {
        SmuxFrameError error = frame.Check(_options.Version);
        if (error is not SmuxFrameError.None)
        {
            Fail(Classify(error, frame), Describe(error, frame));
            return;
        }

        Statistics.FramesReceived++;
        if (_halfClose is HalfCloseSupport.Unknown)
        {
            RecognizePeer(frame);
        }

        switch (frame.Command)
        {
            case SmuxCommand.Syn:
                OnOpen(frame.StreamId);
                break;
            case SmuxCommand.Psh:
                OnData(frame);
                break;
            case SmuxCommand.Upd:
                _expectsUpdate = true;
                _updateId = frame.StreamId;
                break;
            case SmuxCommand.Fin when _streams.TryGetValue(frame.StreamId, out SmuxStream? stream):
                OnPeerFinished(stream);
                break;
            case SmuxCommand.Nop when _halfClose is HalfCloseSupport.Supported
                && _streams.TryGetValue(frame.StreamId, out SmuxStream? stream):
                OnPeerAbandoned(stream);
                break;
        }
    }

    /// <summary>
    /// Tells from the first frames whether the peer has half-close. A client's first SYN is followed at once by the
    /// hello, and a server that got one begins with it. Keep-alives before that say nothing.
    /// </summary>
    private void RecognizePeer(SmuxFrame frame)
    {
        bool isHello = frame is { Command: SmuxCommand.Nop, StreamId: HelloId };
        if (Role == EndpointRole.Client)
        {
            if (!IsKeepAlive(frame))
            {
                DecideHalfClose(isHello && _helloSent ? HalfCloseSupport.Supported : HalfCloseSupport.Unsupported);
            }
        }
        else if (_peerOpened)
        {
            DecideHalfClose(isHello ? HalfCloseSupport.Supported : HalfCloseSupport.Unsupported);
            _helloPending = isHello;
        }
        else if (frame.Command is SmuxCommand.Syn)
        {
            _peerOpened = true;
        }
        else if (!IsKeepAlive(frame))
        {
            DecideHalfClose(HalfCloseSupport.Unsupported);
        }
    }

    private void OnOpen(uint id)
    {
        // Ids 0 and 1 are never streams, and ids of our parity are ours to open (docs/wire/kcptun.md 7.2).
        uint parity = Role == EndpointRole.Client ? 0u : 1u;
        if (id <= HelloId || (id & 1) != parity || _streams.ContainsKey(id))
        {
            Statistics.OpensIgnored++;
        }
        else if (_waitingForAccept < _options.AcceptBacklog && _streams.Count < _options.MaxStreams && HasMemoryForStream)
        {
            SmuxStream stream = new(this, id, isLocal: false, FirstCounter);
            _streams.Add(id, stream);
            _waitingForAccept++;
            Statistics.StreamsAccepted++;
            Raise(stream, StreamEvents.Accepted);
            OpenWindow(stream);
        }
        else if (_refused.Count < _options.AcceptBacklog)
        {
            _refused.Enqueue(id);
            Statistics.StreamsRefused++;
        }
        else
        {
            Statistics.OpensIgnored++;
        }
    }

    private void OnData(SmuxFrame frame)
    {
        _payloadLeft = frame.Length;
        if (_receiver?.Id != frame.StreamId)
        {
            _receiver = _streams.GetValueOrDefault(frame.StreamId);
        }

        if (_options.Version >= 2 && _receiver is { PeerFinished: false, Abandoned: false } stream)
        {
            if (stream.Received + frame.Length > stream.FurthestEdge + WindowSlack)
            {
                string reason = $"The peer sent more on stream {stream.StreamId} than its window allows.";
                Fail(StreamFailureKind.InvalidProtocol, reason);
            }
        }
    }

    /// <summary>Hands a piece of payload to its stream.</summary>
    /// <returns>Whether the reference of <paramref name="bytes"/> went with it; only for the last piece.</returns>
    private bool Deliver(PacketSlice bytes, int offset, int count)
    {
        if (_receiver is not { PeerFinished: false, Abandoned: false } stream)
        {
            Statistics.BytesDiscarded += count;
            return false;
        }

        stream.Received += count;
        if (stream.Received > stream.Edge)
        {
            Recount(stream);
        }

        if (stream.Unconsumed == 0)
        {
            stream.Tuner?.OnEmpty();
        }

        if (stream.ReadsDropped)
        {
            // The window moves on, so that a peer that writes before it reads gets to read what is still to be sent.
            Statistics.BytesDiscarded += count;
            NoteTaken(stream, count);
            return false;
        }

        Statistics.BytesReceived += count;
        Raise(stream, StreamEvents.Readable);
        if (!_memory.ShouldShare(count, bytes.RetainedBytes))
        {
            Statistics.BytesCopied += count;
            stream.Receive.AppendCopied(_memory, bytes.Span.Slice(offset, count));
            return false;
        }

        bool isLast = offset + count == bytes.Length;
        stream.Receive.AppendShared(_memory, isLast ? bytes.Skip(offset) : bytes.Share(offset, count));
        return isLast;
    }

    private void OnUpdate(SmuxWindowUpdate update)
    {
        if (!_streams.TryGetValue(_updateId, out SmuxStream? stream) || stream.IsWriteFinished)
        {
            return;
        }

        stream.PeerConsumed = update.Consumed;
        stream.PeerWindow = update.Window;
        if (Sequence.IsBefore(unchecked((uint)stream.Written), update.Consumed))
        {
            Reset(stream, StreamResetReason.ConsumedMoreThanSent);
        }
        else if (stream.IsBlocked && stream.SendAllowance > 0)
        {
            stream.IsBlocked = false;
            _sending.Append(stream);
        }
    }

    // Whoever differs in a setting does so from the first frame on.
    private StreamFailureKind Classify(SmuxFrameError error, SmuxFrame frame)
    {
        if (error is not SmuxFrameError.WrongVersion || Statistics.FramesReceived > 0)
        {
            return StreamFailureKind.InvalidProtocol;
        }

        return frame.Version is 1 or 2 ? StreamFailureKind.WrongVersion : StreamFailureKind.NotFrames;
    }

    private string Describe(SmuxFrameError error, SmuxFrame frame) => error switch
    {
        SmuxFrameError.WrongVersion =>
            $"The peer sent a frame of version {frame.Version}; this session speaks {_options.Version}.",
        SmuxFrameError.WrongLength => $"The peer sent a frame {frame.Command} of length {frame.Length}.",
        _ => $"The peer sent a frame of command {(byte)frame.Command}, which version {_options.Version} does not have.",
    };
}
