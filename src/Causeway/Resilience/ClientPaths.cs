using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Runtime;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway.Resilience;

/// <summary>
/// The ways of one client connection to its peer: opens sockets, has the session try them, and closes those that it left. Called on
/// the connection's shard unless a member says otherwise.
/// </summary>
/// <remarks>
/// <code>
/// settled --asked for--> opening --socket--> trying --peer answered--> settled, the old link drains
///                        opening --no socket--> settled     trying --no answer--> settled, the new link is dropped
/// </code>
/// </remarks>
internal sealed class ClientPaths
{
    // What was under way when the connection left a link still comes by it.
    private static readonly TimeSpan s_drainTime = TimeSpan.FromSeconds(3);

    // How long a change that was asked for waits until the session may make it.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(3);

    // How often a policy is asked about a silence, and for the first time.
    private static readonly TimeSpan s_silencePeriod = TimeSpan.FromSeconds(1);

    // The fifth by which intervals differ, so that many clients do not move together.
    private const double Jitter = 0.2;

    private readonly CausewayConnection _connection;
    private readonly CausewayClientOptions _options;
    private readonly ILogger _log;
    private readonly List<Way> _ways;
    private Way _current;
    private Way? _tried;
    private Attempt? _attempt;

    // A link that was opened before the session may use it: the handshake is not confirmed, or the peer's connection ids are on the way.
    private Opened? _waiting;
    private Timestamp _sinceCurrent;
    private Timestamp _askAboutSilenceAt = Timestamp.Never;
    private Timestamp _intervalEndsAt = Timestamp.Never;

    /// <param name="connection">The connection.</param>
    /// <param name="options">How links are made.</param>
    /// <param name="innermost">The link that it began with, without what is around it.</param>
    /// <param name="first">Its local address.</param>
    /// <param name="log">Where log lines go.</param>
    /// <param name="now">The time.</param>
    public ClientPaths(
        CausewayConnection connection, CausewayClientOptions options, IDatagramLink innermost, EndPoint first, ILogger log, Timestamp now)
    {
        _connection = connection;
        _options = options;
        _log = log;
        _current = new Way(default, first, innermost);
        _ways = [_current];
        _sinceCurrent = now;
        BeginInterval(now);
    }

    private MigrationPolicy Policy => _options.Migration;

    private TransportSession Session => _connection.Session;

    /// <summary>Where datagrams leave from at present. Any thread.</summary>
    public EndPoint LocalEndPoint => Volatile.Read(ref _current).EndPoint;

    /// <summary>When <see cref="OnTurn"/> has something to do.</summary>
    public Timestamp Deadline
    {
        get
        {
            Timestamp due = Timestamp.Min(Timestamp.Min(_askAboutSilenceAt, _intervalEndsAt), _waiting?.GiveUpAt ?? Timestamp.Never);
            foreach (Way way in _ways)
            {
                due = Session.IsProvingPath ? due : Timestamp.Min(due, way.DropAt);
            }

            return due;
        }
    }

    /// <summary>Asks for another way. From any thread.</summary>
    /// <returns>Completes when the connection goes it, and fails if it cannot.</returns>
    public Task RequestAsync(bool isAtOnce)
    {
        RequestItem item = new(this, isAtOnce);
        _connection.Shard.Post(item);
        return item.Done;
    }

    /// <summary>The machine's network changed: the policy is asked, if the peer is reached from another address now. Any thread.</summary>
    /// <param name="isCertain">Whether the application knows that it is so.</param>
    public void OnNetworkChanged(bool isCertain)
    {
        if (isCertain || (_connection.RemoteEndPoint is IPEndPoint remote && NetworkWatch.LocalAddressTowards(remote) is { } address
            && LocalEndPoint is IPEndPoint local && !address.Equals(local.Address)))
        {
            _connection.Shard.Post(new NetworkItem(this));
        }
    }

    /// <summary>Looks at where the session goes, and asks the policy when it is time to.</summary>
    public void OnTurn(Timestamp now)
    {
        Follow(now);
        if (_waiting is { } waiting)
        {
            _waiting = null;
            Try(waiting, now);
        }

        Ask(now);
        for (int i = _ways.Count - 1; i >= 0; i--)
        {
            if (_ways[i].DropAt <= now && !Session.IsProvingPath)
            {
                Drop(_ways[i]);
            }
        }
    }

    /// <summary>The connection is over.</summary>
    public void Close()
    {
        NetworkWatch.Remove(this);
        _ = _waiting?.Link.DisposeAsync().AsTask();
        _waiting = null;
        _attempt?.Fail(new TransportException(TransportError.ConnectionClosed, "The connection ended before it had gone another way."));
        _attempt = null;
    }

