using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>The frames of a packet that leaves, and what becomes of them (RFC 9000, 13.3).</content>
internal sealed partial class QuicSession
{
    private int WriteFrames(Span<byte> payload, QuicSentPacket packet, EncryptionLevel level, PacketNumberSpace space, Timestamp now)
    {
        int written = level == EncryptionLevel.Application ? WriteRebuiltReports(payload) : 0;
        written += WriteAck(payload[written..], packet, space, now);
        bool isProbe = space.Probes > 0;
        if (isProbe || _recovery.CanSend(now))
        {
            written += WriteCrypto(payload[written..], packet, level);
            if (level is EncryptionLevel.Application or EncryptionLevel.EarlyData)
            {
                written += WriteApplication(payload[written..], packet, now);
            }

            if (isProbe && !packet.IsAckEliciting && level == EncryptionLevel.Initial)
            {
                written += RepeatHello(payload[written..], packet);
            }

            if (isProbe && !packet.IsAckEliciting)
            {
                written += WritePing(payload[written..], packet);
            }

            space.Probes -= isProbe && packet.IsAckEliciting ? 1 : 0;
        }

        // A receiver that only acknowledges asks for an acknowledgement now and then, so that it can forget.
        if (level == EncryptionLevel.Application && written > 0 && !packet.IsAckEliciting && ++_acksSinceEliciting >= AcksPerPing)
        {
            written += WritePing(payload[written..], packet);
        }

        _acksSinceEliciting = packet.IsAckEliciting ? 0 : _acksSinceEliciting;
        return written;
    }

    /// <summary>
    /// A server acknowledged the client's first flight and says nothing more: a probe carries the flight once more. It costs what a
    /// PING would, and helps servers that lost a part of it after they had acknowledged it, as those do which begin a connection for
    /// each of its datagrams.
    /// </summary>
    private int RepeatHello(Span<byte> room, QuicSentPacket packet)
    {
        if (Role == EndpointRole.Server || _recovery.HasHandshakeKeys || _hello.Length == 0)
        {
            return 0;
        }

        int offset = _helloRepeated < _hello.Length ? _helloRepeated : 0;
        int header = 1 + VarInt.Length(offset) + VarInt.Length(room.Length);
        int length = Math.Min(_hello.Length - offset, room.Length - header);
        if (length <= 0)
        {
            return 0;
        }

        _helloRepeated = offset + length;
        packet.IsAckEliciting = true;
        return FrameWriter.Crypto(room, offset, _hello.AsSpan(offset, length));
    }

    private int WriteAck(Span<byte> room, QuicSentPacket packet, PacketNumberSpace space, Timestamp now)
    {
        ReceivedPackets received = space.Received;
        if (!received.HasNews)
        {
            return 0;
        }

        long delay = Math.Max(0, now.MicrosecondsSince(received.LargestAt)) >> AckDelayExponent;
        EcnCounts? ecn = received.Ecn == default ? null : received.Ecn;
        int written = FrameWriter.Ack(room, received.Ranges, delay, ecn, MostAckRanges);
        if (written > 0)
        {
            packet.Add(new SentFrame { Kind = SentFrameKind.Ack, Value = received.Largest });
            received.OnAckSent();
            if (space.Id == PacketSpaceId.Application)
            {
                _application.OnAcknowledgementSealed(received.Largest);
            }
        }

        return written;
    }

    private int WriteCrypto(Span<byte> room, QuicSentPacket packet, EncryptionLevel level)
    {
        CryptoStream crypto = _crypto[(int)level];
        int written = 0;
        while (crypto.HasOutput)
        {
            Span<byte> left = room[written..];
            crypto.Next(left.Length, out long offset, out int length);
            int header = 1 + VarInt.Length(offset) + VarInt.Length(length);
            length = Math.Min(length, left.Length - header);
            if (length <= 0)
            {
                break;
            }

            header = FrameWriter.CryptoHeader(left, offset, length);
            crypto.Read(offset, left.Slice(header, length));
            Note(packet, new SentFrame { Kind = SentFrameKind.Crypto, Owner = crypto, Value = offset, Length = length });
            written += header + length;
        }

        return written;
    }

    private int WriteApplication(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = WriteConnectionControl(room, packet, now);
        written += _streams.WriteControlFrames(room[written..], packet, now);
        return written + WritePayload(room[written..], packet, now);
    }

