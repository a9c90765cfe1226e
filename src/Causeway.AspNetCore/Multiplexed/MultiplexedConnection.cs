using System.Buffers;
using System.Net;
using Causeway.AspNetCore.Contexts;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Multiplexed;

/// <summary>
/// A QUIC connection as Kestrel's HTTP/3 sees it. It exists from the ClientHello on, since Kestrel's TLS callback is told of it; the
/// connection comes when the handshake is complete.
/// </summary>
internal sealed partial class MultiplexedConnection : MultiplexedConnectionContext
{
    private readonly Lock _gate = new();
    private readonly CausewayTransportOptions _options;
    private readonly ILogger _log;
    private readonly ContextFeatures _features;
    private readonly StreamContextPool _streams;
    private readonly CancellationTokenSource _closed = new();
    private CausewayConnection? _connection;
    private ConnectionAbortedException? _abortReason;
    private Task? _closing;
    private IDictionary<object, object?>? _items;
    private CancellationToken? _replacedClosed;

    public MultiplexedConnection(CausewayTransportOptions options, MemoryPool<byte> pool, EndPoint local, EndPoint remote, string? serverName, ILogger log)
    {
        _options = options;
        _log = log;
        MemoryPool = pool;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        HostName = serverName ?? "";
        _features = new ContextFeatures(this, s_features);
        _streams = new StreamContextPool(this, pool, options.DefaultStreamErrorCode, log);
    }

    /// <inheritdoc/>
    public override string ConnectionId { get; set; } = ConnectionIds.Next();

    /// <inheritdoc/>
    public override IFeatureCollection Features => _features;

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed
    {
        get => _replacedClosed ?? _closed.Token;
        set => _replacedClosed = value;
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; set; }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; set; }

    /// <summary>The handshake is complete.</summary>
    public void Attach(CausewayConnection connection)
    {
        _connection = connection;
        LocalEndPoint = connection.LocalEndPoint;
        RemoteEndPoint = connection.RemoteEndPoint;
        TransportLog.ConnectionAccepted(_log, ConnectionId, RemoteEndPoint);
        _ = WatchAsync(connection);
    }

    /// <inheritdoc/>
    public override async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return _streams.Take(await Connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Kestrel wants no more streams for now, or closes.
            ThrowIfAborted();
            return null;
        }
        catch (TransportException error)
        {
            ThrowIfAborted();
            throw ToFailure(error);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<ConnectionContext> ConnectAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        StreamDirection direction = features?.Get<IStreamDirectionFeature>() is { CanRead: false }
            ? StreamDirection.Unidirectional
            : StreamDirection.Bidirectional;
        try
        {
            return _streams.Take(await Connection.OpenStreamAsync(direction, cancellationToken).ConfigureAwait(false));
        }
        catch (TransportException error)
        {
            ThrowIfAborted();
            throw ToFailure(error);
        }
    }

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted by the application."));

    /// <summary>
    /// Ends the connection with Kestrel's code. Kestrel does so at the end of a connection that went well, too: what its streams have
    /// written before is delivered first, within <see cref="CausewayTransportOptions.CloseTimeout"/>.
    /// </summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        lock (_gate)
        {
            if (_abortReason is not null || _connection is null)
            {
                return;
            }

            _abortReason = abortReason;
            TransportLog.ConnectionAbort(_log, ConnectionId, ErrorCodeOrDefault, abortReason.Message);
            _closing ??= CloseAsync(ErrorCodeOrDefault);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_connection is null)
        {
            return;
        }

        Task closing;
        lock (_gate)
        {
            closing = _closing ??= CloseAsync(ErrorCodeOrDefault);
        }

        await closing.ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void ThrowIfAborted()
    {
        lock (_gate)
        {
            if (_abortReason is { } reason)
            {
                throw new ConnectionAbortedException(reason.Message, reason);
            }
        }
    }

    private Exception ToFailure(TransportException error)
    {
        if (error.Error == TransportError.ConnectionClosed)
        {
            return new ConnectionAbortedException(error.Message, error);
        }

        if (error is { IsByPeer: true, IsApplicationError: true, ErrorCode: { } code })
        {
            _error = code;
        }

        return new ConnectionResetException(error.Message, error);
    }

    private long ErrorCodeOrDefault => _error ?? _options.DefaultCloseErrorCode;

    private async Task CloseAsync(long errorCode)
    {
        // Its callers hold the lock, and closing may run a turn of the connection on this thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await Connection.CloseAsync(errorCode).ConfigureAwait(false);
    }

    private async Task WatchAsync(CausewayConnection connection)
    {
        await connection.Closed.ConfigureAwait(false);
        if (connection.Failure is { } failure)
        {
            TransportLog.ConnectionEnded(_log, ConnectionId, failure.Message);
        }

        try
        {
            await _closed.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException error)
        {
            TransportLog.CallbackFailed(_log, ConnectionId, error);
        }
    }
}
