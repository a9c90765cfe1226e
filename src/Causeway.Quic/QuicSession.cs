using System.Net.Security;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;
using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// One QUIC connection (RFC 9000), without I/O: packets, keys, handshake, loss recovery, streams and paths put together.
/// </summary>
/// <remarks>
/// <code>
/// Handshake --handshake complete--> Open --close--> Closing --answered, or three probe timeouts--> Drained
/// any --the peer's close, a stateless reset, or silence--> Drained
/// </code>
/// </remarks>
internal sealed partial class QuicSession : TransportSession, ISentFrameOwner
{
    private readonly QuicSettings _settings;
    private readonly IConnectionIdRegistry _registry;
    private readonly PacketPool _pool;
    private readonly SliceSlab _cryptoSlices = new();
    private readonly CryptoStream[] _crypto = [new(), new(), new(), new()];
    private readonly ForgeryCount _forgeries = new();
    private readonly PacketSealer?[] _sealers = new PacketSealer?[3];
    private readonly PacketOpener?[] _openers = new PacketOpener?[3];
    private readonly ApplicationKeys _application;
    private readonly LocalConnectionIds _localIds;
    private readonly RemoteConnectionIds _remoteIds;
    private readonly MtuDiscovery _mtu;
    private readonly Timestamp _startedAt;
    private IHandshake? _handshake;
    private ConnectionId _originalDestinationId;
    private ReadOnlyMemory<byte> _applicationProtocol;
    private bool _isEstablished;
    private bool _isDisposed;

    /// <summary>Makes a session.</summary>
    /// <param name="role">Which end it is.</param>
    /// <param name="settings">What it has in common with others.</param>
    /// <param name="registry">Where its connection ids are found.</param>
    /// <param name="opening">What the first datagram, or the client's choice, gives.</param>
    /// <param name="now">The time.</param>
    public QuicSession(
        EndpointRole role, QuicSettings settings, IConnectionIdRegistry registry, in QuicOpening opening, Timestamp now)
        : base(role)
    {
        _settings = settings;
        _registry = registry;
        _pool = settings.Link.Pool;
        _startedAt = now;
        _run.OnRun(now);
        _application = new ApplicationKeys(_forgeries, settings.KeyLimits);
        _version = opening.Version;
        _originalVersion = opening.Version;
        _originalDestinationId = opening.OriginalDestinationId;
        _retrySourceId = opening.RetrySourceId;
        _token = opening.Token;
        _mtu = new MtuDiscovery(settings.Link.MaxDatagramSize);
        CongestionController controller = settings.CongestionControl(
            Math.Max(settings.Link.MaxDatagramSize, QuicLimits.MinInitialDatagramSize));
        _recovery = new LossRecovery(role, controller, this, QuicLimits.MinInitialDatagramSize);
        if (controller.AnswersMarks)
        {
            _ecn.Begin();
        }

        _streams = new QuicStreams(role, settings.Limits, _pool) { DefaultErrorCode = settings.DefaultStreamErrorCode };
        _path = new QuicPath(opening.Path) { IsValidated = role == EndpointRole.Client || opening.IsAddressValidated };
        _spin = NewSpinBit();
        ConnectionId ownId = registry.Add(this);
        SourceId = ownId;
        _localIds = new LocalConnectionIds(this, registry, ownId);
        _remoteIds = new RemoteConnectionIds(
            this, registry, role == EndpointRole.Client ? opening.DestinationId : opening.SourceId);
        Statistics = new QuicStatistics(this);
        _datagrams = new DatagramQueues(settings.DatagramQueue);
        OpenQlog(in opening, now);
        InstallInitialKeys(opening.DestinationId);
        if (role == EndpointRole.Server)
        {
            _clientFirstId = opening.DestinationId;
            _peerFirstId = opening.SourceId;

            // For as long as the session lives: a copy of the first packet must not begin another one.
            registry.Add(_clientFirstId, this);
        }

        _handshake = settings.Handshake(role);
        _handshake.LocalTransportParameters = EncodeTransportParameters();
        SetTicketVersion();
        _idleSince = now;
        _handshake.Start(now);
        if (role == EndpointRole.Client)
        {
            _recovery.NoteAntiDeadlock(now);
        }

        DriveHandshake(now);
    }

    /// <inheritdoc/>
    public override uint RoutingId => (uint)SourceId.GetHashCode();

    /// <inheritdoc/>
    public override QuicStreams Streams => _streams;

    /// <inheritdoc/>
    public override QuicStatistics Statistics { get; }

    /// <inheritdoc/>
    public override TransportFailure? Failure => _failure;

    /// <inheritdoc/>
    public override bool IsIdle => !_streams.HasOutput && _recovery[PacketSpaceId.Application].ElicitingInFlight == 0;

    /// <inheritdoc/>
    /// <remarks>When the handshake is complete (RFC 9001, 4.1.1).</remarks>
    public override bool IsEstablished => _isEstablished;

    /// <summary>Whether the handshake is confirmed (RFC 9001, 4.1.2).</summary>
    public bool IsConfirmed => _recovery.IsConfirmed;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> ApplicationProtocol => _applicationProtocol;

    /// <inheritdoc/>
    public override string? ServerName => _handshake?.ServerName;

    /// <inheritdoc/>
    public override TlsCipherSuite? CipherSuite =>
        _handshake?.Suite is { } suite and not Causeway.Quic.Handshake.CipherSuite.None ? (TlsCipherSuite)suite : null;

