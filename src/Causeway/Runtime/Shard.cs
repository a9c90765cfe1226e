using Causeway.Links;
using Causeway.Runtime.Timers;

namespace Causeway.Runtime;

/// <summary>
/// One link, its sessions, one timer and one inbox. A serial executor in the manner of Kestrel's IOQueue: whoever posts and
/// finds nobody inside runs the turn, so that the sessions have one writer without a lock, and a datagram or a write reaches
/// the wire without a change of threads. Application code is resumed on the thread pool; here only if it asked for that, and
/// then between the work of a turn.
/// </summary>
/// <remarks>
/// <code>
/// idle --Post--> running --inbox empty--> idle
///                running --rounds or time used up--> queued to the thread pool --> running
/// </code>
/// </remarks>
internal sealed partial class Shard : IThreadPoolWorkItem, IAsyncDisposable
{
    // How often a thread that came to post one thing goes around for others before it hands over to the thread pool, and for how
    // long: an application's write should not pay for a busy server's whole backlog. A round of a bulk transfer takes 0.1 ms in
    // the middle, and 0.4 ms with 200 streams at a time; one in a hundred takes 2 ms (two tunnel ends in a process, 2 cores).
    private const int InlineRounds = 4;
    private const long InlineMicroseconds = 1_000;

    // The same where applications are resumed on the shard: whoever is inside is the application, as it wishes.
    private const int InlineResumeRounds = 64;

    // A pool's thread came for nothing else, but other work of the pool waits for it. With this bound a gigabyte costs 40 to 360
    // handovers and no CPU time that could be told from none; with 0.05 ms it was 4 000 to 16 000, and the same.
    private const int PoolRoundsFactor = 4;
    private const long PoolMicroseconds = 5_000;

    // Datagrams per send: what one GSO message or sendmmsg carries at best.
    private const int SendBatch = 64;

    private readonly ShardLinks _links;
    private readonly SessionTable _sessions;
    private readonly ShardClock _clock;
    private readonly ShardTimer _timer;
    private readonly TimerItem _timerItem;
    private readonly SendCompletion _sendCompletion;
    private readonly DeadlineHeap<IDrivenSession> _deadlines = new();
    private readonly PacketBatch _outgoing = new(SendBatch);

    // What sessions said that ended while a send was under way: nothing would repeat it.
    private readonly PacketBatch _lastWords = new(SendBatch);
    private readonly Action _onSendCompleted;
    private readonly int _rounds;
    private readonly Queue<IResumption> _resumptions = [];
    private List<IDrivenSession> _dirty = [];
    private List<IDrivenSession> _turn = [];
    private ShardInbox _inbox;
    private int _running;
    private Timestamp _armedFor = Timestamp.Never;
    private ValueTask _pendingSend;
    private TaskCompletionSource? _drained;
    private bool _sending;
    private bool _stopped;
    private bool _linkFailed;

    /// <param name="link">The link; the shard's from here on.</param>
    /// <param name="sessions">Whom datagrams are for.</param>
    /// <param name="clock">The time, and where timers come from.</param>
    /// <param name="resumesInline">Whether applications go on here, in place of the thread pool.</param>
    public Shard(IDatagramLink link, SessionTable sessions, ShardClock clock, bool resumesInline)
    {
        _sessions = sessions;
        _clock = clock;
        _timerItem = new TimerItem(this);
        _sendCompletion = new SendCompletion(this);
        _onSendCompleted = () => Post(_sendCompletion);
        _timer = ShardTimer.Create(clock.TimeProvider, () => Post(_timerItem));
        _links = new ShardLinks(this, link);
        ResumesInline = resumesInline;
        _rounds = ResumesInline ? InlineResumeRounds : InlineRounds;
    }

    /// <summary>The link that the shard began with, for its capabilities and address.</summary>
    public IDatagramLink Link => _links.First;

    /// <summary>The time, in microseconds since the shards' clock was made.</summary>
    public Timestamp Now => _clock.Now;

    /// <summary>Whether applications are resumed here, when a turn has done its own work.</summary>
    public bool ResumesInline { get; }

    /// <summary>Begins to receive.</summary>
    public void Start() => _links.Start();

    /// <summary>Runs an item on a turn: on this thread if nobody is inside, else on the thread that is.</summary>
    public void Post(ShardItem item)
    {
        if (!item.TryQueue())
        {
            return;
        }

        _inbox.Push(item);
        if (Interlocked.CompareExchange(ref _running, 1, 0) == 0)
        {
            RunTurns(_rounds, InlineMicroseconds);
        }
    }

