using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <content>What arrives: data, ends, and the windows that are granted for it (RFC 9000, 3.2 and 4).</content>
internal sealed partial class QuicStreams
{
    // A stream's window grows with what its reader takes, from the first read on (WindowTuner): up to this, twice what a link
    // of 1 Gbit/s holds at 100 ms, if the memory allows.
    private const long MostStreamWindow = 24 << 20;
    private const long SecondStreamWindow = 2 << 20;

    // A window is told again when so much of it was taken.
    private const int StepsOfWindow = 8;
    private const long LeastStepOfConnection = 32 << 10;

    private readonly ReceiveBudget _budget;
    private readonly long _receiveWindow;
    private long _receiveLimit;
    private long _received;
    private long _taken;
    private long _buffered;
    private bool _isMaxDataDue;

    /// <summary>The stream of a frame, which may open it, and with it all of its kind before it (RFC 9000, 3.2).</summary>
    /// <param name="id">The id in the frame.</param>
    /// <param name="peerSends">Whether the frame is about what the peer sends; else about what this end does.</param>
    /// <param name="stream">The stream; null if it is over.</param>
    private QuicError? TryFind(long id, bool peerSends, out QuicStream? stream)
    {
        bool isUnidirectional = StreamId.IsUnidirectional(id);
        bool isLocal = StreamId.Opener(id) == Role;
        if (isUnidirectional && isLocal == peerSends)
        {
            stream = null;
            return new QuicError(
                TransportErrorCode.StreamStateError, $"The peer treats stream {id} as if it could {(peerSends ? "send" : "receive")} on it.");
        }

        if (_streams.TryGetValue(id, out stream))
        {
            return null;
        }

        ref StreamCounts counts = ref Counts(isUnidirectional);
        long index = StreamId.Index(id);
        if (isLocal)
        {
            return index < counts.Opened
                ? null
                : new QuicError(TransportErrorCode.StreamStateError, $"The peer speaks of stream {id}, which was never opened.");
        }

        if (index < counts.PeerOpened)
        {
            return null;
        }

        if (index >= counts.PeerLimit)
        {
            return new QuicError(
                TransportErrorCode.StreamLimitError, $"The peer opened stream {id}, beyond the limit of {counts.PeerLimit} streams.");
        }

        while (counts.PeerOpened <= index)
        {
            stream = Add(StreamId.Of(Peer(Role), isUnidirectional, counts.PeerOpened++), isLocal: false);
            Statistics.StreamsAccepted++;
            stream.HasAcceptedEvent = true;
            Raise(stream);
        }

        return null;
    }

    /// <summary>A STREAM frame arrived (RFC 9000, 19.8).</summary>
    /// <param name="packet">The packet that it is in.</param>
    /// <param name="position">Where its bytes begin in the packet's payload.</param>
    /// <param name="id">The stream.</param>
    /// <param name="offset">The place of the bytes in the stream.</param>
    /// <param name="length">How many they are.</param>
    /// <param name="isFinal">Whether the stream ends with them.</param>
    /// <returns>What the peer did wrong; null if nothing.</returns>
    public QuicError? OnStream(PacketBuffer packet, int position, long id, long offset, int length, bool isFinal)
    {
        Statistics.FramesReceived++;
        if (TryFind(id, peerSends: true, out QuicStream? stream) is { } error)
        {
            return error;
        }

        if (stream is null)
        {
            Statistics.BytesDiscarded += length;
            return null;
        }

        long end = offset + length;
        stream.Tuner?.OnArrived(Math.Max(0, end - stream.Received));
        if (NoteSize(stream, end, isFinal) is { } wrong)
        {
            return wrong;
        }

        if (stream.IsReceiveStopped || stream.IsReceiveDone)
        {
            Statistics.BytesDiscarded += length;
            TakeRest(stream);
            EndStopped(stream);
            return null;
        }

        if (stream.FinalSize < 0 && IsWindowNear(stream))
        {
            stream.WindowAskedAt = stream.Received;
            RequestControl(stream, StreamControl.MaxStreamData);
        }

        long ready = stream.Incoming.ReadyEnd;
        if (!stream.Incoming.TryAdd(_slices, _pool, packet, position, offset, length))
        {
            return new QuicError(
                TransportErrorCode.InternalError,
                $"What arrived of stream {id} has more than {ReassemblyBuffer.MostGaps} gaps, which is more than this end keeps track of.");
        }

        long added = stream.Incoming.ReadyEnd - ready;
        if (added > 0)
        {
            _buffered += added;
            Statistics.BytesReceived += added;
            if (!stream.HasReadableEvent)
            {
                stream.HasReadableEvent = true;
                Raise(stream);
            }
        }

        NoteEnd(stream);
        return null;
    }

