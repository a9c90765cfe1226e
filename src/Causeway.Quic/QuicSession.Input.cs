using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>What arrives: datagrams, the packets in them, and the frames in those (RFC 9000, 12 and 13).</content>
internal sealed partial class QuicSession
{
    // Datagrams whose keys are not there yet, because the one that brings them is late (RFC 9001, 5.7). A flight has few.
    private const int MostWaiting = 8;

    private readonly List<(PacketBuffer Datagram, Timestamp At)> _waiting = [];
    private Timestamp _now;
    private Timestamp _heardAt;
    private ConnectionId _peerFirstId;
    private bool _hasHeard;
    private bool _keepForKeys;

    /// <inheritdoc/>
    public override void Input(PacketBuffer datagram, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (_isDisposed)
        {
            return;
        }

        NoteRun(now);
        _now = now;
        Statistics.InPackets++;
        Statistics.InBytes += datagram.Length;
        if (IsClosing || _failure is not null)
        {
            OnInputWhileClosing(datagram);
            return;
        }

        if (!IsFromPeer(datagram))
        {
            _qlog?.BytesDropped(datagram.Length, "unexpected_packet"u8, now);
            Statistics.PacketsDropped++;
            return;
        }

        NoteReceived(datagram);
        ReadPackets(datagram, now);
        Keep(datagram, now);
        if (Role == EndpointRole.Server && !_hasHeard)
        {
            // What opened the session was changed on the way, or made up: its ids and version may be anybody's.
            FailSilently(new TransportFailure(TransportFailureKind.Protocol, "The first packet could not be opened."));
            return;
        }

        DriveHandshake(now);
        ReadWaiting(now);
        _application.PrepareNextKeys();
    }

    private void ReadPackets(PacketBuffer datagram, Timestamp now)
    {
        DatagramReader reader = new(datagram.Payload, SourceId.Length, _settings.Grease);
        while (!IsClosing && _failure is null && reader.TryRead(out PacketHeader header, out Span<byte> packet))
        {
            ReadPacket(datagram, in header, packet, now);
        }

        if (reader.Left > 0 && !IsClosing && _failure is null)
        {
            Statistics.PacketsDropped++;
            _qlog?.BytesDropped(reader.Left, "header_parse_error"u8, now);
        }
    }

    private void ReadPacket(PacketBuffer datagram, in PacketHeader header, Span<byte> packet, Timestamp now)
    {
        switch (header.Type)
        {
            case PacketType.VersionNegotiation:
                OnVersionNegotiation(in header, now);
                return;
            case PacketType.Retry:
                OnRetry(in header, packet, now);
                return;
            case PacketType.OtherVersion:
                _qlog?.PacketDropped(in header, "unexpected_version"u8, now);
                Statistics.PacketsDropped++;
                return;
        }

        PacketNumberSpace space = _recovery[PacketSpaces.Of(header.Level)];
        if (space.IsDiscarded || !IsOfPeer(in header))
        {
            _qlog?.PacketDropped(in header, space.IsDiscarded ? "key_unavailable"u8 : "unexpected_source_connection_id"u8, now);
            Statistics.PacketsDropped++;
            return;
        }

        OpenStatus status;
        OpenedPacket opened;
        if (header.Type == PacketType.OneRtt)
        {
            if (!_application.CanOpen)
            {
                // 1-RTT and Handshake packets overtake what brings their keys.
                NoteUnopenable(header.Level);
                _qlog?.PacketUnopenable(in header, _keepForKeys, now);
                return;
            }

            status = _application.TryOpen(packet, header.PacketNumberOffset, space.Received.Largest, out opened);
        }
        else
        {
            bool isOther = header.Version != (header.Type == PacketType.ZeroRtt ? _originalVersion : _version);
            PacketOpener? opener = isOther ? OpenerOfOtherVersion(in header) : _openers[(int)header.Level];
            if (opener is null)
            {
                NoteUnopenable(header.Level);
                _qlog?.PacketUnopenable(in header, _keepForKeys, now);
                return;
            }

            status = opener.TryOpen(packet, header.PacketNumberOffset, space.Received.Largest, out opened);
            if (isOther && Role == EndpointRole.Client)
            {
                opener.Dispose();
                if (status == OpenStatus.Opened)
                {
                    FollowVersion(header.Version);
                }
            }
            else if (!isOther && header.Type != PacketType.ZeroRtt && status == OpenStatus.Opened)
            {
                ForgetOriginalVersion();
            }
        }

        switch (status)
        {
            case OpenStatus.Opened:
                break;
            case OpenStatus.Dropped:
                _qlog?.PacketDropped(in header, "payload_decrypt_error"u8, now);
                OnUnopened(datagram);
                return;
            case OpenStatus.LimitReached:
                Fail(new QuicError(TransportErrorCode.AeadLimitReached, "Too many packets of the peer were forged."), now);
                return;
            case OpenStatus.KeyUpdateError:
                Fail(new QuicError(TransportErrorCode.KeyUpdateError, "The peer updated its keys when it must not."), now);
                return;
            default:
                Fail(new QuicError(TransportErrorCode.ProtocolViolation, "A reserved bit of a packet's header is set."), now);
                return;
        }

        if (space.Received.IsCopy(opened.PacketNumber))
        {
            Statistics.PacketsRepeated++;
            _qlog?.PacketDropped(in header, "duplicate"u8, now);
            return;
        }

        if (_qlog is not null)
        {
            LogReceived(in header, in opened, packet, now);
        }

        OnAuthentic(in header, in opened, now);
        ReadFrames(datagram, in header, packet, in opened, space, now);
    }

