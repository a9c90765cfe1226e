using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Causeway.Links;
using Causeway.Runtime;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <content>How a client's connection comes about.</content>
public sealed partial class CausewayConnection
{
    /// <summary>
    /// Opens a client connection. With QUIC it is open when both ends have shaken hands. The kcptun profile sends no datagram before
    /// the first stream is opened, or waited for by <see cref="AcceptStreamAsync"/>; from then on the connection ends by itself if
    /// nobody answers.
    /// </summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">
    /// The name has no address, no socket could be opened, or the handshake failed.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<CausewayConnection> ConnectAsync(
        CausewayClientOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        options.Validate();
        using Activity? activity = CausewayActivities.Start("causeway.connect", ActivityKind.Client, options.RemoteEndPoint);
        ILogger log = options.NewLogger(CausewayLog.ConnectionCategory);
        try
        {
            return await ConnectCoreAsync(options, log, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            CausewayActivities.Fail(activity, error);
            CausewayLog.ConnectFailed(log, options.RemoteEndPoint, error.Message);
            throw;
        }
    }

    private static async ValueTask<CausewayConnection> ConnectCoreAsync(
        CausewayClientOptions options, ILogger log, CancellationToken cancellationToken)
    {
        (IDatagramLink innermost, EndPoint remote) = await OpenLinkAsync(options, cancellationToken).ConfigureAwait(false);
        IDatagramLink link = innermost;
        CausewayConnection connection;
        try
        {
            link = options.Decorate(innermost);
            ShardClock clock = new(options.TimeProvider);
            TransportEndpoint endpoint = options.NewEndpoint(EndpointRole.Client, link, clock.Now);
            ClientSessionTable table = new(endpoint);
            Shard shard = new(link, table, clock, options.UnsafePreferInlineScheduling);
            uint routingId = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
            TransportSession session = endpoint.Connect(routingId, shard.Now);
            AnswerSource? source = NewAnswerSource(innermost, remote, session, options);
            connection = new(shard, session, remote, ownsShard: true, options, log, source);
            table.Add(connection, shard, source);
            connection.WatchRefusals(innermost);
            if (endpoint.FindsSessionsById)
            {
                connection.WatchPaths(options, innermost, link);
            }

            CausewayMeter.Add(connection);
            CausewayLog.ConnectionOpened(log, connection.Session.RoutingId, remote);
            shard.Start();
        }
        catch
        {
            await link.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        if (!connection.Session.IsEstablished)
        {
            await connection.EstablishAsync(cancellationToken).ConfigureAwait(false);
        }

        return connection;
    }

    /// <summary>
    /// Waits until both ends know and trust each other. That is so at once, except where streams may be used before (QUIC's early
    /// data, <c>QuicProfile.AllowsEarlyData</c>): what came until then may be a recording that somebody sent again.
    /// </summary>
    /// <exception cref="TransportException">The connection ended before.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the connection goes on.</exception>
    public Task WaitForHandshakeAsync(CancellationToken cancellationToken = default) => _establishment.Task.WaitAsync(cancellationToken);

    /// <summary>Shakes hands with the peer; ends the connection if that fails or is cancelled.</summary>
    private async ValueTask EstablishAsync(CancellationToken cancellationToken)
    {
        _shard.Post(new TurnItem(this));
        try
        {
            await _usable.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await ReleaseAsync().ConfigureAwait(false);
            throw;
        }
    }

    // A link of the application's own says itself whose datagrams it receives.
    private static AnswerSource? NewAnswerSource(
        IDatagramLink innermost, EndPoint remote, TransportSession session, CausewayClientOptions options) =>
        innermost is IConnectedLink link && remote is IPEndPoint dialled && options.CreateLink is null
            ? new AnswerSource(link, PeerAddress.FromEndPoint(dialled), session.IsNamedBy, options.AcceptAnySourceAfter)
            : null;

    private static async ValueTask<(IDatagramLink Link, EndPoint Remote)> OpenLinkAsync(CausewayClientOptions options, CancellationToken cancellationToken)
    {
        if (options.CreateLink is { } create)
        {
            return (create(options.RemoteEndPoint), options.RemoteEndPoint);
        }

        try
        {
            IPEndPoint remote = options.RemoteEndPoint switch
            {
                IPEndPoint ip => ip,
                DnsEndPoint dns => new IPEndPoint(await ResolveAsync(dns, cancellationToken).ConfigureAwait(false), dns.Port),
                _ => throw new ArgumentException("RemoteEndPoint must be an IPEndPoint or a DnsEndPoint.", nameof(options)),
            };
            return (UdpLink.Connect(remote, options.UdpSettings), remote);
        }
        catch (SocketException error)
        {
            throw new TransportException(
                TransportError.ConnectFailed, $"No UDP socket could be opened toward {options.RemoteEndPoint}: {error.Message}", error);
        }
    }
}
