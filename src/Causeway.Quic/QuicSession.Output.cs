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

        ReleaseRepairs();
        bool isLimited = false;
        while (!batch.IsFull && TryWriteDatagram(batch, now, out isLimited))
        {
        }

        FlushHeaders();
        bool isFull = batch.IsFull && HasOutput(now, out isLimited);
        _hasHeldBack = isLimited && _recovery.IsPaced;
        NoteHeldBack(isLimited, now);
        _recovery.OnFlushed(hadRoom: !isFull && !isLimited, isLimited, now);
        return isFull;
    }

    private EncryptionLevel LevelOf(int index) => index switch
    {
        0 => EncryptionLevel.Initial,
        1 => EncryptionLevel.Handshake,
        _ => SealsEarly ? EncryptionLevel.EarlyData : EncryptionLevel.Application,
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

            // A client's probe in the handshake fills a datagram as well: a NAT may have changed its address, whose worth to the
            // server is three times what comes from there.
            isInitialEliciting |= level == EncryptionLevel.Initial
                || (level == EncryptionLevel.Handshake && Role == EndpointRole.Client && _recovery[PacketSpaceId.Handshake].Probes > 0);

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
        || _newToken.Length > 0 || _ackFrequency.IsDue || _datagrams.HasOutput(now)
        || IsRepairDue(now);

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
        // RFC 9287, 3.1: a value that nobody can foresee, where the peer allows it.
        bool isGreased = level != EncryptionLevel.Initial && ((ulong)(space.NextNumber + 1) * _bitGrease) >> 63 != 0;
        return level == EncryptionLevel.Application
            ? PacketHeaderWriter.WriteShort(
                room,
                (byte)((isGreased ? 0 : HeaderBits.Fixed) | _application.KeyPhaseBit | _spin.Bit),
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

        _qlog?.PacketSent(sealedPacket, payloadOffset, packet, level, now);
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
}
