using Causeway.Protocol.Streams;
using Causeway.Runtime;

namespace Causeway;

/// <content>The connection's part of a shard's turn. Everything here has one writer.</content>
public sealed partial class CausewayConnection
{
    // How long the opening of a stream waits for a first write, a read or a disposal: an application that does nothing
    // with its stream for that long does not notice. A shorter delay would set the timer again for every stream.
    private static readonly TimeSpan s_openingDelay = TimeSpan.FromMilliseconds(10);

    private readonly List<CausewayStream> _streams = [];
    private readonly Queue<CausewayStream> _accepting = [];
    private Timestamp _closeDeadline = Timestamp.Never;
    private bool _closing;
    private volatile bool _receiveBufferLow;

    internal TransportSession Session { get; }

    internal Shard Shard => _shard;

    internal CausewayOptions Options => _options;

    internal bool IsClosed { get; private set; }

    bool IDrivenSession.IsDirty { get; set; }

    TransportSession IDrivenSession.Session => Session;

    bool IDrivenSession.IsClosed => IsClosed;

    Timestamp IDrivenSession.NextDeadline => Timestamp.Min(
        Timestamp.Min(Session.NextDeadline, _closeDeadline), _answerSource?.Deadline ?? Timestamp.Never);

    Timestamp IDrivenSession.CloseDeadline => _closeDeadline;

    int IDeadlineItem.HeapIndex { get; set; } = -1;

    Timestamp IDeadlineItem.Deadline { get; set; } = Timestamp.Never;

    /// <summary>
    /// Whether readers should report every byte that they take, because the session's receive buffer is used up.
    /// </summary>
    internal bool IsReceiveBufferLow => _receiveBufferLow;

    internal bool IsClosing => _closing;

    void IDrivenSession.Input(PacketBuffer datagram, Timestamp now)
    {
        Session.Input(datagram, now);

        // The peer takes answers only from the address that it spoke to last.
        if (datagram.Path.Local is { IsNone: false } local && local != _path.Local)
        {
            lock (_pathLock)
            {
                _path = new DatagramPath(_path.Remote, local);
            }
        }
    }

    void IDrivenSession.Deliver(Timestamp now)
    {
        if (IsClosed)
        {
            return;
        }

        Session.Deliver(now);
        while (Session.Streams.TryReadEvent(out StreamEvent e))
        {
            switch (e.Kind)
            {
                case StreamEventKind.Accepted:
                    Accept(e.Stream!);
                    break;
                case StreamEventKind.HalfCloseKnown:
                    _halfClose.TrySetResult(Session.Streams.HalfClose == HalfCloseSupport.Supported);
                    break;
                default:
                    (e.Stream!.Tag as CausewayStream)?.OnMuxEvent(e.Kind);
                    break;
            }
        }

        _receiveBufferLow = !Session.Streams.CanReceive;
        if (_receiveBufferLow)
        {
            CollectConsumed(now);
        }
    }

    /// <summary>
    /// The receive buffer is used up: what readers took and have not reported yet may be all that is missing. Readers
    /// that take something from now on see the flag and report it themselves.
    /// </summary>
    private void CollectConsumed(Timestamp now)
    {
        Interlocked.MemoryBarrier();
        foreach (CausewayStream stream in _streams)
        {
            stream.ReportConsumed();
        }

        if (Session.Streams.CanReceive)
        {
            // One more round moves what waited below; readers are woken on the next turn, which this posts.
            _receiveBufferLow = false;
            _shard.MarkDirty(this);
            _shard.Post(_wakeItem);
        }
    }

    private bool IsDrained => Session.IsIdle && _streams.TrueForAll(static stream => stream.IsWriteFinished);

    bool IDrivenSession.Flush(PacketBatch batch, Timestamp now)
    {
        if (IsClosed)
        {
            return false;
        }

        _answerSource?.OnTurn(now);
        int before = batch.Count;
        bool more = Session.Flush(batch, _path, now);
        if (batch.Count > before)
        {
            _answerSource?.OnSent(now);
        }

        return more;
    }

    void IDrivenSession.AfterTurn(Timestamp now)
    {
        if (IsClosed)
        {
            return;
        }

        if (Session.Failure is { } failure)
        {
            Abandon(ToException(failure), now);
        }
        else if (_closing && (IsDrained || _closeDeadline <= now))
        {
            Abandon(new TransportException(TransportError.ConnectionClosed, "The connection was closed."), now);
        }
    }

