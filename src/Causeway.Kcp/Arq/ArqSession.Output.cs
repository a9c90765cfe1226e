using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <content>What leaves.</content>
public sealed partial class ArqSession
{
    /// <summary>
    /// Bytes that <see cref="Write"/> takes now, 0 when it should wait. It counts what is queued against 64 KiB or, if
    /// that is more, what may be sent at once; and all that is queued or unacknowledged against the send window.
    /// </summary>
    public int WriteCapacity => _isClosed ? 0 : _sender.WriteCapacity;

    /// <summary>
    /// Takes bytes to send, copied into segments of which the newest unsent one is filled up first. All are taken, even
    /// beyond <see cref="WriteCapacity"/>: check that before, or memory grows.
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (!_isClosed)
        {
            _sender.Write(bytes);
            _peer.OnWritten(_ring.End);
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
            _sender.Write(bytes);
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
        if (_peer.Check(_recovery.OldestInFlight?.Transmissions ?? 0, now) is { } failure)
        {
            Fail(failure);
            return false;
        }

        if (_recovery.CheckPath(now) is > 0 and int length)
        {
            LostDatagramSize = SegmentHeader.Size + length;
            Fail(ArqFailure.LongDatagramsLost);
            return false;
        }

        _sender.BeginFlush(now);
        DetectLosses(now);
        _receiver.Tune(now, _recovery.Rtt.Smoothed, HeldAbove);
        ushort window = (ushort)_receiver.Free;

        // Data may bear the mark only towards one of ours: to others it says that fragments of the message follow.
        byte ackMark = _usesRack ? SegmentHeader.CausewayMark : (byte)0;
        SegmentWriter writer = new(
            ConversationId,
            _receiver.Next,
            window,
            ackMark,
            dataMark: _peerIsCauseway ? ackMark : (byte)0,
            _clock.ToTicks(now),
            _options.MaxDatagramSize);
        bool isFull = !TrySendControl(ref sink, ref writer, now) || !_sender.TrySend(ref sink, ref writer, now)
            || !TryAskAfterLongSegment(ref sink, ref writer, now);
        writer.Complete(ref sink);
        if (writer.Count > 0)
        {
            Statistics.OutSegments += writer.Count;
            _receiver.OnAdvertised(window);
        }

        _sender.EndFlush(isFull, now);
        Statistics.BytesInFlight = _recovery.BytesInFlight;
        return isFull;
    }

    private void DetectLosses(Timestamp now)
    {
        if (_recovery.Detect(now))
        {
            _peer.OnAttempt();
            if (_recovery.IsPersistent)
            {
                _ecn?.OnSilence();
            }
        }

        if (_recovery.AlwaysDetectsEarly || !_sender.CanSendNew(now))
        {
            _recovery.DetectEarly(now);
        }
    }

    private bool TrySendControl<TSink>(scoped ref TSink sink, scoped ref SegmentWriter writer, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        bool asks = _sender.ShouldAskForWindow(now);
        bool sends = asks || _receiver.IsReportDue || _sender.CanSend(now);

        bool isSilent = _peer.AskAt <= now;
        asks |= isSilent;
        sends |= isSilent;

        // The timestamp and sequence of window segments mean nothing and repeat the last acknowledgement's
        // (docs/wire/kcptun.md 5.1).
        uint sequence = 0;
        uint time = 0;
        if ((sends || _receiver.AcksDueAt <= now) && !TrySendAcks(ref sink, ref writer, ref sequence, ref time, now))
        {
            return false;
        }

        if (asks)
        {
            if (!writer.TryWrite(ref sink, SegmentCommand.WindowAsk, sequence, time, default))
            {
                return false;
            }

            OnAsked(isSilent, now);
        }

        if (_peer.ChallengeAt <= now)
        {
            if (!writer.TryWrite(ref sink, SegmentCommand.Push, _peer.ChallengeSequence, writer.Ticks, default))
            {
                return false;
            }

            _peer.OnChallenged(writer.Ticks, now);
        }

        if (_receiver.IsReportDue)
        {
            if (!writer.TryWrite(ref sink, SegmentCommand.WindowReport, sequence, time, default))
            {
                return false;
            }

            _receiver.OnReported();
        }

        // It never leaves alone, and if there is no room for it, it has time until the next datagram.
        PathExtensionKind extension = sends || writer.IsOpen ? _path.Due(_recovery.Rtt.Smoothed, now) : default;
        return extension == PathExtensionKind.None || TrySendExtension(ref sink, ref writer, extension, sequence, time, now);
    }

    private bool TrySendExtension<TSink>(
        scoped ref TSink sink,
        scoped ref SegmentWriter writer,
        PathExtensionKind extension,
        uint sequence,
        uint time,
        Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        Span<byte> payload = stackalloc byte[PathExtension.MaxSize];
        payload = payload[..PathExchange.SizeOf(extension)];
        if (SegmentHeader.Size + payload.Length > _options.MaxDatagramSize)
        {
            return true;
        }

        _path.Write(extension, payload);
        if (!writer.TryWrite(ref sink, SegmentCommand.WindowReport, sequence, time, payload))
        {
            return false;
        }

        _path.OnSent(extension, now);
        return true;
    }

    private void OnAsked(bool isSilent, Timestamp now)
    {
        _sender.IsProbeAsked = false;
        if (isSilent)
        {
            _peer.OnSilenceAsked(now);
            Statistics.SilenceProbes++;
            return;
        }

        _sender.OnWindowAsked(now);
    }

    private bool TrySendAcks<TSink>(
        scoped ref TSink sink, scoped ref SegmentWriter writer, ref uint sequence, ref uint time, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        Span<byte> ranges = stackalloc byte[ArqReceiver.MostRangeBytes];
        while (_receiver.TryPeekAck(_peerIsCauseway, ranges, out uint next, out uint nextTime, out int rangeBytes))
        {
            if (!writer.TryWrite(ref sink, SegmentCommand.Ack, next, nextTime, ranges[..rangeBytes]))
            {
                return false;
            }

            _receiver.PopAck();
            (sequence, time) = (next, nextTime);
        }

        _receiver.EndAcks(now);
        return true;
    }

    /// <summary>Asks for an answer where long segments may not arrive, in a datagram that is short.</summary>
    private bool TryAskAfterLongSegment<TSink>(scoped ref TSink sink, scoped ref SegmentWriter writer, Timestamp now)
        where TSink : IPacketSink, allows ref struct
    {
        if (!_recovery.ShouldAskAfterLong(now))
        {
            return true;
        }

        writer.Complete(ref sink);
        if (!writer.TryWrite(ref sink, SegmentCommand.WindowAsk, sequence: 0, time: 0, default))
        {
            return false;
        }

        _recovery.OnAskedAfterLong();
        return true;
    }
}
