using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Causeway.Protocol.Streams;
using Causeway.Resilience;
using Causeway.Runtime;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>
/// A connection to a peer over datagrams: any number of streams in either direction, reliable and in order.
/// Thread-safe.
/// </summary>
/// <remarks>
/// The kcptun profile has no handshake on the wire (docs/wire/kcptun.md 1.2): connecting always succeeds, an unreachable
/// server shows as a stream that does not move, until <see cref="TransportError.IdleTimeout"/> or
/// <see cref="TransportError.DeadLink"/> ends the connection. Two ends of Causeway tell each other when and why a connection
/// ends; a peer that is kcptun itself does not. QUIC shakes hands, and always tells.
/// </remarks>
public sealed partial class CausewayConnection : IAsyncDisposable, IDrivenSession
{
    private readonly Shard _shard;
    private readonly CausewayOptions _options;
    private readonly ILogger _log;
    private readonly Channel<CausewayStream> _accepted;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _halfClose = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _ownsShard;
    private readonly CloseItem _closeItem;
    private readonly WakeItem _wakeItem = new();
    private readonly AcceptResumption _acceptResumption;
    private readonly AnnounceItem _announceItem;
    private readonly TaskCompletionSource _usable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _establishment = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _pathLock = new();
    private readonly AnswerSource? _answerSource;
    private ClientPaths? _paths;
    private TransportException? _failure;
    private volatile byte[]? _remoteCertificate;
    private int _isAnnounced;
    private volatile EndPoint _remote;

    // Written on the shard, under the lock; read under it elsewhere, since a path is more than one word.
    private DatagramPath _path;

    internal CausewayConnection(
        Shard shard,
        TransportSession session,
        EndPoint remote,
        bool ownsShard,
        CausewayOptions options,
        ILogger log,
        AnswerSource? answerSource = null)
    {
        _shard = shard;
        _log = log;
        _options = options;
        _ownsShard = ownsShard;
        _closeItem = new CloseItem(this);
        _announceItem = new AnnounceItem(this);
        _datagramItem = new DatagramItem(this);
        Session = session;
        Statistics = new ConnectionStatistics(session);
        if (session.IsEstablished)
        {
            // An engine without a handshake.
            _usable.TrySetResult();
            _establishment.TrySetResult();
        }

        _path = new DatagramPath(session.Peer);
        _answerSource = answerSource;
        _remote = remote;
        _accepted = Channel.CreateUnbounded<CausewayStream>(new UnboundedChannelOptions
        {
            SingleWriter = true,
            AllowSynchronousContinuations = shard.ResumesInline,
        });
        _acceptResumption = new AcceptResumption(this);
        if (session.Streams.HalfClose != HalfCloseSupport.Unknown)
        {
            _halfClose.SetResult(session.Streams.HalfClose == HalfCloseSupport.Supported);
        }
    }

    /// <summary>
    /// The address that datagrams of this connection leave from. Where the listener is bound to any address, it is the one
    /// that the peer spoke to last, if the link can tell (see <see cref="DatagramPath.Local"/>).
    /// </summary>
    public EndPoint LocalEndPoint
    {
        get
        {
            if (_paths is { } paths)
            {
                return paths.LocalEndPoint;
            }

            lock (_pathLock)
            {
                return _path.Local.IsNone ? _shard.Link.LocalEndPoint : _path.Local.ToEndPoint();
            }
        }
    }

    /// <summary>The peer's address. It changes when a QUIC client moves, and has shown that it is there.</summary>
    public EndPoint RemoteEndPoint => _remote;

    /// <summary>
    /// Completes when the connection has ended, for whatever reason; never fails. See <see cref="Failure"/>.
    /// </summary>
    public Task Closed => _closed.Task;

    /// <summary>Why the connection ended, or null if it is open or was closed here.</summary>
    public TransportException? Failure => _closed.Task.IsCompleted && _failure?.Error != TransportError.ConnectionClosed ? _failure : null;

    /// <summary>Live counters.</summary>
    public ConnectionStatistics Statistics { get; }

    /// <summary>
    /// The application protocol that both ends agreed on (RFC 7301); empty with a profile that negotiates none. At a client that may
    /// send early data, before the handshake: that of the earlier connection.
    /// </summary>
    public SslApplicationProtocol NegotiatedApplicationProtocol { get; private set; }