    /// <summary>A RESET_STREAM frame arrived (RFC 9000, 19.4).</summary>
    public QuicError? OnResetStream(long id, long code, long finalSize)
    {
        Statistics.FramesReceived++;
        if (TryFind(id, peerSends: true, out QuicStream? stream) is { } error)
        {
            return error;
        }

        if (stream is null)
        {
            return null;
        }

        if (NoteSize(stream, finalSize, isFinal: true) is { } wrong)
        {
            return wrong;
        }

        // Everything up to the end arrived before, FIN included: the reset says nothing new (RFC 9000, 3.2).
        if (stream.IsReceiveDone || stream.IsPeerFinished)
        {
            return null;
        }

        if (stream.IsReceiveStopped)
        {
            // The answer to STOP_SENDING: nobody waits for more.
            EndStopped(stream);
            return null;
        }

        stream.PeerResetCode = code;
        stream.SetReset(StreamResetReason.ByPeer);
        Statistics.StreamsReset++;
        EndReceiving(stream);
        stream.HasReadableEvent = false;
        stream.HasResetEvent = true;
        Raise(stream);
        return null;
    }

    /// <summary>A STREAM_DATA_BLOCKED frame arrived (RFC 9000, 19.13): the peer waits for a window that it was told of.</summary>
    public QuicError? OnStreamDataBlocked(long id) => TryFind(id, peerSends: true, out _);

    /// <summary>A STREAMS_BLOCKED frame arrived (RFC 9000, 19.14): the peer is told of what there is, however little.</summary>
    public void OnStreamsBlocked(bool isUnidirectional)
    {
        ref StreamCounts counts = ref Counts(isUnidirectional);
        counts.IsPeerBlocked = true;
        counts.IsLimitDue |= NextStreamLimit(in counts, isUnidirectional) > counts.PeerLimit;
    }

    internal bool TryRead(QuicStream stream, out PacketSlice slice)
    {
        if (!stream.Incoming.TryRead(_slices, out slice))
        {
            return false;
        }

        _buffered -= slice.Length;
        if (stream.FinalSize >= 0 && stream.Incoming.ReadOffset == stream.FinalSize && !stream.IsReceiveDone)
        {
            EndReceiving(stream);
            ForgetIfOver(stream);
        }

        return true;
    }

    internal void OnConsumed(QuicStream stream, int bytes)
    {
        stream.Taken += bytes;
        TakeConnection(bytes);
        if (stream.FinalSize >= 0)
        {
            return;
        }

        stream.Tuner?.OnTaken(bytes);
        if (stream.ReceiveLimit - stream.Taken <= stream.Window - Math.Max(1, stream.Window / StepsOfWindow))
        {
            RequestControl(stream, StreamControl.MaxStreamData);
        }
    }

    internal void OnStopRequested(QuicStream stream)
    {
        ReleaseReceived(stream);
        CloseWindow(stream);
        TakeRest(stream);
        if (stream.FinalSize >= 0)
        {
            // The peer has ended already: there is nothing to stop (RFC 9000, 3.5).
            EndStopped(stream);
            return;
        }

        RequestControl(stream, StreamControl.StopSending);
    }

    /// <summary>
    /// Whether the window may become what limits the sender though its reader is not behind: what got lost holds a reader up for a
    /// round trip or two, and a sender that starts would meet the end of the window meanwhile. Asked in steps.
    /// </summary>
    private static bool IsWindowNear(QuicStream stream) => stream.Tuner is null
        ? stream.Received >= stream.Window / 4
        : stream.ReceiveLimit - stream.Received < stream.Window / 2 && 2 * stream.Incoming.Ready < stream.Window
            && stream.Received - stream.WindowAskedAt >= stream.Window / StepsOfWindow;

    // A first read shows that there is a reader, and not yet what it needs.
    private long SecondWindow(QuicStream stream) =>
        Math.Clamp(_budget.UnprovenWindow(stream.Grown), stream.Window, Math.Max(stream.Window, SecondStreamWindow));

