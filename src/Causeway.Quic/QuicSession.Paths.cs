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
    private QuicPath _path;

    // Where datagrams went before the peer's address changed; they go there again if the new one cannot be proved.
    private QuicPath? _formerPath;

    /// <summary>The way that datagrams go at present.</summary>
    public DatagramPath CurrentPath => _path.Address;

    /// <summary>Whether the peer has shown that it receives at its present address.</summary>
    public bool IsPathValidated => _path.IsValidated;

    private void NoteReceived(PacketBuffer datagram)
    {
        if (datagram.Path.Remote == _path.Address.Remote || _path.Address.Remote.IsNone)
        {
            _path.Received += datagram.Length;
            if (Role == EndpointRole.Server && datagram.Path.Local != _path.Address.Local && !datagram.Path.Local.IsNone)
            {
                _path.Address = datagram.Path;
            }
        }
        else if (_formerPath is { } former && datagram.Path.Remote == former.Address.Remote)
        {
            former.Received += datagram.Length;
        }
    }

    /// <summary>
    /// The newest packet came from another address: a NAT has forgotten the old one, or the client has moved. Answers go there
    /// from now on, and it has to prove that it is real (RFC 9000, 9.3).
    /// </summary>
    private void FollowPeer(PacketBuffer datagram, bool isProbing, Timestamp now)
    {
        if (Role == EndpointRole.Client || isProbing || !IsEstablished || datagram.Path.Remote == _path.Address.Remote)
        {
            return;
        }

        if (_formerPath is { } former && datagram.Path.Remote == former.Address.Remote)
        {
            // Back where it came from: nothing has to be proved there again.
            (_path, _formerPath) = (former, _path);
            return;
        }

        QuicPath moved = new(datagram.Path) { Received = datagram.Length };
        bool isOnlyPort = moved.Address.Remote.WithoutPort() == _path.Address.Remote.WithoutPort();
        if (_path.IsValidated)
        {
            _formerPath = _path;
        }

        _path = moved;
        Statistics.PathChanges++;
        _remoteIds.TryChange();
        Challenge(_path, now);
        if (!isOnlyPort)
        {
            // RFC 9000, 9.4: what was learned of the old path says nothing of the new one. Where only the port changed it is the
            // same path as before.
            _recovery.Rtt.Reset();
            _mtu.Reset();
            _recovery.DatagramSize = _mtu.Size;
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
        QuicPath path = _formerPath is { } former && datagram.Path.Remote == former.Address.Remote ? former : _path;
        path.Response = data;
        Statistics.PathChallenges++;
    }

    private void OnPathResponse(ulong data, Timestamp now)
    {
        _ = now;
        if (_path.HasChallenge && _path.Challenge == data)
        {
            _path.OnValidated();
            _formerPath = null;
        }
        else if (_formerPath is { HasChallenge: true } former && former.Challenge == data)
        {
            former.OnValidated();
        }
    }

    private int WritePathFrames(Span<byte> room, QuicSentPacket packet, QuicPath path, Timestamp now)
    {
        int written = 0;
        if (path.Response is { } response && Wrote(FrameWriter.PathResponse(room, response), ref written))
        {
            path.Response = null;
            packet.IsAckEliciting = true;
        }

        if (path.IsChallengeDue && Wrote(FrameWriter.PathChallenge(room[written..], path.Challenge), ref written))
        {
            path.IsChallengeDue = false;
            path.ChallengeAgainAt = now.AddMicroseconds(_recovery.Rtt.ProbeTimeout);
            packet.IsAckEliciting = true;
        }

        return written;
    }

    private void CheckPath(Timestamp now)
    {
        if (_path.ChallengeAgainAt <= now)
        {
            _path.IsChallengeDue = true;
            _path.ChallengeAgainAt = Timestamp.Never;
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
            _path.FailsAt = Timestamp.Never;
            FailSilently(
                new TransportFailure(TransportFailureKind.DeadLink, "The peer's new address did not answer, and there is no other.")
                {
                    ErrorCode = (long)TransportErrorCode.NoViablePath,
                });
        }
    }

    /// <summary>Datagrams that are not for data: those that measure the path, and those for the path before.</summary>
    private void WriteProbes(PacketBatch batch, Timestamp now)
    {
        if (_formerPath is { Response: not null } former && _application.CanSeal && !batch.IsFull
            && former.Allowance >= QuicLimits.MinInitialDatagramSize)
        {
            WriteSpecial(batch, former, QuicLimits.MinInitialDatagramSize, isMtuProbe: false, now);
        }

        if (_recovery.IsConfirmed && _path.IsValidated && !batch.IsFull && _mtu.NextProbe(now) is var size and > 0 && _recovery.CanSend(now))
        {
            WriteSpecial(batch, _path, size, isMtuProbe: true, now);
        }
    }

    private void WriteSpecial(PacketBatch batch, QuicPath path, int size, bool isMtuProbe, Timestamp now)
    {
        PacketNumberSpace space = _recovery[PacketSpaceId.Application];
        _isDatagramCapable = _ecn.IsNextCapable;
        PacketBuffer datagram = batch.Rent(_pool, _settings.Link.Headroom);
        datagram.Path = path.Address;
        Span<byte> room = datagram.Append(size);
        int payloadOffset = BeginPacket(room, EncryptionLevel.Application, space, out _);
        QuicSentPacket packet = _recovery.Rent();
        packet.Number = space.NextNumber;
        packet.Space = space.Id;
        packet.IsMtuProbe = isMtuProbe;
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        int written = WritePathFrames(payload, packet, path, now);
        written += WritePing(payload[written..], packet);
        payload[written..].Clear();
        if (isMtuProbe)
        {
            _mtu.OnSent();
            packet.Add(new SentFrame { Kind = SentFrameKind.MtuProbe, Value = size });
        }

        packet.IsInFlight = true;
        packet.Size = size;
        if (Seal(datagram, 0, payloadOffset, packet, EncryptionLevel.Application, now))
        {
            Commit(batch, datagram, path);
        }
        else
        {
            datagram.Release();
        }
    }
}
