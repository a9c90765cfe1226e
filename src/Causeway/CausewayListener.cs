using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Causeway.Links;
using Causeway.Protocol.Streams;
using Causeway.Runtime;

namespace Causeway;

/// <summary>Accepts connections on one UDP port. Thread-safe.</summary>
public sealed class CausewayListener : IAsyncDisposable
{
    private readonly Shard[] _shards;
    private readonly ListenerDirectory _directory;
    private readonly Channel<CausewayConnection> _accepted;

    private CausewayListener(
        Shard[] shards, ListenerDirectory directory, ListenerStatistics statistics, Channel<CausewayConnection> accepted)
    {
        _shards = shards;
        _directory = directory;
        Statistics = statistics;
        _accepted = accepted;
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
        try
        {
            OpenLinks(options, links);
            Channel<CausewayConnection> accepted = Channel.CreateUnbounded<CausewayConnection>();
            ListenerDirectory directory = new(options.MaxConnections);
            AcceptQueue queue = new(options, accepted);
            ShardClock clock = new(options.TimeProvider);
            ServerSessionTable[] tables =
            [
                .. links.Select(link => new ServerSessionTable(options.NewEndpoint(EndpointRole.Server, link), directory, queue)),
            ];
            Shard[] shards =
            [
                .. links.Zip(tables, (link, table) => new Shard(link, table, clock, options.UnsafePreferInlineScheduling)),
            ];

            // Settings that no session can have should fail here, not at the first datagram.
            options.NewEndpoint(EndpointRole.Server, links[0]).Accept(default, routingId: 0, clock.Now).Dispose();
            ListenerStatistics statistics = new([.. tables.Select(static table => table.Statistics)]);
            CausewayListener listener = new(shards, directory, statistics, accepted);

            // All can be handed datagrams before the first receives one.
            for (int i = 0; i < shards.Length; i++)
            {
                tables[i].Attach(shards[i]);
            }

            foreach (Shard shard in shards)
            {
                shard.Start();
            }

            return listener;
        }
        catch
        {
            foreach (IDatagramLink link in links)
            {
                await link.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }
    }

    /// <summary>Waits for the next connection: a peer's first datagram has arrived.</summary>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    /// <exception cref="TransportException">The link failed; no connection will come any more.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<CausewayConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException closed)
        {
            if (closed.InnerException is TransportException reason)
            {
                throw reason.Clone();
            }

            throw new ObjectDisposedException(nameof(CausewayListener));
        }
    }

    /// <summary>
    /// Stops listening and cuts the open connections off; close them first to have them deliver what was written.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _accepted.Writer.TryComplete();
        foreach (Shard shard in _shards)
        {
            await shard.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The connections that wait for <see cref="AcceptConnectionAsync"/>.</summary>
    private sealed class AcceptQueue(CausewayListenerOptions options, Channel<CausewayConnection> waiting) : ISessionAcceptor
    {
        public bool IsFull => waiting.Reader.Count >= options.ConnectionBacklog;

        public IDrivenSession Accept(TransportSession session, Shard shard, Timestamp now)
        {
            CausewayConnection connection = new(shard, session, session.Peer.ToEndPoint(), ownsShard: false, options);
            if (!waiting.Writer.TryWrite(connection))
            {
                connection.Abandon(new TransportException(TransportError.ConnectionClosed, "The listener was closed."), now);
            }

            return connection;
        }

        public void OnLinkFailed(TransportException reason) => waiting.Writer.TryComplete(reason);
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
