using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>Paths: the peer's address and its proof, changes of it, and how large datagrams may be (RFC 9000, 8, 9 and 14).</content>
internal sealed partial class QuicSession
{
    private readonly QuicEcn _ecn = new();
    private bool _isDatagramCapable;
    private PeerAddress _otherPeerAddress;
    private QuicPath _path;

    // Where datagrams went before the peer's address changed; they go there again if the new one cannot be proved.
    private QuicPath? _formerPath;

    // At a server: where the client asked from without moving there (RFC 9000, 9.1). At a client: the way that it wants to go, from
    // another address of its own or to the server's preferred one (9.6), until it is proved.
    private QuicPath? _probedPath;

    // The connection id by which the client addressed this server last.
    private ConnectionId _addressedAs;

    // The connection id of the packet that is being written, where it is not the current one.
    private ConnectionId? _probeDestination;

    /// <inheritdoc/>
    public override DatagramPath CurrentPath => _path.Address;

    /// <inheritdoc/>
    public override bool IsProvingPath => _path.HasChallenge || _probedPath is { HasChallenge: true };

    /// <inheritdoc/>
    public override PeerAddress OtherPeerAddress => _otherPeerAddress;

    /// <summary>Whether the peer has shown that it receives at its present address.</summary>
    public bool IsPathValidated => _path.IsValidated;

    /// <summary>
    /// Whether nothing may go to the peer's address until more comes from there (RFC 9000, 8.1). Until then no timer for what was
    /// sent runs either (RFC 9002, 6.2.2.1).
    /// </summary>
    private bool IsAmplificationBlocked => _path.Allowance < QuicLimits.MinInitialDatagramSize;

    private Timestamp PathDeadline
    {
        get
        {
            Timestamp due = Timestamp.Min(_path.ChallengeAgainAt, _path.FailsAt);
            bool isAsked = (_path.Response is not null && _path.Allowance >= LeastProbe)
                || (_formerPath is { Response: not null } former && former.Allowance >= LeastProbe);
            due = isAsked ? Timestamp.Min(due, _mayRespondAt) : due;
            return _probedPath is { } probed ? Timestamp.Min(due, Timestamp.Min(probed.ChallengeAgainAt, probed.FailsAt)) : due;
        }
    }

    /// <summary>
    /// Whether a datagram comes from where it may. A server's address changes only by its preferred_address: what comes to a client
    /// from elsewhere is dropped (RFC 9000, 9).
    /// </summary>
    private bool IsFromPeer(PacketBuffer datagram) => Role == EndpointRole.Server || PathOf(datagram) is not null;

    // Which of its own addresses a datagram came to matters to a server that has clients move to another (RFC 9000, 9.6.2).
    private bool IsOf(QuicPath path, PacketBuffer datagram) =>
        path.Address.Remote.IsNone
        || (datagram.Path.Remote == path.Address.Remote && !(_preferredAddress is not null && IsOtherLocal(path, datagram)));

    private static bool IsOtherLocal(QuicPath path, PacketBuffer datagram) =>
        datagram.Path.Local != path.Address.Local && !datagram.Path.Local.IsNone && !path.Address.Local.IsNone;

    /// <summary>
    /// The path that a datagram came on, or null for one that is not known. A client that moves has several paths to one address of
    /// the server, which differ in its own.
    /// </summary>
    private QuicPath? PathOf(PacketBuffer datagram)
    {
        QuicPath? byRemote = null;
        foreach (QuicPath? path in (ReadOnlySpan<QuicPath?>)[_path, _formerPath, _probedPath])
        {
            if (path is not null && IsOf(path, datagram))
            {
                if (Role == EndpointRole.Server || path.Address.Local == datagram.Path.Local)
                {
                    return path;
                }

                byRemote ??= path;
            }
        }

        return byRemote;
    }

    private void NoteReceived(PacketBuffer datagram)
    {
        if (PathOf(datagram) is not { } path)
        {
            return;
        }

        path.Received += datagram.Length;
        if (ReferenceEquals(path, _path) && Role == EndpointRole.Server && datagram.Path.Local != path.Address.Local
            && !datagram.Path.Local.IsNone)
        {
            path.Address = datagram.Path;
        }
    }

