using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <content>What leaves.</content>
public sealed partial class ArqSession
{
    // Repeated retransmissions are paid from a credit that acknowledgements fill; a burst of 32 of them does no harm.
    private const int RepeatCost = 2;
    private const int RepeatCreditOfAck = 3;
    private const int MaxRepeatCredit = 32 * RepeatCost;

    private int _repeatCredit = MaxRepeatCredit;
    private bool _hasAsked;

    // Below this much unsent data a writer is never held back by a small window, so that a burst finds data waiting.
    private const int LeastQueuedBytes = 64 << 10;

    /// <summary>
    /// Bytes that <see cref="Write"/> takes now, 0 when it should wait. It counts what is queued against 64 KiB or, if
    /// that is more, what may be sent at once; and all that is queued or unacknowledged against the send window.
    /// </summary>
    public int WriteCapacity
    {
        get
        {
            int segments = _sendWindow - _ring.Count;
            if (_isClosed || segments <= 0)
            {
                return 0;
            }

            long sendable = (long)(Math.Min(_sendWindow, _peerWindow) - _ring.SentCount) * _segmentSize;
            sendable = Math.Min(sendable, _congestion.Window - _inFlight.Bytes);
            long queue = Math.Max(LeastQueuedBytes, sendable) - _ring.UnsentBytes;
            long window = ((long)segments * _segmentSize) + _ring.TailRoom;
            return (int)Math.Clamp(Math.Min(queue, window), 0, int.MaxValue);
        }
    }