    // Which way the session goes, and what became of the one that it tries.
    private void Follow(Timestamp now)
    {
        PeerAddress name = Session.CurrentPath.Local;
        if (name != _current.Name && Find(name) is { } taken)
        {
            CausewayLog.PathChanged(_log, Session.RoutingId, _connection.RemoteEndPoint, _current.EndPoint, taken.EndPoint);
            _current.DropAt = now + s_drainTime;
            taken.DropAt = Timestamp.Never;
            Volatile.Write(ref _current, taken);
            _sinceCurrent = now;
            BeginInterval(now);
        }

        if (_tried is not { } tried || Session.IsProvingPath)
        {
            return;
        }

        _tried = null;
        Attempt? attempt = _attempt;
        _attempt = null;
        if (tried == _current)
        {
            attempt?.Succeed();
            return;
        }

        CausewayLog.PathRefused(_log, Session.RoutingId, _connection.RemoteEndPoint, tried.EndPoint);
        Drop(tried);
        attempt?.Fail(new TransportException(
            TransportError.ConnectFailed, $"The peer did not answer what was sent from {tried.EndPoint}; the connection goes on as before."));
    }

    // No lambda: what it captures would be allocated on each turn.
    private Way? Find(PeerAddress name)
    {
        foreach (Way way in _ways)
        {
            if (way.Name == name)
            {
                return way;
            }
        }

        return null;
    }

    private bool IsUsed(IDatagramLink innermost)
    {
        foreach (Way way in _ways)
        {
            if (way.Innermost == innermost)
            {
                return true;
            }
        }

        return false;
    }

    private void Ask(Timestamp now)
    {
        if (_intervalEndsAt <= now)
        {
            BeginInterval(now);
            Ask(PathOccasion.Interval, now);
        }

        Timestamp since = Session.WaitingSince;
        if (since.IsNever || Policy == MigrationPolicy.None)
        {
            _askAboutSilenceAt = Timestamp.Never;
        }
        else if (_askAboutSilenceAt.IsNever)
        {
            _askAboutSilenceAt = since + s_silencePeriod;
        }
        else if (_askAboutSilenceAt <= now)
        {
            _askAboutSilenceAt = now + s_silencePeriod;
            if (now - since >= s_silencePeriod)
            {
                Ask(PathOccasion.Silence, now);
                if (_attempt is null && Policy.WatchesNetwork && _options.CreateLink is null)
                {
                    // A route may be gone without the system's telling.
                    ThreadPool.UnsafeQueueUserWorkItem(static paths => paths.OnNetworkChanged(isCertain: false), this, preferLocal: false);
                }
            }
        }
    }

    private void Ask(PathOccasion occasion, Timestamp now)
    {
        if (_attempt is not null || !Session.IsEstablished)
        {
            return;
        }

        Timestamp since = Session.WaitingSince;
        MigrationReport report = new()
        {
            Occasion = occasion,
            Age = now - _sinceCurrent,
            Silence = since.IsNever || since > now ? TimeSpan.Zero : now - since,
            RoundTripTime = Session.Statistics.SmoothedRtt,
            LossRate = Session.LossRate,
        };
        PathDecision decision = Policy.Decide(in report);
        if (decision != PathDecision.Stay)
        {
            Begin(new Attempt(decision == PathDecision.Go));
        }
    }

    private void BeginInterval(Timestamp now) => _intervalEndsAt = Policy.Interval <= TimeSpan.Zero
        ? Timestamp.Never
        : now + (Policy.Interval * (1 - Jitter + (2 * Jitter * Random.Shared.NextDouble())));

    private void Begin(Attempt attempt)
    {
        _attempt = attempt;

        // The server may have had the connection move to an address that it prefers.
        PeerAddress now = Session.CurrentPath.Remote;
        EndPoint remote = now.IsNone ? _connection.RemoteEndPoint : now.ToEndPoint();

        // A socket is some system calls, and middleware the application's code: neither runs on a shard's turn.
        _ = Task.Run(() => Open(attempt, remote));
    }

    private void Open(Attempt attempt, EndPoint remote)
    {
        try
        {
            IDatagramLink innermost = _options.CreateLink?.Invoke(_options.RemoteEndPoint)
                ?? UdpLink.Connect((IPEndPoint)remote, _options.UdpSettings);
            _connection.WatchRefusals(innermost);
            _connection.Shard.Post(new OpenedItem(this, attempt, innermost, _options.Decorate(innermost)));
        }
        catch (Exception error)
        {
            _connection.Shard.Post(new FailedItem(this, attempt, error));
        }
    }

    private void OnOpened(Attempt attempt, IDatagramLink innermost, IDatagramLink link, Timestamp now)
    {
        if (IsUsed(innermost))
        {
            // Disposing it would end the connection.
            OnFailed(attempt, new InvalidOperationException(
                "CreateLink returned a link that it had returned before; a change of path needs another one."));
            return;
        }

        if (_connection.IsClosed || attempt != _attempt)
        {
            _ = link.DisposeAsync().AsTask();
            return;
        }

        Try(new Opened(attempt, innermost, link, now + s_longestWait), now);
    }

