using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>The handshake: bytes to and from it, keys, transport parameters, versions (RFC 9001, 4; RFC 9368).</content>
internal sealed partial class QuicSession
{
    // Microseconds: the runtime's timers are not finer (min_ack_delay of draft-ietf-quic-ack-frequency, 3).
    private const long MinAckDelay = 1000;

    private const int AckDelayExponent = 3;
    private const int MostAckRanges = 64;

    private readonly ConnectionId? _retrySourceId;
    private readonly ConnectionId _clientFirstId;
    private readonly TransportParameters _peerParameters = new();
    private PreferredAddress? _preferredAddress;
    private ReadOnlyMemory<byte> _newToken;
    private bool _hasPeerParameters;
    private bool _hasNewReadKeys;
    private ulong _bitGrease;
    private readonly AckFrequencyRequest _ackFrequency = new();
    private long _ackRequestTaken = -1;
    private SpinBit _spin;
    private bool _isDriving;
    private SessionQuestion? _question;
    private int _peerAckDelayExponent = TransportParameters.DefaultAckDelayExponent;
    private Timestamp _discardKeysAt = Timestamp.Never;

    /// <summary>The peer's transport parameters, once they are authenticated.</summary>
    public TransportParameters PeerParameters => _peerParameters;

    /// <summary>A token for a later connection to the same server; empty if none came.</summary>
    public ReadOnlyMemory<byte> LatestToken { get; private set; }

    /// <summary>What a later connection resumes by; empty if none came.</summary>
    public ReadOnlyMemory<byte> LatestTicket { get; private set; }

    /// <summary>The handshake waits for an answer of the driver; null if it does not.</summary>
    public HandshakeEventKind? Question { get; private set; }

    /// <summary>At a server: who checks the client's certificate.</summary>
    public CertificateChecker? ClientChecker { get; set; }

    /// <inheritdoc/>
    public override SessionQuestion? TakeQuestion()
    {
        SessionQuestion? question = _question;
        _question = null;
        return question;
    }

    /// <summary>The driver has answered the handshake's question.</summary>
    public void OnQuestionAnswered(Timestamp now)
    {
        Question = null;
        if (_handshake is not null)
        {
            SetTicketVersion();
        }

        DriveHandshake(now);
        ReadWaiting(now);
    }

    /// <summary>A server gives the client a token for its next connection (RFC 9000, 8.1.3).</summary>
    public void SendToken(ReadOnlyMemory<byte> token) => _newToken = token;

    private Timestamp HandshakeDeadline => IsEstablished || _settings.HandshakeTimeout == 0
        ? Timestamp.Never
        : _startedAt.AddMicroseconds(_settings.HandshakeTimeout + Statistics.StalledMicroseconds);

    private void InstallInitialKeys(in ConnectionId destinationId)
    {
        _sealers[0]?.Dispose();
        _openers[0]?.Dispose();
        InitialKeys.Create(_version, destinationId, Role, _forgeries, out PacketSealer sealer, out PacketOpener opener);
        _sealers[0] = sealer;
        _openers[0] = opener;
        LogInitialKeys();
    }

    private QuicError? OnCrypto(
        PacketBuffer datagram, int position, long offset, int length, EncryptionLevel level, Timestamp now)
    {
        CryptoStream crypto = _crypto[(int)level];
        if (!crypto.TryAdd(_cryptoSlices, _pool, datagram, position, offset, length))
        {
            return new QuicError(TransportErrorCode.CryptoBufferExceeded, "The peer sent more handshake data than can wait.");
        }

        while (_handshake is not null && crypto.TryRead(_cryptoSlices, out PacketSlice slice))
        {
            _handshake.Input(level, slice.Span, now);
            slice.Release();
            DriveHandshake(now);
        }

        return null;
    }