    void IThreadPoolWorkItem.Execute() => RunTurns(_rounds * PoolRoundsFactor, PoolMicroseconds);

    /// <summary>Resumes an application at the end of this turn. Called on the shard, if it <see cref="ResumesInline"/>.</summary>
    internal void ResumeAfterTurn(IResumption resumption) => _resumptions.Enqueue(resumption);

    /// <summary>A connection has work for this turn: input, output or a state change. Called on the shard only.</summary>
    internal void MarkDirty(IDrivenSession connection)
    {
        if (!connection.IsDirty)
        {
            connection.IsDirty = true;
            _dirty.Add(connection);
        }
    }

    /// <summary>Gives a connection a turn at that time at the latest. Called on the shard only.</summary>
    internal void Schedule(IDrivenSession connection, Timestamp latest)
    {
        if (latest < ((IDeadlineItem)connection).Deadline)
        {
            _deadlines.Set(connection, latest);
        }
    }

    /// <summary>Takes a connection out of timers and table. Called on the shard only.</summary>
    internal void Forget(IDrivenSession connection, Timestamp now)
    {
        _deadlines.Remove(connection);
        _sessions.Remove(connection, now);
    }

    internal void Dispatch(PacketBuffer datagram, Timestamp now)
    {
        if (_stopped)
        {
            return;
        }

        IDrivenSession? connection = null;
        try
        {
            connection = _sessions.Find(datagram, now);
            if (connection is not null)
            {
                connection.Input(datagram, now);
                MarkDirty(connection);
            }
        }
        catch (Exception error)
        {
            if (connection is null)
            {
                // A layer of the session that was to be made: the datagram is dropped, the others go on.
                _sessions.OnFault();
            }
            else
            {
                OnFault(connection, error, now);
            }
        }
    }

    /// <summary>Sends a datagram that belongs to no session, and takes its reference over. Called on the shard only.</summary>
    /// <returns>False if it was dropped: the link is busy or gone.</returns>
    internal bool SendOrDrop(PacketBuffer datagram, Timestamp now)
    {
        if (!_sending && _outgoing.IsFull)
        {
            Send(now);
        }

        if (_sending || _stopped || _linkFailed)
        {
            datagram.Release();
            return false;
        }

        _outgoing.Add(datagram);
        return true;
    }

    /// <summary>
    /// Has a session that is cut off say so to its peer, where the engine says it in packets of its own. Called on the shard only.
    /// </summary>
    internal void SayLastWord(IDrivenSession session, Timestamp now)
    {
        if (session.LastWord is not { } word || session.Session.IsClosing || session.Session.Failure is not null
            || _stopped || _linkFailed)
        {
            return;
        }

        if (!_sending && _outgoing.IsFull)
        {
            Send(now);
        }

        PacketBatch batch = _sending ? _lastWords : _outgoing;
        if (!batch.IsFull)
        {
            session.Session.BeginClose(word, now);
            session.Session.Flush(batch, session.Path, now);
        }
    }

    internal void OnLinkFailed(IDatagramLink link, Exception error) => Post(new LinkFailure(this, link, error));

    /// <summary>Receives from one more link, and sends on it what names it. Called on the shard only; takes the link over.</summary>
    internal void AddLink(IDatagramLink link, PeerAddress name) => _links.Add(link, name);

    /// <summary>Uses a link no more, and disposes it. Called on the shard only.</summary>
    /// <param name="name">Its name; none for the one that the shard began with.</param>
    internal void DropLink(PeerAddress name)
    {
        _links.Drop(name);
        if (!_sending)
        {
            _links.Sweep();
        }
    }

    /// <summary>
    /// Closes what is open, disposes the link, and waits until it is done with every buffer. Items posted later still run,
    /// and find their connection closed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        // Before the link goes, and not merely posted: nothing may be sent through a disposed one, nor its end be taken for a
        // failure, by a turn that another thread is in.
        TaskCompletionSource stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new StopItem(this, stopped));
        await stopped.Task.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _links.DisposeAsync().ConfigureAwait(false);
        TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new DrainItem(this, drained));
        await drained.Task.ConfigureAwait(false);
    }

    private void FailLink(Exception error, Timestamp now)
    {
        if (!_stopped)
        {
            _linkFailed = true;
            TransportException reason = new(
                TransportError.LinkFailed, $"The datagram link below the connection failed: {error.Message}", error);
            _sessions.OnLinkFailed(reason);
            CloseAll(reason, now);
        }
    }

    private void CloseAll(TransportException reason, Timestamp now)
    {
        foreach (IDrivenSession connection in _sessions.Snapshot())
        {
            connection.Abandon(reason, now);
        }
    }
}
