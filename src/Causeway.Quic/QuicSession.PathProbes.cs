using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>Datagrams that prove and measure paths (RFC 9000, 8.2 and 14.4).</content>
internal sealed partial class QuicSession
{
    // Header, both path frames and a tag.
    private const int LeastProbe = 80;

    private const int ResponsesPerRoundTrip = 4;
    private const long LeastBetweenResponses = 5_000;

    private Timestamp _mayRespondAt = Timestamp.LongAgo;

    /// <summary>Datagrams that are not for data: those that prove paths, and those that measure the one in use.</summary>
    private void WriteProbes(PacketBatch batch, Timestamp now)
    {
        if (!_application.CanSeal)
        {
            return;
        }

        WritePathProbe(batch, _path, now);
        WritePathProbe(batch, _formerPath, now);
        WritePathProbe(batch, _probedPath, now);
        if (_recovery.IsConfirmed && _path.IsValidated && !batch.IsFull && _mtu.NextProbe(now) is var size and > 0
            && _recovery.CanSend(now))
        {
            WriteSpecial(batch, _path, size, isMtuProbe: true, now);
        }
    }

    private void WritePathProbe(PacketBatch batch, QuicPath? path, Timestamp now)
    {
        // Neither waits for the congestion window, which may be full of what went to an address that is gone. Answers are a few in a
        // round trip, whatever the peer asks.
        if (path is null || batch.IsFull || !(path.IsChallengeDue || (path.Response is not null && _mayRespondAt <= now)))
        {
            return;
        }

        // RFC 9000, 8.2.1: 1 200 bytes, so that the path is known to carry them, unless the address is not worth as much yet.
        long allowed = Role == EndpointRole.Client ? long.MaxValue : path.Allowance;
        int size = (int)Math.Min(QuicLimits.MinInitialDatagramSize, allowed);
        if (size >= LeastProbe)
        {
            WriteSpecial(batch, path, size, isMtuProbe: false, now);
        }
    }

    private void WriteSpecial(PacketBatch batch, QuicPath path, int size, bool isMtuProbe, Timestamp now)
    {
        PacketNumberSpace space = _recovery[PacketSpaceId.Application];
        _isDatagramCapable = _ecn.IsNextCapable;
        PacketBuffer datagram = batch.Rent(_pool, _settings.Link.Headroom);
        datagram.Path = path.Address;
        Span<byte> room = datagram.Append(size);
        _probeDestination = path.PeerId;
        int payloadOffset = BeginPacket(room, EncryptionLevel.Application, space, out _);
        _probeDestination = null;
        QuicSentPacket packet = _recovery.Rent();
        packet.Number = space.NextNumber;
        packet.Space = space.Id;
        packet.IsMtuProbe = isMtuProbe;
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        int written = WritePathFrames(payload, packet, path, now);
        if (!ReferenceEquals(path, _probedPath))
        {
            // Tells the peer by a packet that is no probe that this end is here (RFC 9000, 9.3.3).
            written += WritePing(payload[written..], packet);
        }

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

    private int WritePathFrames(Span<byte> room, QuicSentPacket packet, QuicPath path, Timestamp now)
    {
        int written = 0;
        if (path.Response is { } response && Wrote(FrameWriter.PathResponse(room, response), ref written))
        {
            path.Response = null;
            packet.IsAckEliciting = true;
            _mayRespondAt = now.AddMicroseconds(Math.Max(_recovery.Rtt.Smoothed / ResponsesPerRoundTrip, LeastBetweenResponses));
        }

        if (path.IsChallengeDue && Wrote(FrameWriter.PathChallenge(room[written..], path.Challenge), ref written))
        {
            path.IsChallengeDue = false;
            path.ChallengeAgainAt = now.AddMicroseconds(_recovery.Rtt.ProbeTimeout);
            packet.IsAckEliciting = true;
        }

        return written;
    }
}
