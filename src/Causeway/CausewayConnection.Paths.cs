using System.Net;
using Causeway.Links;
using Causeway.Resilience;
using Causeway.Telemetry;

namespace Causeway;

/// <content>Changes of path: a client's own, and those of a client that a listener's connection follows.</content>
public sealed partial class CausewayConnection
{
    /// <summary>
    /// Goes another way to the peer: by a new socket, whose port and address the system chooses. The peer is asked first, and the
    /// connection goes on as before if it does not answer there. Streams notice nothing but a delay (RFC 9000, 9). At clients with
    /// QUIC. See <see cref="CausewayClientOptions.Migration"/> for what happens without being asked for.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the attempt goes on.</param>
    /// <exception cref="NotSupportedException">This is no client with QUIC, or the server does not allow it.</exception>
    /// <exception cref="TransportException">The peer did not answer there, no socket could be opened, or the connection ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task MigrateAsync(CancellationToken cancellationToken = default) => _paths is { } paths
        ? paths.RequestAsync(isAtOnce: false).WaitAsync(cancellationToken)
        : throw new NotSupportedException("Only a client with QUIC changes its path on purpose.");

    /// <summary>
    /// Says that this machine's network has changed, where the system does not tell by itself: a client with QUIC asks its
    /// <see cref="CausewayClientOptions.Migration"/> policy, which by default goes another way at once. Elsewhere it means nothing.
    /// </summary>
    public void NotifyNetworkChanged() => _paths?.OnNetworkChanged(isCertain: true);

    /// <summary>Hears from a socket that nobody listens at the peer's address.</summary>
    internal void WatchRefusals(IDatagramLink innermost)
    {
        if (innermost is UdpLink udp)
        {
            RefusalItem refusal = new(this);
            udp.PeerRefused = () => _shard.Post(refusal);
        }
    }

    private void WatchPaths(CausewayClientOptions options, IDatagramLink innermost, IDatagramLink link)
    {
        _paths = new ClientPaths(this, options, innermost, link.LocalEndPoint, _log, _shard.Now);
        if (options.Migration.WatchesNetwork && options.CreateLink is null)
        {
            NetworkWatch.Add(_paths);
        }
    }

    // A client that moved, and whose new address the session has proved.
    private void FollowPeer()
    {
        PeerAddress remote = Session.CurrentPath.Remote;
        if (!remote.IsNone && remote != _path.Remote && !Session.IsProvingPath)
        {
            EndPoint moved = remote.ToEndPoint();
            CausewayLog.PeerMoved(_log, Session.RoutingId, _remote, moved);
            _remote = moved;
            lock (_pathLock)
            {
                _path = new DatagramPath(remote, _path.Local);
            }
        }
    }
}