    /// <summary>
    /// The newest packet came from another address: a NAT has forgotten the old one, or the client has moved. Answers go there
    /// from now on, and it has to prove that it is real (RFC 9000, 9.3).
    /// </summary>
    private void FollowPeer(PacketBuffer datagram, in ConnectionId addressedAs, bool isProbing, Timestamp now)
    {
        if (Role == EndpointRole.Client || isProbing || !IsEstablished)
        {
            return;
        }

        bool isOnPurpose = addressedAs != _addressedAs;
        _addressedAs = addressedAs;
        if (IsOf(_path, datagram))
        {
            return;
        }

        if (_formerPath is { } former && IsOf(former, datagram))
        {
            // Back where it came from: nothing has to be proved there again, and the other address is nobody's.
            _path = former;
            _formerPath = null;
            Statistics.PathsRefused++;
            return;
        }

        QuicPath moved = new(datagram.Path)
        {
            Received = datagram.Length,
            IsOtherHost = datagram.Path.Remote.WithoutPort() != _path.Address.Remote.WithoutPort(),
        };
        if (Statistics.PathsRefused > 0 || datagram.Path.Remote == _path.Address.Remote)
        {
            // Somebody sent from where nobody answers. From now on an address is proved before anything goes there, so that he
            // costs the connection nothing more. The same holds for this end's preferred address (9.6.2).
            ProveFirst(moved, now);
            return;
        }

        if (_probedPath is { } probed && IsOf(probed, datagram))
        {
            moved.Received = probed.Received;
            moved.Sent = probed.Sent;
            moved.Response = probed.Response;
            _probedPath = null;
        }

        if (_path.IsValidated)
        {
            _formerPath = _path;

            // Whoever copied a packet to here from elsewhere does not keep the peer from answering at its own address (9.3.3). Who
            // moves on purpose takes another connection id, and does not want to be seen at both addresses with one (9.5).
            if (!isOnPurpose)
            {
                Challenge(_formerPath, now);
                _formerPath.FailsAt = Timestamp.Never;
            }
        }

        _path = moved;
        _spin = NewSpinBit();
        Statistics.PathChanges++;

        // RFC 9000, 9.5: an observer shall not know the connection again by its id.
        _remoteIds.TryChange();
        Challenge(_path, now);
    }

    /// <summary>
    /// A NAT may forget the client in the middle of the handshake. The server goes with it, as far as three times what comes from
    /// there allows: Handshake packets prove only the address that the handshake began at, and PATH_CHALLENGE has to wait.
    /// </summary>
    private void FollowInHandshake(PacketBuffer datagram)
    {
        if (Role == EndpointRole.Client || IsEstablished || IsOf(_path, datagram))
        {
            return;
        }

        Statistics.PathChanges++;
        _path = new QuicPath(datagram.Path) { Received = datagram.Length };
        _spin = NewSpinBit();
    }

    private void ProveFirst(QuicPath moved, Timestamp now)
    {
        if (_probedPath is null || _probedPath.Address != moved.Address)
        {
            _probedPath = moved;
            _probedPath.PeerId = _remoteIds.NextSpare;
        }

        if (!_probedPath.HasChallenge)
        {
            Challenge(_probedPath, now);
        }
    }

    private void Challenge(QuicPath path, Timestamp now)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        _settings.Random(bytes);

