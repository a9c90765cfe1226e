namespace Causeway.Kcp.Smux;

/// <summary>
/// The end of streams. With a peer that has half-close, each direction ends by its own FIN, and a NOP with a stream's
/// id abandons both. For other peers a FIN ends both directions (docs/wire/kcptun.md 7.7): whoever receives one may
/// stop writing, but reads what was sent before. While the peer is unknown, frames are chosen that mean the same to
/// either kind.
/// </summary>
public sealed partial class SmuxSession
{
    internal void OnFinishWrites(SmuxStream stream)
    {
        if (stream.FinishRequested || stream.SendOver || stream.IsClosed)
        {
            return;
        }

        // Also when the window is used up: the source may have become dry without it, and a FIN needs none.
        stream.FinishRequested = true;
        _sending.Append(stream);
    }

    internal void OnClose(SmuxStream stream)
    {
        if (stream.ReadsDropped || _disposed)
        {
            return;
        }

        DropReads(stream);
        if (!stream.SendOver)
        {
            OnFinishWrites(stream);
        }
        else if (!stream.Forgotten)
        {
            EndClose(stream);
        }
    }

    internal void OnAbort(SmuxStream stream)
    {
        if (_disposed)
        {
            return;
        }

        if (!stream.IsClosed)
        {
            SetEvents(stream, StreamEvents.None);
            Abandon(stream);
        }
        else if (!stream.ReadsDropped)
        {
            // Over on the wire, but tokens for what was read and not consumed are still out.
            DropReads(stream);
        }
    }

    private void OnPeerFinished(SmuxStream stream)
    {
        if (stream.PeerFinished || stream.Abandoned)
        {
            return;
        }

        stream.PeerFinished = true;
        Recount(stream);
        CancelControl(stream, ControlFrames.Update | (stream.SendOver ? ControlFrames.Abandon : ControlFrames.None));
        if (!stream.ReadsDropped)
        {
            Raise(stream, StreamEvents.ReadsFinished);
        }

        if (_halfClose is not HalfCloseSupport.Supported && !stream.SendOver)
        {
            StopWrites(stream);
            if (stream.FinishRequested)
            {
                _sending.Append(stream);
            }
        }

        ForgetIfOver(stream);
    }

    private void OnPeerAbandoned(SmuxStream stream)
    {
        if (!stream.PeerFinished && !stream.Abandoned)
        {
            Reset(stream, StreamResetReason.ByPeer);
            return;
        }

        // After its FIN the peer's own bytes are complete and stay readable: it only takes no more of ours.
        if (!stream.IsWriteFinished)
        {
            StopWrites(stream);
        }

        stream.SendOver = true;
        CancelControl(stream, stream.Control);
        ForgetIfOver(stream);
    }

    private void StopWrites(SmuxStream stream)
    {
        stream.SendStopped = true;
        stream.IsBlocked = false;
        StopSending(stream);
        Raise(stream, StreamEvents.WritesStopped);
    }

    private void Reset(SmuxStream stream, StreamResetReason reason)
    {
        Statistics.StreamsReset++;
        stream.SetReset(reason);

        // The driver never hears of a stream that was given up before it was accepted.
        SetEvents(stream, stream.Events.HasFlag(StreamEvents.Accepted) ? StreamEvents.None : StreamEvents.Reset);
        if (reason is StreamResetReason.ByPeer)
        {
            stream.SendOver = true;
            stream.PeerFinished = true;
        }

        Abandon(stream);
    }

    /// <summary>Gives a stream up and tells the peer whatever it has to be told.</summary>
    private void Abandon(SmuxStream stream)
    {
        bool peerKnowsStream = !stream.Control.HasFlag(ControlFrames.Syn);
        stream.Abandoned = true;
        DropReads(stream);
        StopSending(stream);
        CancelControl(stream, stream.Control);
        if (peerKnowsStream)
        {
            // For a peer with half-close FIN alone would be the end of one direction, for others NOP alone is nothing.
            bool isOver = stream.SendOver && stream.PeerFinished;
            if (!isOver && _halfClose is not HalfCloseSupport.Unsupported)
            {
                RequestControl(stream, ControlFrames.Abandon);
            }

            if (!stream.SendOver && _halfClose is not HalfCloseSupport.Supported)
            {
                RequestControl(stream, ControlFrames.Finish);
            }
        }

        ForgetIfOver(stream);
    }

    private void DropReads(SmuxStream stream)
    {
        stream.ReadsDropped = true;
        SetEvents(stream, stream.Events & ~(StreamEvents.Readable | StreamEvents.ReadsFinished));
        NoteTaken(stream, stream.Receive.Discard(_memory));
        Recount(stream);
    }

    /// <summary>
    /// After the FIN of a stream that is not read any more: a peer with half-close would go on sending, so it is told.
    /// It keeps what it received, because the FIN came first.
    /// </summary>
    private void EndClose(SmuxStream stream)
    {
        if (stream.ReadsDropped && !stream.PeerFinished && _halfClose is not HalfCloseSupport.Unsupported)
        {
            RequestControl(stream, ControlFrames.Abandon);
        }

        ForgetIfOver(stream);
    }

    private void ForgetIfOver(SmuxStream stream)
    {
        bool over = stream.Abandoned
            || (stream.SendOver && (stream.ReadsDropped || (stream.PeerFinished && stream.Receive.Buffered == 0)));
        if (!over || stream.Forgotten || (stream.Control & ~ControlFrames.Update) is not ControlFrames.None)
        {
            return;
        }

        stream.Forgotten = true;
        CloseWindow(stream);
        stream.Receive.ReleaseTail();
        StopSending(stream);
        CancelControl(stream, stream.Control);
        _streams.Remove(stream.StreamId);
        if (ReferenceEquals(_receiver, stream))
        {
            _receiver = null;
        }
    }
}