    /// <summary>Takes the handshake's steps, in their order.</summary>
    private void DriveHandshake(Timestamp now)
    {
        if (_handshake is null || _isDriving || IsClosing || _failure is not null)
        {
            return;
        }

        _isDriving = true;
        while (_failure is null && !IsClosing && _handshake.TryReadEvent(out HandshakeEvent step))
        {
            TakeStep(in step, now);
        }

        _isDriving = false;
    }

    private void TakeStep(in HandshakeEvent step, Timestamp now)
    {
        switch (step.Kind)
        {
            case HandshakeEventKind.Output:
                _crypto[(int)step.Level].Write(step.Bytes.Span, _pool);
                if (Role == EndpointRole.Client && step.Level == EncryptionLevel.Initial)
                {
                    _hello = [.. _hello, .. step.Bytes.Span];
                }

                break;
            case HandshakeEventKind.ReadSecret:
                SetReadSecret(in step);
                break;
            case HandshakeEventKind.WriteSecret:
                SetWriteSecret(in step);
                break;
            case HandshakeEventKind.PeerTransportParameters:
                OnPeerParameters(step.Bytes.Span, now);
                break;
            case HandshakeEventKind.ServerOptionsNeeded or HandshakeEventKind.CertificateCheckNeeded:
                Question = step.Kind;
                if (_settings.Ask is { } ask)
                {
                    _question = ask(this, step.Kind, now);
                    Question = _question is null ? null : step.Kind;
                    if (_question is null)
                    {
                        SetTicketVersion();
                    }
                }

                break;
            case HandshakeEventKind.Completed:
                OnCompleted(now);
                break;
            case HandshakeEventKind.EarlyDataAccepted:
                OnEarlyDataAccepted();
                break;
            case HandshakeEventKind.EarlyDataRejected:
                OnEarlyDataRejected(now);
                break;
            case HandshakeEventKind.TicketReceived:
                LatestTicket = step.Bytes.ToArray();
                break;
            case HandshakeEventKind.Failed:
                HandshakeFailure failure = _handshake!.Failure!;
                Fail(
                    new QuicError(failure.ErrorCode, failure.Reason),
                    now);
                break;
        }
    }

    private void SetReadSecret(in HandshakeEvent step)
    {
        switch (step.Level)
        {
            case EncryptionLevel.Application:
                _application.SetOpeningSecret(step.Suite, _version, step.Bytes.Span);
                break;
            case EncryptionLevel.EarlyData:
                // 0-RTT packets keep the version that the client began with (RFC 9369, 4.1).
                _openers[(int)step.Level] = new PacketOpener(step.Suite, _originalVersion, step.Bytes.Span, _forgeries);
                break;
            default:
                _openers[(int)step.Level] = new PacketOpener(step.Suite, _version, step.Bytes.Span, _forgeries);
                break;
        }

        _hasNewReadKeys = true;
        _qlog?.KeyInstalled(step.Level, Role == EndpointRole.Client ? EndpointRole.Server : EndpointRole.Client, _now);
    }

    private void SetWriteSecret(in HandshakeEvent step)
    {
        _qlog?.KeyInstalled(step.Level, Role, _now);
        switch (step.Level)
        {
            case EncryptionLevel.Application:
                _application.SetSealingSecret(step.Suite, _version, step.Bytes.Span);
                EndEarlyData();
                break;
            case EncryptionLevel.EarlyData:
                _sealers[(int)step.Level] = new PacketSealer(step.Suite, _version, step.Bytes.Span);
                BeginEarlyData();
                break;
            default:
                _sealers[(int)step.Level] = new PacketSealer(step.Suite, _version, step.Bytes.Span);
                _recovery.HasHandshakeKeys |= step.Level == EncryptionLevel.Handshake;
                break;
        }
    }

