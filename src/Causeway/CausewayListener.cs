using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Causeway.Links;
using Causeway.Protocol.Mux;
using Causeway.Runtime;

namespace Causeway;

/// <summary>Accepts connections on one UDP port. Thread-safe.</summary>
public sealed class CausewayListener : IAsyncDisposable
{
    private readonly Shard _shard;
    private readonly ServerSessionTable _table;
    private readonly Channel<CausewayConnection> _accepted;

    private CausewayListener(Shard shard, ServerSessionTable table, Channel<CausewayConnection> accepted)
    {
        _shard = shard;
        _table = table;
        _accepted = accepted;
    }

    /// <summary>The address and port that the listener is bound to.</summary>
    public EndPoint LocalEndPoint => _shard.Link.LocalEndPoint;

    /// <summary>Connections that are open.</summary>
    public int ConnectionCount => _table.Count;

    /// <summary>Datagrams that opened no connection, by reason.</summary>
    public ListenerStatistics Statistics => _table.Statistics;

    /// <summary>Begins to listen.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public static async ValueTask<CausewayListener> ListenAsync(
        CausewayListenerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        options.Validate();
        IDatagramLink innermost;
        try
        {
            innermost = options.CreateLink?.Invoke(options.ListenEndPoint) ?? UdpLink.Bind(options.ListenEndPoint, options.UdpSettings);
        }
        catch (SocketException error)
        {
            throw new TransportException(
                TransportError.AddressUnavailable, $"Cannot listen on {options.ListenEndPoint}: {error.Message}", error);
        }

        IDatagramLink link = innermost;
        try
        {
            link = options.Decorate(innermost);
            Channel<CausewayConnection> accepted = Channel.CreateUnbounded<CausewayConnection>();
            ServerSessionTable table = new(options, accepted);
            Shard shard = new(link, table, options);

            // Settings that no session can have should fail here, not at the first datagram.
            CausewayConnection.NewSession(conversationId: 0, MuxRole.Server, link, options, shard.Now).Dispose();
            table.Attach(shard);
            CausewayListener listener = new(shard, table, accepted);
            shard.Start();
            return listener;
        }
        catch
        {
            await link.DisposeAsync().ConfigureAwait(false);
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
                throw new TransportException(reason.Error, reason.Message, reason.InnerException);
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
        await _shard.DisposeAsync().ConfigureAwait(false);
    }
}
