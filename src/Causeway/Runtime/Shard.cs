using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// One link, its sessions, one timer and one inbox. A serial executor in the manner of Kestrel's IOQueue: whoever posts and
/// finds nobody inside runs the turn, so that the sessions have one writer without a lock, and a datagram or a write reaches
/// the wire without a change of threads. Application code never runs here: it is resumed on the thread pool.
/// </summary>
/// <remarks>
/// <code>
/// idle --Post--> running --inbox empty--> idle
///                running --rounds used up--> queued to the thread pool --> running
/// </code>
/// </remarks>
internal sealed class Shard : IThreadPoolWorkItem, IAsyncDisposable
{
    // How often a thread that came to post one thing goes around for others before it hands over to the thread pool: an
    // application's write should not pay for a busy server's whole backlog.
    private const int InlineRounds = 4;

    // Datagrams per send: what one GSO message or sendmmsg carries at best.
    private const int SendBatch = 64;

    private readonly IDatagramLink _link;
    private readonly SessionTable _sessions;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly ITimer _timer;
    private readonly TimerItem _timerItem;
    private readonly SendCompletion _sendCompletion;
    private readonly ReceivePump _pump;
    private readonly DeadlineHeap _deadlines = new();
    private readonly PacketBatch _outgoing = new(SendBatch);
    private readonly Action _onSendCompleted;
    private List<CausewayConnection> _dirty = [];
    private List<CausewayConnection> _turn = [];
    private ShardItem? _inbox;
    private int _running;
    private Timestamp _armedFor = Timestamp.Never;
    private ValueTask _pendingSend;
    private bool _sending;
    private bool _stopped;

    public Shard(IDatagramLink link, SessionTable sessions, CausewayOptions options)
    {
        _link = link;
        _sessions = sessions;
        _time = options.TimeProvider;
        _origin = _time.GetTimestamp();
        _timerItem = new TimerItem(this);
        _sendCompletion = new SendCompletion(this);
        _onSendCompleted = () => Post(_sendCompletion);
        _timer = _time.CreateTimer(
            static state => ((Shard)state!).Post(((Shard)state)._timerItem), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _pump = new ReceivePump(this, link);
    }

    /// <summary>The link, for its capabilities and address.</summary>
    public IDatagramLink Link => _link;

    /// <summary>Microseconds since the shard was made.</summary>
    public Timestamp Now => new((long)_time.GetElapsedTime(_origin).TotalMicroseconds);

    /// <summary>Begins to receive.</summary>
    public void Start() => _pump.Start();

    /// <summary>Runs an item on a turn: on this thread if nobody is inside, else on the thread that is.</summary>
    public void Post(ShardItem item)
    {
        if (!item.TryQueue())
        {
            return;
        }

        ShardItem? head;
        do
        {
            head = Volatile.Read(ref _inbox);
            item.Next = head;
        }
        while (Interlocked.CompareExchange(ref _inbox, item, head) != head);

        if (Interlocked.CompareExchange(ref _running, 1, 0) == 0)
        {
            RunTurns(InlineRounds);
        }
    }

    void IThreadPoolWorkItem.Execute() => RunTurns(InlineRounds * 4);

    /// <summary>A connection has work for this turn: input, output or a state change. Called on the shard only.</summary>
    internal void MarkDirty(CausewayConnection connection)
    {
        if (!connection.IsDirty)
        {
            connection.IsDirty = true;
            _dirty.Add(connection);
        }
    }

    /// <summary>Takes a connection out of timers and table. Called on the shard only.</summary>
    internal void Forget(CausewayConnection connection)
    {
        _deadlines.Remove(connection);
        _sessions.Remove(connection);
    }

    internal void Dispatch(PacketBuffer datagram, Timestamp now)
    {
        if (!_stopped && _sessions.Find(datagram, now) is { } connection)
        {
            connection.Session.Input(datagram, now);
            MarkDirty(connection);
        }
    }

    internal void OnLinkFailed(Exception error) => Post(new LinkFailure(this, error));

    /// <summary>Stops receiving and disposes the link. Items posted later still run, and find their connection closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        await _pump.Completion.ConfigureAwait(false);
        Post(new StopItem(this));
    }