    /// <inheritdoc/>
    public override IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates => _handshake?.PeerCertificates ?? [];

    /// <inheritdoc/>
    public override int MaxMessageLength => MaxDatagramLength;

    /// <inheritdoc/>
    public override bool TrySendMessage(ReadOnlySpan<byte> bytes, Timestamp deadline) => TrySendDatagram(bytes, deadline);

    /// <inheritdoc/>
    public override bool TryReadMessage(out PacketSlice bytes) => TryReceiveDatagram(out bytes);

    /// <summary>The version that is spoken.</summary>
    public QuicVersion Version => _version;

    /// <summary>The connection id by which this end asked to be addressed in the handshake.</summary>
    public ConnectionId SourceId { get; }

    /// <summary>Loss recovery, for its state.</summary>
    internal LossRecovery Recovery => _recovery;

    /// <summary>The handshake, while it exists, for who answers its questions.</summary>
    internal IHandshake? Handshake => _handshake;

    /// <summary>Bytes of the largest datagram that is sent at present.</summary>
    internal int DatagramSize => _mtu.Size;

    /// <inheritdoc/>
    public override Timestamp WaitingSince =>
        _recovery[PacketSpaceId.Application].ElicitingInFlight > 0 || !IsEstablished
            ? Timestamp.Max(_heardAt, _unansweredSince)
            : Timestamp.Never;

    /// <inheritdoc/>
    public override Timestamp NextDeadline
    {
        get
        {
            if (_failure is not null && !IsClosing)
            {
                return Timestamp.Never;
            }

            if (IsClosing)
            {
                return IsDrained ? Timestamp.Never : _drainedAt;
            }

            Timestamp due = Timestamp.Min(IdleDeadline, HandshakeDeadline);
            due = Timestamp.Min(due, Timestamp.Min(_discardKeysAt, PathDeadline));
            due = Timestamp.Min(due, Timestamp.Min(_datagrams.NextDeadline, SourcesExpireAt));
            return IsAmplificationBlocked ? due : Timestamp.Min(due, SendDeadline);
        }
    }

    // When something is to be sent again, or acknowledged, or may leave.
    private Timestamp SendDeadline
    {
        get
        {
            Timestamp due = Timestamp.Min(_recovery.Deadline, KeepAliveDeadline);
            due = Timestamp.Min(due, _fecSender?.DueAt ?? Timestamp.Never);
            due = Timestamp.Min(due, _recovery[PacketSpaceId.Initial].Received.DueAt);
            due = Timestamp.Min(due, _recovery[PacketSpaceId.Handshake].Received.DueAt);
            due = Timestamp.Min(due, _recovery[PacketSpaceId.Application].Received.DueAt);
            return _hasHeldBack ? Timestamp.Min(due, _recovery.PacedUntil) : due;
        }
    }

    /// <inheritdoc/>
    public override void Probe() => _streams.IsPingRequested = true;

    /// <inheritdoc/>
    public override bool IsNamedBy(PacketBuffer datagram) =>
        InvariantHeader.TryRead(datagram.Payload, SourceId.Length, out InvariantHeader header)
        && SourceId.Equals(header.DestinationId);

    /// <inheritdoc/>
    public override void Deliver(Timestamp now)
    {
        // Streams hand out what arrived as it arrives.
        _streams.RoundTripMicroseconds = _recovery.Rtt.HasSample ? _recovery.Rtt.Smoothed : 0;
        if (!IsClosing && _failure is null)
        {
            CheckTimers(now);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || _isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _qlog?.Dispose();
        _streams.Dispose();
        _datagrams.Dispose();
        DisposeFec();
        foreach (CryptoStream stream in _crypto)
        {
            stream.Clear(_cryptoSlices);
        }

        _cryptoSlices.ReleaseAll();
        ReleaseWaiting();
        _handshake?.Dispose();
        _application.Dispose();
        foreach (PacketSealer? sealer in _sealers)
        {
            sealer?.Dispose();
        }

        foreach (PacketOpener? opener in _openers)
        {
            opener?.Dispose();
        }

        ForgetOriginalVersion();

        _localIds.Clear();
        _remoteIds.Clear();
        if (!_clientFirstId.IsEmpty)
        {
            _registry.Remove(_clientFirstId, this);
            _registry.OnHandshakeOver(this);
        }
    }
}

/// <summary>How a connection begins: the client's choices, or the first datagram's header.</summary>
internal readonly record struct QuicOpening
{
    /// <summary>The version of the first packet.</summary>
    public required QuicVersion Version { get; init; }

    /// <summary>The destination id of the client's Initial packets, after a Retry the one that this gave.</summary>
    public required ConnectionId DestinationId { get; init; }

    /// <summary>The destination id of the client's very first packet.</summary>
    public ConnectionId OriginalDestinationId { get; init; }

    /// <summary>At a server: the client's own id.</summary>
    public ConnectionId SourceId { get; init; }

    /// <summary>At a server that sent a Retry: the id that it gave.</summary>
    public ConnectionId? RetrySourceId { get; init; }

    /// <summary>At a client: a token of an earlier connection (NEW_TOKEN), or empty.</summary>
    public ReadOnlyMemory<byte> Token { get; init; }

    /// <summary>The way to the peer.</summary>
    public DatagramPath Path { get; init; }

    /// <summary>Whether a token has shown that the client's address is real.</summary>
    public bool IsAddressValidated { get; init; }
}
