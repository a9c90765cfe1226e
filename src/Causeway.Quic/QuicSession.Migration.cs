using Causeway.Quic.Paths;

namespace Causeway.Quic;

/// <content>A client that changes its own address on purpose (RFC 9000, 9.2).</content>
internal sealed partial class QuicSession
{
    /// <inheritdoc/>
    public override double LossRate => _recovery.LossRate;

    private bool IsAtPreferredAddress => _peerParameters.PreferredAddress is { } preferred && !_path.Address.Remote.IsNone
        && (_path.Address.Remote == preferred.IPv4 || _path.Address.Remote == preferred.IPv6);

    /// <inheritdoc/>
    public override PathChangeRefusal TryChangePath(PeerAddress local, bool isOtherHost, bool isAtOnce, Timestamp now)
    {
        if (Role == EndpointRole.Server)
        {
            return PathChangeRefusal.Unsupported;
        }

        if (!_recovery.IsConfirmed || IsClosing || _failure is not null)
        {
            return PathChangeRefusal.NotEstablished;
        }

        // It forbids it towards the address of the handshake only (18.2).
        if (_peerParameters.DisableActiveMigration && !IsAtPreferredAddress)
        {
            return PathChangeRefusal.ForbiddenByPeer;
        }

        // RFC 9000, 9.5: an observer of both ways shall not know that they are of one connection. A peer with ids of no length
        // finds the connection by addresses, and does not take part.
        if (_remoteIds.NextSpare is not { } id)
        {
            return PathChangeRefusal.NoConnectionId;
        }

        QuicPath other = new(new DatagramPath(_path.Address.Remote, local))
        {
            // The server's address was proved by the handshake; what is asked is whether it can be reached this way.
            IsValidated = true,
            IsOtherHost = isOtherHost,
        };
        if (isAtOnce)
        {
            _formerPath = _path;
            _formerPath.OnValidated();
            _probedPath = null;
            _path = other;
            _spin = NewSpinBit();
            _remoteIds.TryChange();
            Statistics.PathChanges++;
            OnPathProved(isOtherHost);
        }
        else
        {
            other.PeerId = id;
            _probedPath = other;
        }

        Challenge(other, now);
        return PathChangeRefusal.None;
    }
}
