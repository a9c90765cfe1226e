using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>What leaves: datagrams of one or more packets (RFC 9000, 12.2), as windows, pacing and addresses allow.</content>
internal sealed partial class QuicSession
{
    // A PING every so many packets of nothing but acknowledgements, whose own acknowledgement lets old ranges be forgotten (RFC
    // 9000, 13.2.4).
    private const int AcksPerPing = 32;

    // Less room than this holds no packet with a long header.
    private const int LeastCoalesced = 80;

    private readonly LossRecovery _recovery;
    private readonly QuicStreams _streams;
    private readonly DatagramQueues _datagrams;
    private byte[] _hello = [];
    private int _helloRepeated;
    private int _acksSinceEliciting;
    private bool _hasHeldBack;
    private bool _isHandshakeDoneDue;

    /// <inheritdoc/>
    public override bool Flush(PacketBatch batch, DatagramPath path, Timestamp now)
    {
        if (_isDisposed)
        {
            return false;
        }

        CheckTimers(now);
        if (IsClosing || _failure is not null)
        {
            FlushClose(batch, now);
            return false;
        }

        _recovery[PacketSpaceId.Application].SkipNowAndThen(_settings.Random);
        WriteProbes(batch, now);
        if (_recovery.IsSilenceProbeDue && !batch.IsFull)
        {
            WriteSilenceProbe(batch, now);
        }

        bool isLimited = false;
        while (!batch.IsFull && TryWriteDatagram(batch, now, out isLimited))
        {
        }

        FlushHeaders();
        bool isFull = batch.IsFull && HasOutput(now, out isLimited);
        _hasHeldBack = isLimited && _recovery.IsPaced;
        _recovery.OnFlushed(hadRoom: !isFull && !isLimited, isLimited, now);
        return isFull;
    }

    private EncryptionLevel LevelOf(int index) => index switch
    {
        0 => EncryptionLevel.Initial,
        1 => EncryptionLevel.Handshake,
        _ => IsEarly ? EncryptionLevel.EarlyData : EncryptionLevel.Application,
    };

    private bool HasOutput(Timestamp now, out bool isLimited)
    {
        isLimited = false;
        for (int i = 0; i < PacketSpaces.Count; i++)
        {
            if (Wants(LevelOf(i), now, out bool isHeldBack))
            {
                return true;
            }

            isLimited |= isHeldBack;
        }

        return false;
    }

    /// <summary>Writes the next datagram, of one packet for each level that has something to say.</summary>
    private bool TryWriteDatagram(PacketBatch batch, Timestamp now, out bool isLimited)
    {
        isLimited = false;
        int last = -1;
        int first = -1;
        bool isInitialEliciting = false;
        for (int i = 0; i < PacketSpaces.Count; i++)
        {
            if (Wants(LevelOf(i), now, out bool isHeldBack))
            {
                first = first < 0 ? i : first;
                last = i;
            }

            isLimited |= isHeldBack;
        }

        if (last < 0)
        {
            return false;
        }

        int size = (int)Math.Min(_mtu.Size, _path.Allowance);
        if (size < Math.Min(_mtu.Size, QuicLimits.MinInitialDatagramSize))
        {
            // The rest waits until more came from there (RFC 9000, 8.1).
            Statistics.AmplificationBlocked++;
            isLimited = false;
            return false;
        }

        _isDatagramCapable = _ecn.IsNextCapable;
        PacketBuffer datagram = batch.Rent(_pool, _settings.Link.Headroom);
        datagram.Path = _path.Address;
        datagram.Append(size);
        int written = 0;
        for (int i = first; i <= last; i++)
        {
            EncryptionLevel level = LevelOf(i);
            if (i != first && i != last && !Wants(level, now, out _))
            {
                continue;
            }

            isInitialEliciting |= level == EncryptionLevel.Initial;

            // A datagram with an Initial packet fills 1 200 bytes: a client's always, a server's if it is to be acknowledged
            // (RFC 9000, 14.1).
            int least = i == last && isInitialEliciting ? QuicLimits.MinInitialDatagramSize - written : 0;
            written += WritePacket(datagram, written, level, least, now);
        }

        if (written == 0)
        {
            datagram.Release();
            return false;
        }

        datagram.Truncate(written);
        Commit(batch, datagram, _path);
        return true;
    }