    private int WriteConnectionControl(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = 0;
        if (_isHandshakeDoneDue && Wrote(FrameWriter.HandshakeDone(room[written..]), ref written))
        {
            _isHandshakeDoneDue = false;
            Note(packet, new SentFrame { Kind = SentFrameKind.HandshakeDone });
        }

        if (_streams.IsPingRequested && Wrote(FrameWriter.Ping(room[written..]), ref written))
        {
            _streams.IsPingRequested = false;
            packet.IsAckEliciting = true;
        }

        if (_ackFrequency.IsDue && Wrote(_ackFrequency.Write(room[written..], out long request), ref written))
        {
            Note(packet, new SentFrame { Kind = SentFrameKind.AckFrequency, Value = request });
        }

        if (_newToken.Length > 0 && Wrote(FrameWriter.NewToken(room[written..], _newToken.Span), ref written))
        {
            Note(packet, new SentFrame { Kind = SentFrameKind.NewToken, Owner = _newToken.ToArray() });
            _newToken = default;
        }

        while (_localIds.HasOutput && _localIds.TryNext(out long sequence, out ConnectionId id, out StatelessResetToken token))
        {
            if (!Wrote(FrameWriter.NewConnectionId(room[written..], sequence, 0, id, token), ref written))
            {
                break;
            }

            _localIds.SetDue(sequence, isDue: false);
            Note(packet, new SentFrame { Kind = SentFrameKind.NewConnectionId, Value = sequence });
        }

        while (_remoteIds.TryNext(out long retired) && Wrote(FrameWriter.RetireConnectionId(room[written..], retired), ref written))
        {
            _remoteIds.OnSent();
            Note(packet, new SentFrame { Kind = SentFrameKind.RetireConnectionId, Value = retired });
        }

        return written;
    }

    private static int WritePing(Span<byte> room, QuicSentPacket packet)
    {
        int written = FrameWriter.Ping(room);
        packet.IsAckEliciting |= written > 0;
        return written;
    }

    private static bool Wrote(int count, ref int written)
    {
        written += count;
        return count > 0;
    }

    private static void Note(QuicSentPacket packet, in SentFrame frame)
    {
        packet.Add(in frame);
        packet.IsAckEliciting = true;
    }

    void ISentFrameOwner.OnAcknowledged(in SentFrame frame)
    {
        switch (frame.Kind)
        {
            case SentFrameKind.Ack:
                _acknowledgedSpace!.Received.OnAckAcknowledged(frame.Value);
                break;
            case SentFrameKind.Crypto:
                ((CryptoStream)frame.Owner!).OnAcknowledged(frame.Value, frame.Length);
                break;
            case SentFrameKind.RetireConnectionId:
                _remoteIds.OnAcknowledged();
                break;
            case SentFrameKind.NewConnectionId:
                _localIds.OnAcknowledged();
                break;
            case SentFrameKind.AckFrequency:
                break;
            case SentFrameKind.FecSource:
                _fecSender?.OnArrived(frame.Value);
                break;
            case SentFrameKind.Datagram:
                _datagrams.OnAcknowledged(frame.Value);
                break;
            case SentFrameKind.MtuProbe:
                _mtu.OnAcknowledged((int)frame.Value, _now);
                _recovery.DatagramSize = _mtu.Size;
                break;
            default:
                _streams.OnAcknowledged(in frame);
                break;
        }
    }

    void ISentFrameOwner.OnLost(in SentFrame frame)
    {
        switch (frame.Kind)
        {
            case SentFrameKind.Crypto:
                ((CryptoStream)frame.Owner!).OnLost(frame.Value, frame.Length);
                break;
            case SentFrameKind.NewConnectionId:
                _localIds.SetDue(frame.Value, isDue: true);
                break;
            case SentFrameKind.RetireConnectionId:
                _remoteIds.OnLost(frame.Value);
                break;
            case SentFrameKind.HandshakeDone:
                _isHandshakeDoneDue = true;
                break;
            case SentFrameKind.NewToken:
                _newToken = (byte[])frame.Owner!;
                break;
            case SentFrameKind.AckFrequency:
                _ackFrequency.OnLost(frame.Value);
                break;
            case SentFrameKind.MtuProbe:
                _mtu.OnLost((int)frame.Value, _now);
                break;
            case SentFrameKind.FecSource or SentFrameKind.FecRepair:
                OnSourceLost(frame.Value);
                break;
            case SentFrameKind.Datagram:
                _datagrams.OnLost(frame.Value, _now);
                break;
            default:
                _streams.OnLost(in frame);
                break;
        }
    }

    void ISentFrameOwner.OnUnanswered(in SentFrame frame)
    {
        if (frame.Kind is SentFrameKind.Crypto or SentFrameKind.Stream or SentFrameKind.HandshakeDone
            or SentFrameKind.ResetStream or SentFrameKind.StopSending or SentFrameKind.MaxData or SentFrameKind.MaxStreamData
            or SentFrameKind.MaxStreams)
        {
            ((ISentFrameOwner)this).OnLost(in frame);
        }
    }
}