        // RFC 9000, 8.2.4: three probe timeouts, of the path as it is known or as it begins.
        path.BeginValidation(
            BitConverter.ToUInt64(bytes), now.AddMicroseconds(Math.Max(_recovery.ThreeProbeTimeouts, 6 * QuicRtt.InitialRtt)));
    }

    private void OnPathChallenge(PacketBuffer datagram, ulong data)
    {
        // The answer goes back where the question came from (RFC 9000, 8.2.2). A flood of them leaves the last one.
        Statistics.PathChallenges++;
        if (PathOf(datagram) is { } path)
        {
            // A client that has left does not answer from there: it would take one connection id to two addresses (9.5).
            path.Response = Role == EndpointRole.Client && ReferenceEquals(path, _formerPath) ? null : data;
        }
        else if (Role == EndpointRole.Server && IsEstablished)
        {
            _probedPath = new QuicPath(datagram.Path) { Received = datagram.Length, PeerId = _remoteIds.NextSpare, Response = data };
        }
    }

    private void OnPathResponse(ulong data, Timestamp now)
    {
        _ = now;
        if (_path.HasChallenge && _path.Challenge == data)
        {
            _path.OnValidated();
            _formerPath = null;
            Statistics.PathsValidated++;
            OnPathProved(_path.IsOtherHost);
        }
        else if (_formerPath is { HasChallenge: true } former && former.Challenge == data)
        {
            // Both ways carry. Where the peer is shows its next packet that is no probe.
            former.OnValidated();
        }
        else if (_probedPath is { HasChallenge: true } probed && probed.Challenge == data)
        {
            probed.OnValidated();
            Statistics.PathsValidated++;
            Statistics.PathChanges++;
            _formerPath = Role == EndpointRole.Client ? _path : null;
            _path = probed;
            _spin = NewSpinBit();
            _remoteIds.TryChange(probed.PeerId);
            _path.PeerId = null;
            _probedPath = null;
            if (Role == EndpointRole.Client)
            {
                // Only a packet that is no probe moves the server (RFC 9000, 9.2).
                Probe();
            }

            OnPathProved(probed.IsOtherHost);
        }
    }

    /// <summary>
    /// RFC 9000, 9.4: what was learned of the old path says nothing of the new one, unless only the port changed. Not before the
    /// address is proved, so that a packet that somebody copied does not throw a connection back.
    /// </summary>
    private void OnPathProved(bool isOtherHost)
    {
        if (!isOtherHost)
        {
            return;
        }

        _mtu.Reset();
        _recovery.DatagramSize = _mtu.Size;
        CongestionController controller = _settings.CongestionControl(_mtu.Size);
        _recovery.ResetPath(controller);
        if (controller.AnswersMarks)
        {
            _ecn.Begin();
        }
    }

    /// <summary>The client goes where the server would like to have it (RFC 9000, 9.6), once that address is proved.</summary>
    /// <param name="datagram">One that came from where the server is now; a link that tells no addresses has none to move to.</param>
    /// <param name="now">The time.</param>
    private void MoveToPreferredAddress(PacketBuffer datagram, Timestamp now)
    {
        PeerAddress current = datagram.Path.Remote;
        if (_peerParameters.PreferredAddress is not { } preferred || Statistics.PathChanges > 0 || _probedPath is not null || current.IsNone)
        {
            return;
        }

        // The same family as now: the socket has no other.
        PeerAddress address = current.IsIPv6 ? preferred.IPv6 : preferred.IPv4;
        if (address.IsNone || address == current)
        {
            return;
        }

        if (_path.Address.Remote.IsNone)
        {
            // A connected link has one peer, who needs no name. From now on there are two.
            _path.Address = new DatagramPath(current, _path.Address.Local);
        }

        _otherPeerAddress = address;
        _probedPath = new QuicPath(new DatagramPath(address, _path.Address.Local)) { PeerId = preferred.ConnectionId, IsOtherHost = true };
        Challenge(_probedPath, now);
    }

    private PreferredAddress? OwnPreferredAddress()
    {
        if (_preferredAddress is null && !(_settings.PreferredIPv4.IsNone && _settings.PreferredIPv6.IsNone))
        {
            ConnectionId id = _localIds.AddPreferred();
            _preferredAddress = new PreferredAddress(_settings.PreferredIPv4, _settings.PreferredIPv6, id, _registry.TokenOf(id));
        }

        return _preferredAddress;
    }

    private void CheckPath(Timestamp now)
    {
        NoteChallengeDue(_path, now);
        if (_probedPath is { } probed)
        {
            NoteChallengeDue(probed, now);
            if (probed.FailsAt <= now)
            {
                Statistics.PathsRefused++;
                _probedPath = null;
            }
        }

        if (_path.FailsAt > now)
        {
            return;
        }

        if (_formerPath is { } former)
        {
            // RFC 9000, 9.3.2: somebody else sent from there. The path that was proved is the path.
            Statistics.PathsRefused++;
            _path = former;
            _formerPath = null;
        }
        else
        {
            // There is no other: it is asked until it answers, or until the idle timeout (8.2.4 allows any longer time).
            Challenge(_path, now);
        }
    }

    private static void NoteChallengeDue(QuicPath path, Timestamp now)
    {
        if (path.ChallengeAgainAt <= now)
        {
            path.IsChallengeDue = true;
            path.ChallengeAgainAt = Timestamp.Never;
        }
    }
}