    /// <summary>Nothing is heard of the peer: asks for a sign of life by a packet with a PING.</summary>
    private void WriteSilenceProbe(PacketBatch batch, Timestamp now)
    {
        const int Room = 128;
        if (_path.Allowance < Room)
        {
            return;
        }

        _isDatagramCapable = _ecn.IsNextCapable;
        PacketNumberSpace space = _recovery[PacketSpaceId.Application];
        PacketBuffer datagram = batch.Rent(_pool, _settings.Link.Headroom);
        datagram.Path = _path.Address;
        Span<byte> room = datagram.Append(Room);
        int payloadOffset = BeginPacket(room, EncryptionLevel.Application, space, out _);
        QuicSentPacket packet = _recovery.Rent();
        packet.Number = space.NextNumber;
        packet.Space = space.Id;
        packet.IsSilenceProbe = true;
        packet.IsInFlight = true;

        // As many bytes as header protection samples (RFC 9001, 5.4.2).
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        int length = WritePing(payload, packet);
        payload[length..PacketNumber.MaxLength].Clear();
        packet.Size = payloadOffset + PacketNumber.MaxLength + PacketAead.TagLength;
        if (Seal(datagram, 0, payloadOffset, packet, EncryptionLevel.Application, now))
        {
            _recovery.OnSilenceProbeSent(now);
            datagram.Truncate(packet.Size);
            Commit(batch, datagram, _path);
        }
        else
        {
            datagram.Release();
        }
    }

    private void Commit(PacketBatch batch, PacketBuffer datagram, QuicPath path)
    {
        path.Sent += datagram.Length;
        datagram.Ecn = _isDatagramCapable ? EcnCodepoint.Capable0 : EcnCodepoint.NotCapable;
        Statistics.OutPackets++;
        Statistics.OutBytes += datagram.Length;
        batch.Add(datagram);
    }

    /// <summary>Whether a level has something to send that may be sent now.</summary>
    private bool Wants(EncryptionLevel level, Timestamp now, out bool isHeldBack)
    {
        isHeldBack = false;
        if (!CanSeal(level))
        {
            return false;
        }

        PacketNumberSpace space = _recovery[PacketSpaces.Of(level)];
        if (space.IsDiscarded)
        {
            return false;
        }

        if (space.Probes > 0 || (space.Received.HasNews && space.Received.DueAt <= now))
        {
            return true;
        }

        bool hasData = _crypto[(int)level].HasOutput
            || (level is EncryptionLevel.Application or EncryptionLevel.EarlyData && HasApplicationOutput(now));
        if (!hasData)
        {
            return false;
        }

        isHeldBack = !_recovery.CanSend(now);
        return !isHeldBack;
    }

    private bool HasApplicationOutput(Timestamp now) =>
        _streams.HasOutput || _isHandshakeDoneDue || _localIds.HasOutput || _remoteIds.HasOutput || _streams.IsPingRequested
        || _newToken.Length > 0 || _datagrams.HasOutput(now);

    private bool CanSeal(EncryptionLevel level) =>
        level == EncryptionLevel.Application ? _application.CanSeal : _sealers[(int)level] is not null;

    private PacketSealer SealerOf(EncryptionLevel level) =>
        level == EncryptionLevel.Application ? _application.Sealer! : _sealers[(int)level]!;

    private void FlushHeaders()
    {
        foreach (PacketSealer? sealer in _sealers)
        {
            sealer?.FlushHeaders();
        }

        _application.Sealer?.FlushHeaders();
    }

