using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Causeway.Links;
using Causeway.Protocol.Streams;
using Causeway.Runtime;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>Accepts connections on one UDP port. Thread-safe.</summary>
public sealed class CausewayListener : IAsyncDisposable
{
    private readonly Shard[] _shards;
    private readonly ListenerDirectory _directory;
    private readonly ILogger _log;
    private readonly AcceptQueue _accepted;
    private Action? _onDisposed;
    private bool _disposed;

    private CausewayListener(
        Shard[] shards,
        ListenerDirectory directory,
        ListenerStatistics statistics,
        AcceptQueue queue,
        Action onDisposed,
        ILogger log)
    {
        _log = log;
        _shards = shards;
        _directory = directory;
        Statistics = statistics;
        _accepted = queue;
        _onDisposed = onDisposed;
    }

    /// <summary>The address and port that the listener is bound to.</summary>
    public EndPoint LocalEndPoint => _shards[0].Link.LocalEndPoint;

    /// <summary>Connections that are open.</summary>
    public int ConnectionCount => _directory.Count;

    /// <summary>Sockets that share the port; see <see cref="CausewayListenerOptions.Shards"/>.</summary>
    public int ShardCount => _shards.Length;

    /// <summary>Datagrams that opened no connection, by reason, of all shards together.</summary>
    public ListenerStatistics Statistics { get; }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public static async ValueTask<CausewayListener> ListenAsync(
        CausewayListenerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        options.Validate();
        List<IDatagramLink> links = [];
        OpeningMemory? openings = null;
        try
        {
            OpenLinks(options, links);
            Channel<CausewayConnection> accepted = Channel.CreateUnbounded<CausewayConnection>();
            ListenerDirectory directory = new(options.MaxConnections);
            AcceptQueue queue = new(options, accepted);
            ShardClock clock = new(options.TimeProvider);
            openings = OpeningMemory.Lease(options.Profile, options.ReplayWindow);
            IReadOnlyList<TransportEndpoint> endpoints =
                options.Profile.NewListenerEndpoints([.. links.Select(link => options.NewSessionLink(link, clock.Now))]);
            Shard[] shards = new Shard[links.Count];
            ListenerCounters[] counters = new ListenerCounters[links.Count];
            Action<Shard>[] attach = new Action<Shard>[links.Count];
            IdSessionTable[] tables = new IdSessionTable[links.Count];
            for (int i = 0; i < shards.Length; i++)
            {
                SessionTable table;
                if (endpoints[i].FindsSessionsById)
                {
                    IdSessionTable byId = new(endpoints[i], tables, directory, queue);
                    tables[i] = byId;
                    (table, counters[i], attach[i]) = (byId, byId.Statistics, byId.Attach);
                }
                else
                {
                    ServerSessionTable byAddress = new(endpoints[i], directory, openings, queue);
                    (table, counters[i], attach[i]) = (byAddress, byAddress.Statistics, byAddress.Attach);
                }

                shards[i] = new Shard(links[i], table, clock, options.UnsafePreferInlineScheduling);
            }

            // Settings that no session can have should fail here, not at the first datagram.
            using (TransportEndpoint attempt = options.NewEndpoint(EndpointRole.Server, links[0], clock.Now))
            {
                attempt.Accept(default, routingId: 0, clock.Now).Dispose();
            }

            ListenerStatistics statistics = new([.. counters, queue.Counters]);
            CausewayListener listener = new(
                shards, directory, statistics, queue, () => openings?.Release(options.Profile), options.NewLogger(CausewayLog.ListenerCategory));

            // All can be handed datagrams before the first receives one.
            for (int i = 0; i < shards.Length; i++)
            {
                attach[i](shards[i]);
            }

            foreach (Shard shard in shards)
            {
                shard.Start();
            }

            CausewayMeter.Add(statistics);
            CausewayLog.ListenerStarted(listener._log, listener.LocalEndPoint);
            return listener;
        }
        catch
        {
            openings?.Release(options.Profile);
            foreach (IDatagramLink link in links)
            {
                await link.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }
    }

    /// <summary>
    /// Waits for the next connection: a peer's first datagram has arrived, or, where the profile has a handshake, the peer has
    /// completed it.
    /// </summary>
    /// <exception cref="TransportException">
    /// No connection will come any more: the link failed, or the listener was disposed
    /// (<see cref="TransportError.ConnectionClosed"/>), be it before this call or during it.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<CausewayConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            CausewayConnection connection = await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            CausewayActivities.Start("causeway.accept", ActivityKind.Server, connection.RemoteEndPoint)?.Dispose();
            return connection;
        }
        catch (ChannelClosedException closed)
        {
            if (closed.InnerException is TransportException reason)
            {
                throw reason.Clone();
            }

            // An accept loop cannot know that another thread disposes the listener: its end has one exception.
            throw new TransportException(TransportError.ConnectionClosed, "The listener was closed.");
        }
    }

    /// <summary>
    /// Takes no more connections: those that are open go on, and those that wait can still be accepted. New clients are refused, or
    /// get no answer where the profile has none. For a graceful stop; follow it by <see cref="DisposeAsync"/>.
    /// </summary>
    public void StopAccepting() => _accepted.Stop();

    /// <summary>
    /// Stops listening and cuts the open connections off; close them first to have them deliver what was written.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _accepted.Stop();
        foreach (Shard shard in _shards)
        {
            await shard.DisposeAsync().ConfigureAwait(false);
        }

        Interlocked.Exchange(ref _onDisposed, null)?.Invoke();

        // Those that nobody took are nobody's to dispose.
        while (_accepted.Reader.TryRead(out CausewayConnection? unclaimed))
        {
            await unclaimed.DisposeAsync().ConfigureAwait(false);
        }

        if (!Interlocked.Exchange(ref _disposed, true))
        {
            CausewayMeter.Remove(Statistics);
            CausewayLog.ListenerStopped(_log, LocalEndPoint);
        }
    }

    /// <summary>The connections that wait for <see cref="AcceptConnectionAsync"/>.</summary>
    private sealed class AcceptQueue(CausewayListenerOptions options, Channel<CausewayConnection> waiting) : ISessionAcceptor
    {
        // A line for each refusal would let peers fill the log.
        private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(1);

        private readonly ILogger _log = options.NewLogger(CausewayLog.ListenerCategory);
        private readonly ILogger _connectionLog = options.NewLogger(CausewayLog.ConnectionCategory);
        private volatile bool _isStopped;
        private long _refused;
        private long _quietUntil = long.MinValue;

        /// <summary>What is refused after the handshake.</summary>
        public ListenerCounters Counters { get; } = new();

        public bool IsFull => waiting.Reader.Count >= options.ConnectionBacklog || _isStopped;

        public ChannelReader<CausewayConnection> Reader => waiting.Reader;

        /// <summary>Nobody else is taken; those that wait still can be.</summary>
        public void Stop()
        {
            _isStopped = true;
            waiting.Writer.TryComplete();
        }

        public IDrivenSession Accept(TransportSession session, Shard shard, Timestamp now)
        {
            CausewayConnection connection = new(shard, session, session.Peer.ToEndPoint(), ownsShard: false, options, _connectionLog);
            CausewayMeter.Add(connection);
            CausewayLog.ConnectionAccepted(_connectionLog, session.RoutingId, connection.RemoteEndPoint);
            if (session.IsEstablished)
            {
                Pass(connection, now);
            }
            else
            {
                // Nobody is told of a client that has not shown who it is.
                connection.Established = PassEstablished;
            }

            return connection;
        }

        // Any number of clients may have been shaking hands at once.
        private void PassEstablished(CausewayConnection connection, Timestamp now)
        {
            if (IsFull)
            {
                Interlocked.Increment(ref Counters.BacklogFull);
                OnRefused(connection.Session.Peer, GoodbyeReason.BacklogFull, now);
                connection.Abandon(new TransportException(TransportError.ConnectionRefused, "Too many connections wait to be accepted."), now);
                return;
            }

            Pass(connection, now);
        }

        private void Pass(CausewayConnection connection, Timestamp now)
        {
            if (!waiting.Writer.TryWrite(connection))
            {
                connection.Abandon(new TransportException(TransportError.ConnectionClosed, "The listener was closed."), now);
            }
        }

        public void OnRefused(PeerAddress peer, GoodbyeReason reason, Timestamp now)
        {
            Interlocked.Increment(ref _refused);
            long until = Volatile.Read(ref _quietUntil);
            if (now.Microseconds >= until
                && Interlocked.CompareExchange(ref _quietUntil, now.Add(s_quiet).Microseconds, until) == until)
            {
                CausewayLog.ConnectionRefused(_log, Interlocked.Exchange(ref _refused, 0), reason, peer.ToEndPoint());
            }
        }

        public void OnLinkFailed(TransportException reason)
        {
            CausewayLog.ListenerFailed(_log, options.ListenEndPoint, reason.Message);
            waiting.Writer.TryComplete(reason);
        }
    }

    private static void OpenLinks(CausewayListenerOptions options, List<IDatagramLink> links)
    {
        int count = options.ShardCount;
        UdpLinkOptions udp = count > 1 ? options.UdpSettings with { ReusePort = true } : options.UdpSettings;
        IPEndPoint local = options.ListenEndPoint;
        try
        {
            for (int i = 0; i < count; i++)
            {
                links.Add(options.CreateLink?.Invoke(local) ?? UdpLink.Bind(local, udp));

                // The first may have been given a port by the system; the others share it.
                if (links[0].LocalEndPoint is IPEndPoint bound)
                {
                    local = new IPEndPoint(local.Address, bound.Port);
                }

                links[i] = options.Decorate(links[i]);
            }
        }
        catch (SocketException error)
        {
            throw new TransportException(
                TransportError.AddressUnavailable, $"Cannot listen on {options.ListenEndPoint}: {error.Message}", error);
        }
    }
}