    /// <summary>
    /// The name of the server that the client asked for (RFC 6066, 3); null if it asked for none, or the profile has no such name.
    /// </summary>
    public string? TargetHostName { get; private set; }

    /// <summary>The cipher suite of TLS 1.3 that protects the connection; null before the handshake, and with a profile without TLS.</summary>
    public TlsCipherSuite? NegotiatedCipherSuite { get; private set; }

    /// <summary>
    /// Whatever the application wants to find again from the connection. Default null, or at a listener with QUIC what the callback
    /// of <c>ServerAuthentication.ByClient</c> left.
    /// </summary>
    public object? ApplicationState
    {
        get => Session.ApplicationState;
        set => Session.ApplicationState = value;
    }

    /// <summary>Called on the shard once the peer has shown who it is; null if it has, or the profile has no handshake.</summary>
    internal Action<CausewayConnection, Timestamp>? Established { get; set; }

    /// <summary>
    /// Whether there is reason to think that the peer is gone: what was sent has had no answer for more than two seconds, or
    /// the system reported that nobody listens there. It may come back; what cannot wait should take another connection.
    /// </summary>
    public bool IsUnresponsive
    {
        get
        {
            Timestamp since = Session.WaitingSince;
            return _refusals > 0 || (!since.IsNever && _shard.Now - since > s_longestSilence);
        }
    }

    /// <summary>
    /// Opens a stream. The peer hears of it with the first write, the first read that has to wait, or a flush, and after
    /// some 100 ms if there is none of them.
    /// </summary>
    /// <exception cref="TransportException">The connection has ended, or has no stream left to give.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<CausewayStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        OpenStreamAsync(StreamDirection.Bidirectional, cancellationToken);

    /// <summary>Opens a stream on which both ends send, or this one only; see <see cref="OpenStreamAsync(CancellationToken)"/>.</summary>
    /// <remarks>
    /// With QUIC it waits while the peer allows no more streams. The kcptun profile has no unidirectional ones.
    /// </remarks>
    /// <exception cref="TransportException">The connection has ended, or has no stream left to give.</exception>
    /// <exception cref="NotSupportedException">The profile has no unidirectional streams.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<CausewayStream> OpenStreamAsync(StreamDirection direction, CancellationToken cancellationToken = default) =>
        OpenStreamAsync(direction, isReplaySafe: false, cancellationToken);

