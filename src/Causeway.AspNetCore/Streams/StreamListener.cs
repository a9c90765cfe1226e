using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Causeway.AspNetCore.Contexts;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Streams;

/// <summary>Accepts connections, accepts their streams, and hands the streams to Kestrel.</summary>
internal sealed class StreamListener : IConnectionListener
{
    private readonly CausewayListener _listener;
    private readonly CausewayTransportOptions _options;
    private readonly MemoryPool<byte> _pool;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<CausewayConnection, Task> _connections = new();
    private readonly CancellationTokenSource _unbound = new();
    private readonly Channel<ConnectionContext> _streams;
    private readonly Task _accepting;
    private bool _isDisposed;

    public StreamListener(
        CausewayListener listener, CausewayEndPoint endPoint, CausewayTransportOptions options, MemoryPool<byte> pool, ILogger log)
    {
        _listener = listener;
        _options = options;
        _pool = pool;
        _log = log;
        EndPoint = new CausewayEndPoint((IPEndPoint)listener.LocalEndPoint, endPoint.Profile);

        // What Kestrel does not take fast enough waits in the connections, whose backlog refuses more.
        _streams = Channel.CreateBounded<ConnectionContext>(new BoundedChannelOptions(options.Backlog));
        _accepting = AcceptConnectionsAsync();
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    /// <inheritdoc/>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _streams.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    /// <summary>Takes no more connections and no more streams; Kestrel closes those that are open in the meantime.</summary>
    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _listener.StopAccepting();
        await _unbound.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(_connections.Values).ConfigureAwait(false);
        _streams.Writer.TryComplete();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        await UnbindAsync().ConfigureAwait(false);
        while (_streams.Reader.TryRead(out ConnectionContext? unclaimed))
        {
            await unclaimed.DisposeAsync().ConfigureAwait(false);
        }

        // Kestrel has ended the streams; what they have written last may still be under way.
        await Task.WhenAll(_connections.Keys.Select(static connection => connection.CloseAsync().AsTask())).ConfigureAwait(false);
        await _listener.DisposeAsync().ConfigureAwait(false);
        _unbound.Dispose();
        _pool.Dispose();
    }

    private async Task AcceptConnectionsAsync()
    {
        try
        {
            while (true)
            {
                CausewayConnection connection = await _listener.AcceptConnectionAsync(_unbound.Token).ConfigureAwait(false);
                StreamConnection context = new(connection);
                TransportLog.ConnectionAccepted(_log, context.ConnectionId, context.RemoteEndPoint);
                _connections.TryAdd(connection, AcceptStreamsAsync(connection, context));
                _ = ForgetAsync(connection);
            }
        }
        catch (TransportException)
        {
            // The listener was closed, or its link failed, which it has logged.
        }
        catch (OperationCanceledException)
        {
            // Kestrel wants no more.
        }
    }

    private async Task ForgetAsync(CausewayConnection connection)
    {
        await connection.Closed.ConfigureAwait(false);
        await connection.DisposeAsync().ConfigureAwait(false);
        _connections.TryRemove(connection, out _);
    }

    private async Task AcceptStreamsAsync(CausewayConnection connection, StreamConnection around)
    {
        try
        {
            while (true)
            {
                CausewayStream stream = await connection.AcceptStreamAsync(_unbound.Token).ConfigureAwait(false);
                if (!stream.CanRead || !stream.CanWrite)
                {
                    // HTTP needs both directions.
                    stream.Abort();
                    continue;
                }

                StreamContext context = new(around, _pool, _options.DefaultStreamErrorCode, _log);
                context.Attach(stream);
                await _streams.Writer.WriteAsync(context, _unbound.Token).ConfigureAwait(false);
            }
        }
        catch (TransportException error)
        {
            TransportLog.ConnectionEnded(_log, around.ConnectionId, error.Message);
        }
        catch (OperationCanceledException)
        {
            // Kestrel wants no more. A stream that was on the way to it goes down with the connection.
        }
    }
}