    /// <summary>The limit to tell for a stream, by what its reader was seen to take.</summary>
    private long NextReceiveLimit(QuicStream stream, Timestamp now)
    {
        // Made now and not at the first read: the budget has to know of one stream's window before it decides on the next.
        WindowTuner tuner = stream.Tuner ??= new WindowTuner(SecondWindow(stream), stream.Window, MostStreamWindow);
        tuner.Update(now, RoundTripMicroseconds, stream.Incoming.Ready);
        long first = InitialWindow(stream.Id);
        long most = first + _budget.Share(stream.Grown);
        long window = Math.Clamp(tuner.Window, first, Math.Max(first, most));
        tuner.Limit(window);
        stream.Window = window;
        _budget.Grow(window - first - stream.Grown);
        stream.Grown = window - first;
        return Math.Max(stream.ReceiveLimit, stream.Taken + stream.Window);
    }

    private void CloseWindow(QuicStream stream)
    {
        _budget.Grow(-stream.Grown);
        stream.Grown = 0;
    }

    /// <summary>
    /// Counts what a frame says of a stream's length, against the limits of stream and connection (RFC 9000, 4.1 and 4.5).
    /// </summary>
    private QuicError? NoteSize(QuicStream stream, long end, bool isFinal)
    {
        if (stream.FinalSize >= 0 ? end > stream.FinalSize || (isFinal && end != stream.FinalSize) : isFinal && end < stream.Received)
        {
            return new QuicError(
                TransportErrorCode.FinalSizeError, $"Stream {stream.Id} ends at {stream.FinalSize}, and the peer speaks of {end}.");
        }

        if (end > stream.Received)
        {
            if (end > stream.ReceiveLimit)
            {
                return new QuicError(
                    TransportErrorCode.FlowControlError, $"The peer sent up to {end} on stream {stream.Id}, whose limit is {stream.ReceiveLimit}.");
            }

            _received += end - stream.Received;
            stream.Received = end;
            if (_received > _receiveLimit)
            {
                return new QuicError(
                    TransportErrorCode.FlowControlError, $"The peer sent {_received} bytes on all streams; the limit is {_receiveLimit}.");
            }
        }

        if (isFinal && stream.FinalSize < 0)
        {
            stream.FinalSize = end;
        }

        return null;
    }

    private void NoteEnd(QuicStream stream)
    {
        if (stream.FinalSize < 0 || stream.Incoming.ReadyEnd != stream.FinalSize || stream.IsReceiveDone || stream.IsPeerFinished)
        {
            return;
        }

        stream.IsPeerFinished = true;
        stream.HasFinishedEvent = true;
        CancelControl(stream, StreamControl.MaxStreamData);
        if (stream.Incoming.Ready == 0)
        {
            EndReceiving(stream);
        }

        Raise(stream);
    }

    /// <summary>What a stopped stream receives is over as soon as its length is known.</summary>
    private void EndStopped(QuicStream stream)
    {
        if (stream.FinalSize >= 0 && !stream.IsReceiveDone)
        {
            EndReceiving(stream);
            ForgetIfOver(stream);
        }
    }

    private void EndReceiving(QuicStream stream)
    {
        ReleaseReceived(stream);
        CloseWindow(stream);

        TakeRest(stream);
        stream.IsReceiveDone = true;
        CancelControl(stream, StreamControl.MaxStreamData | StreamControl.StopSending);
    }

    // Bytes that will never be read, or that nobody need report any more, count as taken for the connection's window.
    private void TakeRest(QuicStream stream)
    {
        TakeConnection(stream.Received - stream.Taken);
        stream.Taken = stream.Received;
    }

    private void ReleaseReceived(QuicStream stream)
    {
        _buffered -= stream.Incoming.Ready;
        stream.Incoming.Discard(_slices, stream.Incoming.ReadyEnd);
    }

    private void TakeConnection(long bytes)
    {
        _taken += bytes;

        // Where readers that have stopped hold most of the window, the rest is told in smaller steps: an eighth of the whole may
        // be all that is left for the others.
        long free = _receiveWindow - (_received - _taken);
        long step = Math.Min(_receiveWindow / StepsOfWindow, Math.Max(free / 4, LeastStepOfConnection));
        _isMaxDataDue |= _receiveLimit <= _taken + _receiveWindow - step;
    }

    private static EndpointRole Peer(EndpointRole role) => role == EndpointRole.Client ? EndpointRole.Server : EndpointRole.Client;
}