    /// <summary>
    /// Whether a long header has the source id that the peer began with (RFC 9000, 7.2). A server learns it before it makes the
    /// session, a client by the first packet that it opens.
    /// </summary>
    private bool IsOfPeer(in PacketHeader header) =>
        header.Type == PacketType.OneRtt || (Role == EndpointRole.Client && !_hasHeard) || _peerFirstId.Equals(header.SourceId);

    private void NoteUnopenable(EncryptionLevel level)
    {
        bool mayCome = level switch
        {
            EncryptionLevel.Initial => false,
            EncryptionLevel.EarlyData => Role == EndpointRole.Server && !_isEarlyRefused && !IsEstablished,
            _ => !IsEstablished,
        };
        _keepForKeys |= mayCome;
        Statistics.PacketsDropped += mayCome ? 0 : 1;
    }

    private void ReadFrames(
        PacketBuffer datagram,
        in PacketHeader header,
        Span<byte> packet,
        in OpenedPacket opened,
        PacketNumberSpace space,
        Timestamp now)
    {
        FrameReader reader = new(packet.Slice(opened.PayloadOffset, opened.PayloadLength), _settings.AckFrequency, takesFec: UsesFec);
        bool isEliciting = false;
        bool isProbing = true;
        bool isSource = false;
        EndpointRole sender = Role == EndpointRole.Client ? EndpointRole.Server : EndpointRole.Client;
        while (reader.TryRead(out Frame frame))
        {
            if (!FrameRules.IsAllowed(in frame, header.Type, sender) || (isSource && !FrameRules.IsProtected(frame.Kind)))
            {
                reader.Fail(TransportErrorCode.ProtocolViolation, "a frame in a packet that must not have it");
                break;
            }

            isEliciting |= FrameRules.IsAckEliciting(frame.Kind);
            isProbing &= FrameRules.IsProbing(frame.Kind);
            if (isSource && IsHandled(frame.Kind))
            {
                continue;
            }

            isSource |= frame.Kind == FrameKind.FecSource;
            if (OnFrame(datagram, in frame, in header, in opened, space, now) is { } error)
            {
                Fail(error, now);
                return;
            }

            if (IsClosing || _failure is not null)
            {
                return;
            }
        }

        if (reader.Error != TransportErrorCode.NoError)
        {
            Fail(new QuicError(reader.Error, $"The peer sent {reader.Reason}."), now);
            return;
        }

        if (space.IsDiscarded)
        {
            // It completed the handshake: there are no keys to acknowledge it with.
            return;
        }

        bool isNewest = opened.PacketNumber > space.Received.Largest;
        if (isNewest)
        {
            FollowInHandshake(datagram);
        }

        space.Received.Add(opened.PacketNumber, isEliciting, datagram.Ecn, now);
        if (space.Id == PacketSpaceId.Application && isNewest)
        {
            _spin.OnOpened(packet[0], opened.PacketNumber);
            FollowPeer(datagram, new ConnectionId(header.DestinationId), isProbing, now);
        }

        if (_fecReceiver is not null)
        {
            ReadRebuilt(in header, in opened, space, now);
        }
    }

    /// <summary>Something with the right keys arrived: the peer lives, and knows what it has to know for them.</summary>
    private void OnAuthentic(in PacketHeader header, in OpenedPacket opened, Timestamp now)
    {
        Statistics.PacketsReceived++;
        _heardAt = now;
        NoteHeard(now);
        if (header.Level == EncryptionLevel.Initial && Role == EndpointRole.Client && !_hasHeard)
        {
            // RFC 9000, 7.2: from now on the server is addressed by the id that it chose.
            _peerFirstId = new ConnectionId(header.SourceId);
            _remoteIds.SetFirst(_peerFirstId);
        }

        _hasHeard = true;
        if (header.Level == EncryptionLevel.Handshake && Role == EndpointRole.Server)
        {
            // RFC 9000, 8.1 and RFC 9001, 4.9.1: only who got our Initial packets has these keys.
            _path.IsValidated |= Statistics.PathChanges == 0;
            _registry.OnAddressValidated(this);
            DiscardKeys(EncryptionLevel.Initial);
        }

        if (opened is { IsFirstOfGeneration: true, KeyGeneration: > 0 } && header.Level == EncryptionLevel.Application)
        {
            Statistics.KeyUpdates++;
            _discardKeysAt = now.AddMicroseconds(_recovery.ThreeProbeTimeouts);
        }
    }

    private bool CanOpen(EncryptionLevel level) =>
        level == EncryptionLevel.Application ? _application.CanOpen : _openers[(int)level] is not null;

    private void Keep(PacketBuffer datagram, Timestamp now)
    {
        if (_keepForKeys && _waiting.Count < MostWaiting && !_isDisposed)
        {
            datagram.Retain();
            _waiting.Add((datagram, now));
        }

        _keepForKeys = false;
    }

    /// <summary>
    /// Reads what came before its keys, once they are there. Not while another packet is being read, which may have brought them.
    /// </summary>
    private void ReadWaiting(Timestamp now)
    {
        while (_hasNewReadKeys)
        {
            _hasNewReadKeys = false;
            (PacketBuffer Datagram, Timestamp At)[] waiting = [.. _waiting];
            _waiting.Clear();
            foreach ((PacketBuffer datagram, _) in waiting)
            {
                if (!IsClosing && _failure is null)
                {
                    ReadPackets(datagram, now);
                    Keep(datagram, now);
                }

                datagram.Release();
            }

            DriveHandshake(now);
        }
    }

    private void ReleaseWaiting()
    {
        foreach ((PacketBuffer datagram, _) in _waiting)
        {
            datagram.Release();
        }

        _waiting.Clear();
    }
}