    private byte[] EncodeTransportParameters()
    {
        StreamLimits limits = _settings.Limits;
        TransportParameters own = new()
        {
            MaxIdleTimeout = _settings.IdleTimeout / 1000,
            MaxUdpPayloadSize = PacketPool.DefaultBufferSize - PacketPool.DefaultHeadroom,
            InitialMaxData = limits.Data,
            InitialMaxStreamDataBidirectionalLocal = limits.BidirectionalLocal,
            InitialMaxStreamDataBidirectionalRemote = limits.BidirectionalRemote,
            InitialMaxStreamDataUnidirectional = limits.Unidirectional,
            InitialMaxStreamsBidirectional = limits.BidirectionalStreams,
            InitialMaxStreamsUnidirectional = limits.UnidirectionalStreams,
            ActiveConnectionIdLimit = Paths.RemoteConnectionIds.Limit,
            InitialSourceConnectionId = SourceId,
            MaxDatagramFrameSize = _settings.MaxDatagramFrame,
            GreaseQuicBit = _settings.Grease,
            MinAckDelay = _settings.AckFrequency ? MinAckDelay : null,
            FecWindow = _settings.Fec.IsEnabled ? _settings.Fec.Window : 0,
            VersionInformation = VersionInformation.Create(_version, [.. _settings.Versions]),
        };
        if (Role == EndpointRole.Server)
        {
            own.OriginalDestinationConnectionId = _originalDestinationId;
            own.RetrySourceConnectionId = _retrySourceId;
            own.StatelessResetToken = _registry.TokenOf(SourceId);
            own.PreferredAddress = OwnPreferredAddress();
            own.DisableActiveMigration = !_settings.AllowsMigration;
        }

        _qlog?.ParametersSet(own, isLocal: true, _now);
        ulong random = 0;
        if (_settings.Grease)
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            _settings.Random(bytes);
            random = BitConverter.ToUInt64(bytes);
        }