    void IDrivenSession.Abandon(TransportException reason, Timestamp now) => Abandon(reason, now);

    /// <summary>Ends the connection now. The first reason is the one that everybody sees.</summary>
    internal void Abandon(TransportException reason, Timestamp now)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        _failure = reason;
        _shard.Forget(this);
        foreach (CausewayStream stream in _streams)
        {
            stream.OnConnectionClosed();
        }

        _streams.Clear();
        try
        {
            Session.Dispose();
        }
        catch (Exception)
        {
            // An application's codec that cannot be disposed changes nothing: the reason is given, the connection over.
        }

        _accepted.Writer.TryComplete();
        while (_accepted.Reader.TryRead(out CausewayStream? unclaimed))
        {
            unclaimed.Dispose();
        }

        _halfClose.TrySetResult(false);
        _closed.TrySetResult();
    }

    internal void RemoveStream(CausewayStream stream)
    {
        // Swap with the last: order does not matter, and removal must not cost a search.
        int index = stream.ListIndex;
        if (index < 0)
        {
            return;
        }

        CausewayStream last = _streams[^1];
        _streams[index] = last;
        last.ListIndex = index;
        _streams.RemoveAt(_streams.Count - 1);
        stream.ListIndex = -1;
    }

    private void Open(OpenItem item, Timestamp now)
    {
        TaskCompletionSource<CausewayStream> result = item.Result;
        if (result.Task.IsCompleted)
        {
            // Cancelled before its turn came.
            return;
        }

        if (IsClosed || _closing)
        {
            result.TrySetException(NewClosedException());
            return;
        }

        if (Session.Streams.TryOpen(now) is not { } muxStream)
        {
            result.TrySetException(new TransportException(
                TransportError.StreamLimit, "The connection has as many streams open, or has opened as many, as it can."));
            return;
        }

        CausewayStream stream;
        try
        {
            stream = Attach(muxStream);
            stream.HoldOpening();
        }
        catch (Exception error)
        {
            TransportException reason = TransportException.OfLayer(error);
            Abandon(reason, now);
            result.TrySetException(NewClosedException());
            return;
        }

        // The first write usually follows at once, and its bytes go in the datagram that opens the stream: one datagram
        // less, and one wake-up less at the far end. A read that has to wait sends the opening by itself.
        _shard.Schedule(this, now.Add(s_openingDelay));
        item.Complete(stream);
    }

    private void Accept(TransportStream muxStream)
    {
        if (_closing || _accepted.Reader.Count + _accepting.Count >= _options.StreamBacklog)
        {
            muxStream.Abort();
            return;
        }

        _accepting.Enqueue(Attach(muxStream));
        if (!_shard.ResumesInline)
        {
            PassAccepted();
        }
        else if (_accepting.Count == 1)
        {
            _shard.ResumeAfterTurn(_acceptResumption);
        }
    }

    private void PassAccepted()
    {
        while (_accepting.TryDequeue(out CausewayStream? stream))
        {
            if (!_accepted.Writer.TryWrite(stream))
            {
                // The connection ended in the same turn.
                stream.Dispose();
            }
        }
    }

    private CausewayStream Attach(TransportStream muxStream)
    {
        CausewayStream stream = new(this, muxStream, _options.Profile.StreamCipher?.Invoke()) { ListIndex = _streams.Count };
        _streams.Add(stream);
        return stream;
    }

    private void BeginClose(Timestamp now)
    {
        if (IsClosed || _closing)
        {
            return;
        }

        _closing = true;
        _closeDeadline = now.Add(_options.CloseTimeout);
        _accepted.Writer.TryComplete();
        while (_accepted.Reader.TryRead(out CausewayStream? unclaimed))
        {
            unclaimed.Dispose();
        }

        foreach (CausewayStream stream in _streams)
        {
            stream.OnConnectionClosing();
        }

        _shard.MarkDirty(this);
    }

    private static TransportException ToException(TransportFailure failure) => failure.Kind switch
    {
        TransportFailureKind.DeadLink => new(TransportError.DeadLink, "The link is dead: " + failure.Reason),
        TransportFailureKind.IdleTimeout => new(TransportError.IdleTimeout, "The peer fell silent: " + failure.Reason),
        _ => new(TransportError.ProtocolViolation, "The peer broke the protocol, or its settings differ: " + failure.Reason),
    };
}