    private void Try(Opened opened, Timestamp now)
    {
        PathChangeRefusal refusal = PathChangeRefusal.Unsupported;
        if (opened.Link.LocalEndPoint is IPEndPoint local)
        {
            PeerAddress name = PeerAddress.FromEndPoint(local);
            bool isOtherHost = _current.EndPoint is not IPEndPoint former || !former.Address.Equals(local.Address);
            refusal = Find(name) is not null
                ? PathChangeRefusal.Unsupported
                : Session.TryChangePath(name, isOtherHost, opened.Attempt.IsAtOnce, now);
            if (refusal == PathChangeRefusal.None)
            {
                _tried = new Way(name, local, opened.Innermost);
                _ways.Add(_tried);
                _connection.Shard.AddLink(opened.Link, name);
                _connection.Shard.MarkDirty(_connection);
                return;
            }
        }

        if (refusal is PathChangeRefusal.NotEstablished or PathChangeRefusal.NoConnectionId && !Session.IsClosing && now < opened.GiveUpAt)
        {
            _waiting = opened;
            _connection.Shard.Schedule(_connection, opened.GiveUpAt);
            return;
        }

        _attempt = null;
        _ = opened.Link.DisposeAsync().AsTask();
        opened.Attempt.Fail(ToException(refusal));
    }

    private void OnFailed(Attempt attempt, Exception error)
    {
        if (attempt == _attempt)
        {
            _attempt = null;
        }

        attempt.Fail(error is SocketException
            ? new TransportException(TransportError.ConnectFailed, $"No other socket could be opened towards the peer: {error.Message}", error)
            : error);
    }

    private void Drop(Way way)
    {
        _ways.Remove(way);
        _connection.Shard.DropLink(way.Name);
    }

    private static Exception ToException(PathChangeRefusal refusal) => refusal switch
    {
        PathChangeRefusal.NotEstablished => new TransportException(
            TransportError.ConnectFailed, "The handshake is not confirmed yet, or the connection is ending: it cannot go another way now."),
        PathChangeRefusal.ForbiddenByPeer => new NotSupportedException("The peer does not allow its clients to change their address on purpose."),
        PathChangeRefusal.NoConnectionId => new TransportException(
            TransportError.ConnectFailed, "The peer has given no connection id to use on another path; it may do so later."),
        _ => new NotSupportedException("The profile of this connection, or its link, knows no change of path on purpose."),
    };

    /// <summary>A link, by the name that paths mean it by.</summary>
    private sealed class Way(PeerAddress name, EndPoint endPoint, IDatagramLink innermost)
    {
        public IDatagramLink Innermost => innermost;

        public PeerAddress Name => name;

        public EndPoint EndPoint => endPoint;

        public Timestamp DropAt { get; set; } = Timestamp.Never;
    }

    /// <summary>A link for an attempt, and until when the session may let it wait.</summary>
    private sealed record Opened(Attempt Attempt, IDatagramLink Innermost, IDatagramLink Link, Timestamp GiveUpAt);

    /// <summary>An attempt to go another way, and who waits for its end.</summary>
    private sealed class Attempt(bool isAtOnce)
    {
        private readonly List<TaskCompletionSource> _waiting = [];

        public bool IsAtOnce => isAtOnce;

        public void Add(TaskCompletionSource waiting) => _waiting.Add(waiting);

        public void Succeed() => _waiting.ForEach(static waiting => waiting.TrySetResult());

        public void Fail(Exception error) => _waiting.ForEach(waiting => waiting.TrySetException(error));
    }

    private sealed class RequestItem(ClientPaths paths, bool isAtOnce) : ShardItem
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        internal override void Run(Timestamp now)
        {
            if (paths._connection.IsClosed)
            {
                _done.SetException(paths._connection.NewClosedException());
                return;
            }

            if (paths._attempt is null)
            {
                paths.Begin(new Attempt(isAtOnce));
            }

            paths._attempt!.Add(_done);
        }
    }

    private sealed class NetworkItem(ClientPaths paths) : ShardItem
    {
        internal override void Run(Timestamp now)
        {
            if (!paths._connection.IsClosed)
            {
                paths.Ask(PathOccasion.NetworkChanged, now);
            }
        }
    }

    private sealed class OpenedItem(ClientPaths paths, Attempt attempt, IDatagramLink innermost, IDatagramLink link) : ShardItem
    {
        internal override void Run(Timestamp now) => paths.OnOpened(attempt, innermost, link, now);
    }

    private sealed class FailedItem(ClientPaths paths, Attempt attempt, Exception error) : ShardItem
    {
        internal override void Run(Timestamp now) => paths.OnFailed(attempt, error);
    }
}
