using System.Net.Security;
using Causeway.Protocol.Streams;
using Causeway.Runtime;

namespace Causeway;

/// <content>The connection's part of a shard's turn. Everything here has one writer.</content>
public sealed partial class CausewayConnection
{
    // How long the opening of a stream waits for a first write, a read or a disposal: an application that does nothing
    // with its stream for that long does not notice. A shorter delay would send it alone wherever the application is held up
    // between opening and writing, and a frame without data is something that peers see too seldom to handle well.
    private static readonly TimeSpan s_openingDelay = TimeSpan.FromMilliseconds(100);

    // One may be the answer to a datagram that left before a peer came back.
    private const int RefusalsUntilGone = 2;

    // A server that is started again is found within this time, for four small datagrams a second.
    private static readonly TimeSpan s_refusedInterval = TimeSpan.FromMilliseconds(250);

    // Longer than any round trip and than a path takes to change over, shorter than a user waits.
    private static readonly TimeSpan s_longestSilence = TimeSpan.FromSeconds(2);

    private readonly List<CausewayStream> _streams = [];
    private readonly Queue<CausewayStream> _accepting = [];
    private readonly Queue<OpenItem> _opening = [];
    private Timestamp _closeDeadline = Timestamp.Never;
    private bool _closing;
    private bool _isLeaving;
    private GoodbyeReason? _lastWord;
    private long? _closeCode;
    private string _closeText = "";
    private volatile int _refusals;
    private Timestamp _askAt = Timestamp.Never;
    private Timestamp _askedAt = Timestamp.LongAgo;
    private volatile bool _receiveBufferLow;

    internal TransportSession Session { get; }

    internal Shard Shard => _shard;

    internal CausewayOptions Options => _options;

    internal bool IsClosed { get; private set; }

    bool IDrivenSession.IsDirty { get; set; }

    TransportSession IDrivenSession.Session => Session;

    DatagramPath IDrivenSession.Path => _path;

    bool IDrivenSession.IsClosed => IsClosed;

    Timestamp IDrivenSession.NextDeadline => Timestamp.Min(
        Timestamp.Min(Session.NextDeadline, _closeDeadline),
        Timestamp.Min(_askAt, Timestamp.Min(_answerSource?.Deadline ?? Timestamp.Never, _paths?.Deadline ?? Timestamp.Never)));

    Timestamp IDrivenSession.CloseDeadline => _closeDeadline;

    int IDeadlineItem.HeapIndex { get; set; } = -1;

    Timestamp IDeadlineItem.Deadline { get; set; } = Timestamp.Never;

    /// <summary>
    /// Whether readers should report every byte that they take, because the session's receive buffer is used up.
    /// </summary>
    internal bool IsReceiveBufferLow => _receiveBufferLow;

    internal bool IsClosing => _closing;

    GoodbyeReason? IDrivenSession.LastWord => _lastWord;

    void IDrivenSession.Input(PacketBuffer datagram, Timestamp now)
    {
        _refusals = 0;
        Session.Input(datagram, now);

        // The peer takes answers only from the address that it spoke to last. Where a client goes, its session knows.
        if (_paths is null && datagram.Path.Local is { IsNone: false } local && local != _path.Local)
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
        NoteProgress(now);
        if (IsClosed)
        {
            // The handshake is over, and the listener takes no more.
            return;
        }

        PassDatagrams();
        while (Session.Streams.TryReadEvent(out StreamEvent e))
        {
            switch (e.Kind)
            {
                case StreamEventKind.Accepted:
                    Accept(e.Stream!);
                    break;
                case StreamEventKind.OpenAllowed:
                    OpenWaiting(now);
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

    /// <summary>What the session asks, and whether the peer has shown who it is by now.</summary>
    private void NoteProgress(Timestamp now)
    {
        while (Session.TakeQuestion() is { } question)
        {
            ThreadPool.UnsafeQueueUserWorkItem(new AnswerItem(this, question), preferLocal: false);
        }

        if (Session.IsEarly && !_usable.Task.IsCompleted)
        {
            Introduce(now);
        }

        if (Session.IsEstablished && !_establishment.Task.IsCompleted)
        {
            Introduce(now);
            _establishment.TrySetResult();
        }
    }

    /// <summary>Lets the application have the connection, which it may use from now on.</summary>
    private void Introduce(Timestamp now)
    {
        _remoteCertificate = Session.PeerCertificates is [var own, ..] ? own.ToArray() : null;
        if (!Session.ApplicationProtocol.IsEmpty)
        {
            NegotiatedApplicationProtocol = new SslApplicationProtocol(Session.ApplicationProtocol.ToArray());
        }

        TargetHostName = Session.ServerName;
        NegotiatedCipherSuite = Session.CipherSuite;
        _usable.TrySetResult();
        Action<CausewayConnection, Timestamp>? established = Established;
        Established = null;
        established?.Invoke(this, now);
    }

    // Those who asked for a stream when the peer allowed no more, in their order.
    private void OpenWaiting(Timestamp now)
    {
        for (int i = _opening.Count; i > 0; i--)
        {
            Open(_opening.Dequeue(), now);
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

    private bool IsDrained => Session.IsIdle && (_closeCode is not null || _streams.TrueForAll(static stream => stream.IsWriteFinished));

    bool IDrivenSession.Flush(PacketBatch batch, Timestamp now)
    {
        if (IsClosed)
        {
            return false;
        }

        if (_askAt <= now)
        {
            _askAt = Timestamp.Never;
            _askedAt = now;
            Session.Probe();
        }

        _answerSource?.Expect(Session.OtherPeerAddress);
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

        if (_paths is not null)
        {
            _paths.OnTurn(now);
        }
        else
        {
            FollowPeer();
        }

        if (Session.Failure is { } failure)
        {
            Abandon(_closing && failure.IsByPeer ? NewClosedHere() : WithGuess(ToException(failure)), now);
        }
        else if (_closing && _closeDeadline <= now)
        {
            Abandon(NewClosedHere(), now);
        }
        else if (_isLeaving ? Session.IsDrained : _closing && IsDrained)
        {
            Leave(now);
        }
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

        if ((item.IsUnidirectional ? Session.Streams.TryOpenUnidirectional(now) : Session.Streams.TryOpen(now)) is not { } muxStream)
        {
            if (Session.Streams.MayAllowMore && Session.Failure is null)
            {
                _opening.Enqueue(item);
                _shard.MarkDirty(this);
                return;
            }

            result.TrySetException(new TransportException(
                TransportError.StreamLimit, "The connection has as many streams open, or has opened as many, as it can."));
            return;
        }

        muxStream.IsReplaySafe = item.IsReplaySafe;
        CausewayStream stream;
        try
        {
            stream = Attach(muxStream);
            stream.HoldOpening();

            // An engine without a frame that opens a stream sends an empty one of data when nothing else comes first.
            muxStream.NotifyWritable();
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
            Session.Streams.Refuse(muxStream);
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

    private void PassAcceptedInline()
    {
        PassAccepted();
        if (IsClosed)
        {
            _accepted.Writer.TryComplete();
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

    private void Announce()
    {
        if (!IsClosed)
        {
            Session.Streams.SendKeepAlive();
            _shard.MarkDirty(this);
        }
    }
}