    /// <summary>
    /// The same for a stream whose data may leave before the handshake, where <c>QuicProfile.AllowsEarlyData</c> is set: somebody
    /// may record it and send it again, so that the peer may get it twice, as if on two connections. Elsewhere it is no different.
    /// </summary>
    /// <param name="direction">Whether both ends send.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="TransportException">The connection has ended, or has no stream left to give.</exception>
    /// <exception cref="NotSupportedException">The profile has no unidirectional streams.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<CausewayStream> OpenReplaySafeStreamAsync(
        StreamDirection direction = StreamDirection.Bidirectional, CancellationToken cancellationToken = default) =>
        OpenStreamAsync(direction, isReplaySafe: true, cancellationToken);

    private ValueTask<CausewayStream> OpenStreamAsync(StreamDirection direction, bool isReplaySafe, CancellationToken cancellationToken)
    {
        bool isUnidirectional = direction == StreamDirection.Unidirectional;
        if (isUnidirectional && !Session.Streams.HasUnidirectional)
        {
            throw new NotSupportedException("The profile of this connection has no unidirectional streams.");
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<CausewayStream>(cancellationToken);
        }

        return CausewayActivities.IsEnabled ? OpenTracedAsync(isUnidirectional, isReplaySafe, cancellationToken) : OpenUntracedAsync(isUnidirectional, isReplaySafe, cancellationToken);
    }

    private async ValueTask<CausewayStream> OpenTracedAsync(bool isUnidirectional, bool isReplaySafe, CancellationToken cancellationToken)
    {
        using Activity? activity = CausewayActivities.Start("causeway.stream.open", ActivityKind.Client, RemoteEndPoint);
        try
        {
            CausewayStream stream = await OpenUntracedAsync(isUnidirectional, isReplaySafe, cancellationToken).ConfigureAwait(false);
            activity?.SetTag("causeway.stream.id", stream.Id);
            return stream;
        }
        catch (Exception error)
        {
            CausewayActivities.Fail(activity, error);
            throw;
        }
    }

    private ValueTask<CausewayStream> OpenUntracedAsync(bool isUnidirectional, bool isReplaySafe, CancellationToken cancellationToken)
    {
        OpenItem item = new(this, isUnidirectional, isReplaySafe);
        _shard.Post(item);
        return item.Result.Task.IsCompleted || !cancellationToken.CanBeCanceled
            ? new ValueTask<CausewayStream>(item.Result.Task)
            : WaitForOpenAsync(item.Result, cancellationToken);

        // The open itself is cancelled, not only the wait for it: else it would leave a stream that nobody holds.
        static async ValueTask<CausewayStream> WaitForOpenAsync(
            TaskCompletionSource<CausewayStream> result, CancellationToken cancellationToken)
        {
            using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((TaskCompletionSource<CausewayStream>)state!).TrySetCanceled(token), result);
            return await result.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Waits for the next stream that the peer opens.</summary>
    /// <exception cref="TransportException">The connection has ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<CausewayStream> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        if (Session.Streams.Role == EndpointRole.Client && Interlocked.Exchange(ref _isAnnounced, 1) == 0)
        {
            _shard.Post(_announceItem);
        }

        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw NewClosedException();
        }
    }

    /// <summary>
    /// Whether a stream can be closed in one direction only. True with QUIC and between two ends of Causeway; false with a peer that
    /// is kcptun itself, for which the first end of stream closes both directions (docs/wire/kcptun.md 7.7). Known once the peer
    /// has answered.
    /// </summary>
    /// <returns>False also if the connection ends first.</returns>
    public Task<bool> SupportsHalfCloseAsync() => _halfClose.Task;

    /// <summary>
    /// Closes all streams, waits until the peer acknowledged what was written to them, at most
    /// <see cref="CausewayOptions.CloseTimeout"/>, and tells it that the connection is over. Ends at once when the peer turns
    /// out to be gone.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled: the connection is cut off at
    /// once.</exception>
    public async ValueTask CloseAsync(CancellationToken cancellationToken = default)
    {
        _shard.Post(_closeItem);
        try
        {
            await _closed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await ReleaseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The same as <see cref="CloseAsync(CancellationToken)"/>, with a code and a reason for the peer's application. The kcptun
    /// profile carries neither.
    /// </summary>
    /// <param name="errorCode">What the application protocol means by it; 0 to 2^62 - 1.</param>
    /// <param name="reason">For people; some 80 characters arrive.</param>
    /// <param name="cancellationToken">Cuts the connection off at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is out of range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask CloseAsync(long errorCode, string reason = "", CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(errorCode);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(errorCode, 1L << 62);
        ArgumentNullException.ThrowIfNull(reason);
        _closeText = reason;
        _closeCode = errorCode;
        return CloseAsync(cancellationToken);
    }

    /// <inheritdoc cref="CloseAsync(CancellationToken)"/>
    public ValueTask DisposeAsync() => CloseAsync();

    /// <summary>
    /// The certificate that the peer showed; null if it showed none, or the profile has none. The caller disposes it.
    /// </summary>
    public X509Certificate2? GetRemoteCertificate() =>
        _remoteCertificate is { } bytes ? X509CertificateLoader.LoadCertificate(bytes) : null;

    /// <inheritdoc/>
    public override string ToString() => $"{LocalEndPoint} -> {RemoteEndPoint}";

    internal TransportException NewClosedException() => _failure is { } reason
        ? reason.Clone()
        : new TransportException(TransportError.ConnectionClosed, "The connection was closed.");

    /// <summary>Ends the connection on its shard. From any thread.</summary>
    internal void Fail(TransportException reason) => _shard.Post(new AbandonItem(this, reason));

    private async ValueTask ReleaseAsync()
    {
        if (_ownsShard)
        {
            await _shard.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            Fail(new TransportException(TransportError.ConnectionClosed, "The connection was closed."));
        }

        await _closed.Task.ConfigureAwait(false);
        DropUnclaimed();
    }

    private void DropUnclaimed()
    {
        while (_accepted.Reader.TryRead(out CausewayStream? unclaimed))
        {
            unclaimed.Dispose();
        }
    }
}