    private void RunTurns(int rounds)
    {
        while (true)
        {
            Turn();
            bool stay = --rounds > 0;
            if (stay)
            {
                // A full fence: either this thread sees what was posted, or the poster sees nobody inside.
                Interlocked.Exchange(ref _running, 0);
                if (Volatile.Read(ref _inbox) is null || Interlocked.CompareExchange(ref _running, 1, 0) != 0)
                {
                    return;
                }
            }
            else
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }
    }

    private void Turn()
    {
        Timestamp now = Now;
        RunInbox(now);
        while (_deadlines.Next <= now)
        {
            CausewayConnection due = _deadlines.First;
            _deadlines.Remove(due);
            MarkDirty(due);
        }

        (_turn, _dirty) = (_dirty, _turn);
        foreach (CausewayConnection connection in _turn)
        {
            connection.IsDirty = false;
            connection.Deliver(now);
            if (!_sending)
            {
                Flush(connection, now);
            }
            else
            {
                // The socket is full: what this connection has to send waits for the completion, not for a timer.
                MarkDirty(connection);
            }
        }

        _turn.Clear();
        if (!_sending)
        {
            Send();
        }

        Arm(now);
    }

    private void RunInbox(Timestamp now)
    {
        // The inbox is a stack; turn it around so that items run in the order in which they were posted.
        ShardItem? item = Interlocked.Exchange(ref _inbox, null);
        ShardItem? first = null;
        while (item is not null)
        {
            ShardItem? next = item.Next;
            item.Next = first;
            first = item;
            item = next;
        }

        while (first is not null)
        {
            ShardItem current = first;
            first = current.Next;
            current.Next = null;
            current.Dequeued();
            current.Run(now);
        }
    }

    private void Flush(CausewayConnection connection, Timestamp now)
    {
        bool more = connection.Flush(_outgoing, now);
        while (more || _outgoing.IsFull)
        {
            Send();
            if (_sending)
            {
                MarkDirty(connection);
                return;
            }

            more = more && connection.Flush(_outgoing, now);
        }

        connection.AfterTurn(now);
        if (!connection.IsClosed)
        {
            _deadlines.Set(connection, connection.NextDeadline);
        }
    }

    private void Send()
    {
        if (_outgoing.Count == 0)
        {
            return;
        }

        if (_stopped)
        {
            _outgoing.ReleaseAll();
            return;
        }

        ValueTask sending = _link.SendAsync(_outgoing.Memory);
        if (sending.IsCompleted)
        {
            CompleteSend(sending);
            return;
        }

        _sending = true;
        _pendingSend = sending;
        _pendingSend.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_onSendCompleted);
    }

    private void CompleteSend(ValueTask sending)
    {
        try
        {
            sending.GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is ObjectDisposedException or OperationCanceledException or IOException)
        {
            // The link is being closed; the pump reports it to the connections.
        }

        _outgoing.ReleaseAll();
    }

    private void Arm(Timestamp now)
    {
        Timestamp next = _deadlines.Next;
        if (next >= _armedFor || _stopped)
        {
            return;
        }

        // Timers have a grain of a millisecond: rounding up saves a turn that would find nothing due.
        long wait = Math.Max(1, (next.MicrosecondsSince(now) + 999) / 1000);
        _armedFor = next;
        _timer.Change(TimeSpan.FromMilliseconds(Math.Min(wait, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }

    private void CloseAll(TransportException reason, Timestamp now)
    {
        foreach (CausewayConnection connection in _sessions.Snapshot())
        {
            connection.Abandon(reason, now);
        }
    }

    private sealed class TimerItem(Shard shard) : ShardItem
    {
        internal override void Run(Timestamp now) => shard._armedFor = Timestamp.Never;
    }

    private sealed class SendCompletion(Shard shard) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            shard._sending = false;
            shard.CompleteSend(shard._pendingSend);
        }
    }

    private sealed class LinkFailure(Shard shard, Exception error) : ShardItem
    {
        internal override void Run(Timestamp now) => shard.CloseAll(
            new TransportException(TransportError.LinkFailed, "The datagram link below the connection failed.", error), now);
    }

    private sealed class StopItem(Shard shard) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            shard._stopped = true;
            shard.CloseAll(new TransportException(TransportError.ConnectionClosed, "The connection was closed."), now);
        }
    }
}