    /// <summary>
    /// Takes bytes to send, copied into segments of which the newest unsent one is filled up first. All are taken, even
    /// beyond <see cref="WriteCapacity"/>: check that before, or memory grows.
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (!_isClosed)
        {
            WriteHeartbeat(bytes);
            _heartbeatsFrom = _ring.End;
        }
    }

    /// <summary>
    /// Takes bytes to send that only ask whether the peer is there. While nothing else waits for an answer, silence is the
    /// sender's to judge, and not <see cref="ArqOptions.DeadLinkTimeout"/>'s.
    /// </summary>
    public void WriteHeartbeat(ReadOnlySpan<byte> bytes)
    {
        if (!_isClosed)
        {
            Statistics.BytesSent += bytes.Length;
            _ring.Write(bytes);
        }
    }

    /// <summary>
    /// Writes everything that may and should leave now: acknowledgements, window probes and reports, retransmissions,
    /// new data as far as the windows and the pacer allow. A partly filled last segment leaves too; gather writes into
    /// turns.
    /// </summary>
    /// <param name="sink">Takes the datagrams. When it is full, nothing is marked as sent that it did not take.</param>
    /// <param name="now">The time, which is the timestamp of all segments.</param>
    /// <returns>True if the sink was full before everything had left: flush again with an empty one.</returns>
    public bool Flush<TSink>(ref TSink sink, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        if (_isClosed)
        {
            return false;
        }

        NoteTime(now);
        if (_deadLink.Check(_inFlight.Head?.Transmissions ?? 0, now) is { } failure)
        {
            Fail(failure);
            return false;
        }

        if (IsPathTooNarrow(now))
        {
            Fail(ArqFailure.LongDatagramsLost);
            return false;
        }

        // Time went by in which more could have been in flight than there was data for.
        if (_ranDry && now > _flushedAt)
        {
            _rate.OnIdle(_inFlight.Bytes);
        }

        UpdateProbe(now);
        DetectLosses(now);
        _receive.Tune(now, _rtt.Smoothed, HeldAbove / _options.MaxDatagramSize);
        FlushState state = new()
        {
            Now = now,
            Ticks = _clock.ToTicks(now),
            Window = (ushort)_receive.Free,
        };
        DatagramWriter writer = new(_options.MaxDatagramSize);
        bool isFull = !TrySendControl(ref sink, ref writer, ref state) || !TrySendData(ref sink, ref writer, ref state)
            || !TryAskAfterLongSegment(ref sink, ref writer, ref state);
        writer.Complete(ref sink);
        UpdateProbe(now);
        NoteWhatLimits(isFull, now);
        Statistics.BytesInFlight = _inFlight.Bytes;
        return isFull;
    }

    /// <summary>The oldest segment that was sent and that nothing acknowledges, if that is what una waits for.</summary>
    private SendSegment? Oldest => _ring.SentCount > 0 && _ring[_ring.Unacknowledged] is { State: not SendState.Acknowledged } oldest
        ? oldest
        : null;

    private bool IsPathTooNarrow(Timestamp now)
    {
        if (Oldest is not { } oldest || !_blackHole.Check(oldest, now))
        {
            return false;
        }

        LostDatagramSize = SegmentHeader.Size + oldest.Length;
        return true;
    }

    private void NoteWhatLimits(bool isFull, Timestamp now)
    {
        bool waits = _lost.Count > 0 || (_ring.UnsentCount > 0 && PeerAllowsNewData());

        // A peer that leaves no room is part of the path, and a full window takes no data: neither is want of data.
        _ranDry = !isFull && _lost.Count == 0 && _ring.UnsentCount == 0 && _ring.Count < _sendWindow
            && _congestion.Window - _inFlight.Bytes >= _segmentSize;
        _isCongestionLimited &= !_isLimitReported;
        _isCongestionLimited |= !isFull && waits;
        _isLimitReported = false;
        _flushedAt = now;
    }

    private bool TrySendControl<TSink>(scoped ref TSink sink, scoped ref DatagramWriter writer, ref FlushState state)
        where TSink : IPacketSink, allows ref struct
    {
        bool asks = (_ring.UnsentCount > 0 && _probe.DueAt <= state.Now) || (_isProbeAsked && _inFlight.Count == 0);
        bool sends = asks || _receive.IsReportDue
            || (WindowsAllowSomething() && _pacer.CanSend(_congestion.PacingRate, state.Now));

        bool isSilent = SilenceProbeDueAt <= state.Now;
        asks |= isSilent;
        sends |= isSilent;

        // The timestamp and sequence of window segments mean nothing and repeat the last acknowledgement's
        // (docs/wire/kcptun.md 5.1).
        uint sequence = 0;
        uint time = 0;
        if ((sends || _acks.DueAt <= state.Now) && !TrySendAcks(ref sink, ref writer, ref state, ref sequence, ref time))
        {
            return false;
        }

        if (asks)
        {
            if (!TryWrite(ref sink, ref writer, in state, SegmentCommand.WindowAsk, sequence, time, default))
            {
                return false;
            }

            OnAsked(isSilent, state.Now);
        }

        if (_restart.ChallengeAt <= state.Now)
        {
            if (!TryWrite(
                ref sink, ref writer, in state, SegmentCommand.Push, _restart.ChallengeSequence, state.Ticks, default))
            {
                return false;
            }

            _restart.OnChallenged(state.Ticks, _rtt.Smoothed, state.Now);
        }

        if (_receive.IsReportDue)
        {
            if (!TryWrite(ref sink, ref writer, in state, SegmentCommand.WindowReport, sequence, time, default))
            {
                return false;
            }

            _receive.OnReported();
        }

        // It never leaves alone, and if there is no room for it, it has time until the next datagram.
        PathExtensionKind extension = sends || writer.IsOpen ? _path.Due(_rtt.Smoothed, state.Now) : default;
        if (extension != PathExtensionKind.None)
        {
            Span<byte> payload = stackalloc byte[PathExtension.MaxSize];
            payload = payload[..PathExchange.SizeOf(extension)];
            _path.Write(extension, payload);
            if (SegmentHeader.Size + payload.Length <= _options.MaxDatagramSize)
            {
                if (!TryWrite(ref sink, ref writer, in state, SegmentCommand.WindowReport, sequence, time, payload))
                {
                    return false;
                }

                _path.OnSent(extension, state.Now);
            }
        }

        return true;
    }

    private void OnAsked(bool isSilent, Timestamp now)
    {
        _isProbeAsked = false;
        if (isSilent)
        {
            _silence.OnSent(now);
            Statistics.SilenceProbes++;
            return;
        }

        _probe.OnSent(now);
        _isProbeAsked = false;
        _deadLink.OnSent(isHeartbeat: false, now);
        _deadLink.OnAttempt();
        Statistics.WindowProbes++;
    }

    private bool TrySendAcks<TSink>(
        scoped ref TSink sink, scoped ref DatagramWriter writer, ref FlushState state, ref uint sequence, ref uint time)
        where TSink : IPacketSink, allows ref struct
    {
        Span<byte> ranges = stackalloc byte[ReceivedRanges.MostBytes];
        while (_acks.TryPeek(_receive.Next, out uint next, out uint nextTime))
        {
            // With the last one: those before it tell more of the segments that they name, and when they left.
            int length = _acks.Count == 1 && _peerIsCauseway ? _receivedRanges.Write(_receive.Next, ranges) : 0;
            if (!TryWrite(ref sink, ref writer, in state, SegmentCommand.Ack, next, nextTime, ranges[..length]))
            {
                return false;
            }

            _acks.Pop();
            (sequence, time) = (next, nextTime);
        }

        _acks.EndFlush(state.Now);
        return true;
    }

    private bool TrySendData<TSink>(scoped ref TSink sink, scoped ref DatagramWriter writer, ref FlushState state)
        where TSink : IPacketSink, allows ref struct
    {
        if ((_isProbeDue || _isProbeAsked) && _inFlight.Head is { } oldest)
        {
            if (!TryTransmit(ref sink, ref writer, in state, oldest))
            {
                return false;
            }

            _tailProbe.OnSent();
            _timer.OnProbed(state.Now);
            Statistics.TailLossProbes++;
        }

        _isProbeDue = false;
        _isProbeAsked = false;
        while (_lost.Head is { } lost && RetransmissionAllowed(lost)
            && _pacer.CanSend(_congestion.PacingRate, state.Now))
        {
            if (!TryTransmit(ref sink, ref writer, in state, lost))
            {
                return false;
            }
        }

        while (NewDataAllowed() && _pacer.CanSend(_congestion.PacingRate, state.Now))
        {
            if (!TryTransmit(ref sink, ref writer, in state, _ring[_ring.Next]))
            {
                return false;
            }
        }

        return TrySendCopies(ref sink, ref writer, ref state);
    }

    /// <summary>Asks for an answer where long segments may not arrive, in a datagram that is short.</summary>
    private bool TryAskAfterLongSegment<TSink>(scoped ref TSink sink, scoped ref DatagramWriter writer, ref FlushState state)
        where TSink : IPacketSink, allows ref struct
    {
        if (Oldest is not { } suspect || !_blackHole.ShouldAsk(suspect, state.Now))
        {
            return true;
        }

        writer.Complete(ref sink);
        if (!TryWrite(ref sink, ref writer, in state, SegmentCommand.WindowAsk, sequence: 0, time: 0, default))
        {
            return false;
        }

        _blackHole.OnAsked();
        _hasAsked = true;
        return true;
    }

    private bool TrySendCopies<TSink>(scoped ref TSink sink, scoped ref DatagramWriter writer, ref FlushState state)
        where TSink : IPacketSink, allows ref struct
    {
        while (NextCopy(out SendSegment? segment) <= state.Now)
        {
            if (!TryTransmit(ref sink, ref writer, in state, segment!))
            {
                return false;
            }

            _copies.OnSent(segment!.Length, state.Now);
            Statistics.Copies++;
        }

        return true;
    }

    private bool TryTransmit<TSink>(
        scoped ref TSink sink, scoped ref DatagramWriter writer, in FlushState state, SendSegment segment)
        where TSink : IPacketSink, allows ref struct
    {
        if (!TryWrite(
            ref sink, ref writer, in state, SegmentCommand.Push, segment.Sequence, state.Ticks, segment.Buffer!.Payload))
        {
            return false;
        }

        NodesVisited++;
        switch (segment.State)
        {
            case SendState.Lost:
                CountRetransmission(segment);
                _lost.Remove(segment);
                _repeatCredit = Math.Max(0, _repeatCredit - (segment.Transmissions < 2 ? 0 : RepeatCost));
                _timeoutProbes = Math.Max(0, _timeoutProbes - 1);
                break;
            case SendState.InFlight:
                _inFlight.Remove(segment);
                break;
            default:
                _ring.AdvanceNext(segment);
                segment.FirstTicks = state.Ticks;
                segment.FirstSentAt = state.Now;
                _newDataSentAt = state.Now;
                break;
        }

        _rate.OnSent(segment, _inFlight.Bytes, state.Now);

        segment.State = SendState.InFlight;
        segment.Transmission = ++_lastTransmission;
        segment.Transmissions++;
        if (segment.Transmissions > 1)
        {
            _blackHole.OnRepeated(segment.Length);
        }

        segment.SentAt = state.Now;
        segment.SentTicks = state.Ticks;
        _inFlight.Append(segment);
        _pacer.OnSent(segment.Length);
        _deadLink.OnSent(IsHeartbeat(segment.Sequence), state.Now);
        Statistics.OutDataSegments++;
        SentEvent e = new()
        {
            Now = state.Now,
            Bytes = segment.Length,
            BytesInFlight = _inFlight.Bytes,
            IsAppLimited = _rate.IsAppLimited,
            IsRetransmission = segment.Transmissions > 1,
        };
        _congestion.OnSent(in e);
        return true;
    }

    private bool TryWrite<TSink>(
        scoped ref TSink sink,
        scoped ref DatagramWriter writer,
        in FlushState state,
        SegmentCommand command,
        uint sequence,
        uint time,
        scoped ReadOnlySpan<byte> payload)
        where TSink : IPacketSink, allows ref struct
    {
        if (!writer.TryReserve(ref sink, SegmentHeader.Size + payload.Length, out Span<byte> room))
        {
            return false;
        }

        SegmentHeader header = new()
        {
            Conversation = ConversationId,
            Command = command,
            Fragment = MarkOf(command),
            Window = state.Window,
            Time = time,
            Sequence = sequence,
            Unacknowledged = _receive.Next,
            Length = (uint)payload.Length,
        };
        header.Write(room);
        payload.CopyTo(room[SegmentHeader.Size..]);
        _receive.OnAdvertised(state.Window);
        Statistics.OutSegments++;
        return true;
    }

    // Data may bear the mark only towards one of ours: to others it says that fragments of the message follow.
    private byte MarkOf(SegmentCommand command) =>
        _usesRack && (command == SegmentCommand.Ack || (command == SegmentCommand.Push && _peerIsCauseway))
            ? SegmentHeader.CausewayMark
            : (byte)0;

    /// <summary>Whether the windows, leaving the pacer aside, let anything leave that waits.</summary>
    private bool WindowsAllowSomething() => _lost.Head is { } lost ? RetransmissionAllowed(lost) : NewDataAllowed();

    private bool NewDataAllowed() => _lost.Count == 0 && _ring.UnsentCount > 0 && PeerAllowsNewData()
        && CongestionAllows(_ring[_ring.Next].Length, isRetransmission: false);

    private bool PeerAllowsNewData() => _ring.SentCount < Math.Min(_sendWindow, _peerWindow);

    // Segments whose retransmission was lost too go again for acknowledgements that arrived, three for two (packet
    // conservation, RFC 6937 section 3, with room for a third of them to be lost once more). A fixed window larger than what
    // the path and its queue hold would otherwise send all that was lost again and again, once a round trip, and lose most
    // of it every time.
    private bool RetransmissionAllowed(SendSegment lost) => CongestionAllows(lost.Length, isRetransmission: true)
        && (lost.Transmissions < 2 || _repeatCredit >= RepeatCost || _inFlight.Count == 0 || _timeoutProbes > 0);

    // With nothing in flight no acknowledgement can open the window again, so one segment always may leave; after a
    // timeout the first retransmissions may too, whatever the controller thinks (RFC 9002 section 7.5).
    private bool CongestionAllows(int length, bool isRetransmission) =>
        length <= _congestion.Window - _inFlight.Bytes
        || _inFlight.Count == 0
        || (isRetransmission && _timeoutProbes > 0);

    /// <summary>
    /// Probing is due when the peer has no room, and also when an old, small window is used up and nothing is in flight
    /// whose acknowledgement could bring a new one: the report that opened it may have been lost.
    /// </summary>
    private void UpdateProbe(Timestamp now)
    {
        bool isStuck = _ring.UnsentCount > 0 && _inFlight.Count + _lost.Count == 0 && _ring.SentCount >= _peerWindow;
        _probe.Update(_peerWindow == 0 || isStuck, now);
    }

    private void CountRetransmission(SendSegment segment)
    {
        switch (segment.LostBy)
        {
            case LossReason.Fast:
                Statistics.FastRetransmits++;
                break;
            case LossReason.Early:
                Statistics.EarlyRetransmits++;
                break;
            default:
                Statistics.Timeouts++;
                break;
        }
    }

    /// <summary>What all segments of a flush share.</summary>
    private readonly struct FlushState
    {
        public required Timestamp Now { get; init; }

        public required uint Ticks { get; init; }

        public required ushort Window { get; init; }
    }
}