        Span<byte> encoded = stackalloc byte[512];
        int length = TransportParameterCodec.Write(encoded, own, _settings.Grease ? random : null);
        return encoded[..length].ToArray();
    }

    private void OnPeerParameters(ReadOnlySpan<byte> encoded, Timestamp now)
    {
        EndpointRole sender = Role == EndpointRole.Client ? EndpointRole.Server : EndpointRole.Client;
        if (!TransportParameterCodec.TryRead(encoded, sender, _peerParameters, out string? error)
            || (error = CheckIds()) is not null)
        {
            Fail(new QuicError(TransportErrorCode.TransportParameterError, $"The peer sent {error}."), now);
            return;
        }

        if (!AreVersionsRight())
        {
            Fail(
                new QuicError(
                    TransportErrorCode.VersionNegotiationError, "The versions that the peer speaks of are not those on the wire."),
                now);
            return;
        }

        if (Role == EndpointRole.Server)
        {
            ChooseVersion();
        }

        _hasPeerParameters = true;
        _qlog?.ParametersSet(_peerParameters, isLocal: false, now);
        _peerAckDelayExponent = _peerParameters.AckDelayExponent;
        _recovery.PeerMaxAckDelay = _peerParameters.MaxAckDelay * 1000L;
        if (_settings.AckFrequency && _peerParameters.MinAckDelay is { } least)
        {
            _ackFrequency.Begin(least, _recovery.PeerMaxAckDelay);
        }

        AgreeOnFec();
        _streams.OnPeerLimits(LimitsOf(_peerParameters));
        _mtu.Limit(_peerParameters.MaxUdpPayloadSize);
        _datagrams.PeerLimit = (int)Math.Min(_peerParameters.MaxDatagramFrameSize, int.MaxValue);
        if (_peerParameters.GreaseQuicBit && _settings.Grease)
        {
            Span<byte> random = stackalloc byte[sizeof(ulong)];
            _settings.Random(random);
            _bitGrease = BitConverter.ToUInt64(random) | 1;
        }

        if (_peerParameters.StatelessResetToken is { } token)
        {
            _remoteIds.SetFirstToken(token);
        }

        if (_peerParameters.PreferredAddress is { } preferred)
        {
            _remoteIds.AddPreferred(preferred.ConnectionId, preferred.ResetToken);
        }
    }

    /// <summary>The connection ids that both saw on the wire have to be those that the handshake authenticates (RFC 9000, 7.3).</summary>
    private string? CheckIds()
    {
        if (_peerParameters.InitialSourceConnectionId != _remoteIds.Current)
        {
            return "an initial_source_connection_id that is not the one on the wire";
        }

        if (Role == EndpointRole.Server)
        {
            return null;
        }

        if (_peerParameters.OriginalDestinationConnectionId != _originalDestinationId)
        {
            return "an original_destination_connection_id that is not the one on the wire";
        }

        return _peerParameters.RetrySourceConnectionId != _retryId
            ? "a retry_source_connection_id that is not the one on the wire"
            : null;
    }

    private void OnCompleted(Timestamp now)
    {
        _isEstablished = true;
        _applicationProtocol = _handshake!.ApplicationProtocol;
        _qlog?.HandshakeCompleted(_applicationProtocol.Span, Statistics.CipherSuite, now);
        CheckRememberedLimits(now);
        _localIds.SetLimit(_peerParameters.ActiveConnectionIdLimit);
        Statistics.HandshakeMicroseconds = now.MicrosecondsSince(_startedAt);
        if (Role == EndpointRole.Server)
        {
            // RFC 9001, 4.1.2: a server's handshake is confirmed when it is complete.
            _isHandshakeDoneDue = true;
            _registry.OnHandshakeOver(this);
            if (!_path.IsValidated)
            {
                Challenge(_path, now);
            }

            _newToken = _registry.NewToken(_version, _path.Address.Remote, now);
            Confirm();
        }
    }

    private QuicError? OnHandshakeDone(PacketBuffer datagram, Timestamp now)
    {
        if (!IsEstablished)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The server confirmed a handshake that is not complete.");
        }

        Confirm();
        MoveToPreferredAddress(datagram, now);
        return null;
    }

    private void Confirm()
    {
        if (_recovery.IsConfirmed)
        {
            return;
        }

        _recovery.IsConfirmed = true;
        _recovery.IsAddressValidatedByPeer = true;
        _application.OnHandshakeConfirmed();
        _hello = [];

        // RFC 9001, 4.9.2.
        DiscardKeys(EncryptionLevel.Initial);
        DiscardKeys(EncryptionLevel.Handshake);
    }

    private void DiscardKeys(EncryptionLevel level)
    {
        PacketSpaceId id = PacketSpaces.Of(level);
        if (_recovery[id].IsDiscarded)
        {
            return;
        }

        // Headers of packets that are in the batch were not protected yet.
        _sealers[(int)level]?.FlushHeaders();
        _sealers[(int)level]?.Dispose();
        _sealers[(int)level] = null;
        _openers[(int)level]?.Dispose();
        _openers[(int)level] = null;
        _recovery.Discard(id);
        _qlog?.KeysDiscarded(level, -1, _now);
        _crypto[(int)level].Clear(_cryptoSlices);
        if (level == EncryptionLevel.Initial)
        {
            ForgetOriginalVersion();
        }
    }

    private static StreamLimits LimitsOf(TransportParameters parameters) => new()
    {
        Data = parameters.InitialMaxData,
        BidirectionalLocal = parameters.InitialMaxStreamDataBidirectionalLocal,
        BidirectionalRemote = parameters.InitialMaxStreamDataBidirectionalRemote,
        Unidirectional = parameters.InitialMaxStreamDataUnidirectional,
        BidirectionalStreams = parameters.InitialMaxStreamsBidirectional,
        UnidirectionalStreams = parameters.InitialMaxStreamsUnidirectional,
    };

    // RFC 9000, 17.4: one path in sixteen does not spin, so that those are not conspicuous whose owners want none.
    private SpinBit NewSpinBit()
    {
        Span<byte> random = stackalloc byte[1];
        _settings.Random(random);
        return new SpinBit(Role, isEnabled: _settings.SpinBit && (random[0] & 0x0f) != 0, random: (random[0] & 0x80) != 0);
    }
}