    /// <summary>Writes one packet into a datagram.</summary>
    /// <param name="datagram">The datagram, as long as it may become.</param>
    /// <param name="offset">Where the packet begins.</param>
    /// <param name="level">Its level.</param>
    /// <param name="least">Bytes that it has to have, by padding if need be.</param>
    /// <param name="now">The time.</param>
    /// <returns>Its bytes; 0 if nothing was written.</returns>
    private int WritePacket(PacketBuffer datagram, int offset, EncryptionLevel level, int least, Timestamp now)
    {
        Span<byte> room = datagram.Payload[offset..];
        PacketNumberSpace space = _recovery[PacketSpaces.Of(level)];
        int payloadOffset = BeginPacket(room, level, space, out int numberLength);
        if (payloadOffset == 0 || room.Length - payloadOffset < PacketAead.TagLength + PacketNumber.MaxLength)
        {
            return 0;
        }

        QuicSentPacket packet = _recovery.Rent();
        packet.Number = space.NextNumber;
        packet.Space = space.Id;
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        int length = WriteFrames(payload, packet, level, space, now);
        if (length == 0 && least == 0)
        {
            _recovery.Return(packet);
            return 0;
        }

        if (level == EncryptionLevel.Initial && room.Length - payloadOffset - length - PacketAead.TagLength < LeastCoalesced)
        {
            // No other packet fits behind it, so that the padding that the datagram needs has to be here.
            least = room.Length;
        }

        // Padding makes the packet count as in flight (RFC 9002, 2).
        int padded = Math.Max(length, Math.Max(least - payloadOffset - PacketAead.TagLength, PacketNumber.MaxLength - numberLength));
        payload[length..padded].Clear();
        packet.IsInFlight = packet.IsAckEliciting || padded > length;
        packet.Size = payloadOffset + padded + PacketAead.TagLength;
        return Seal(datagram, offset, payloadOffset, packet, level, now) ? packet.Size : 0;
    }

    private int BeginPacket(Span<byte> room, EncryptionLevel level, PacketNumberSpace space, out int numberLength)
    {
        numberLength = PacketNumber.Length(space.NextNumber, space.LargestAcknowledged);
        bool isGreased = _isBitGreased && level != EncryptionLevel.Initial;
        return level == EncryptionLevel.Application
            ? PacketHeaderWriter.WriteShort(
                room,
                (byte)((isGreased ? 0 : HeaderBits.Fixed) | _application.KeyPhaseBit | (_isSpinSet ? HeaderBits.Spin : 0)),
                _probeDestination ?? _remoteIds.Current,
                space.NextNumber,
                numberLength)
            : PacketHeaderWriter.WriteLong(
                room,
                level switch
                {
                    EncryptionLevel.Initial => PacketType.Initial,
                    EncryptionLevel.EarlyData => PacketType.ZeroRtt,
                    _ => PacketType.Handshake,
                },
                level == EncryptionLevel.EarlyData ? _originalVersion : _version,
                setsFixedBit: !isGreased,
                _remoteIds.Current,
                SourceId,
                level == EncryptionLevel.Initial && Role == EndpointRole.Client ? _token.Span : default,
                space.NextNumber,
                numberLength);
    }

    private bool Seal(
        PacketBuffer datagram, int offset, int payloadOffset, QuicSentPacket packet, EncryptionLevel level, Timestamp now)
    {
        Span<byte> sealedPacket = datagram.Payload.Slice(offset, packet.Size);
        PacketSealer sealer = SealerOf(level);
        if (level != EncryptionLevel.Application)
        {
            PacketHeaderWriter.SetLength(sealedPacket, payloadOffset);
        }

        bool isSealed = level == EncryptionLevel.Application
            ? _application.TrySeal(sealedPacket, payloadOffset, packet.Number)
            : sealer.TrySeal(sealedPacket, payloadOffset, packet.Number);
        if (!isSealed)
        {
            _recovery.Return(packet);
            Fail(new QuicError(TransportErrorCode.AeadLimitReached, "The keys were used as often as they may be."), now);
            return false;
        }

        sealer.DeferHeader(datagram, offset, payloadOffset);
        packet.IsEcnCapable = _isDatagramCapable;
        _ecn.OnSent();
        _recovery.OnSent(packet, now);
        Statistics.PacketsSent++;
        if (packet.IsAckEliciting)
        {
            NoteElicitingSent(now);
        }

        if (level == EncryptionLevel.Handshake && Role == EndpointRole.Client)
        {
            // RFC 9001, 4.9.1.
            DiscardKeys(EncryptionLevel.Initial);
        }

        return true;
    }

    private int WriteFrames(Span<byte> payload, QuicSentPacket packet, EncryptionLevel level, PacketNumberSpace space, Timestamp now)
    {
        int written = WriteAck(payload, packet, space, now);
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
        written += _datagrams.Write(room[written..], packet, now);
        written += _streams.Write(room[written..], packet, now);
        return written;
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
            case SentFrameKind.MtuProbe:
                _mtu.OnLost((int)frame.Value, _now);
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
