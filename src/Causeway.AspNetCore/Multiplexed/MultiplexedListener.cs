using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Multiplexed;

/// <summary>Hands the connections of a listener to Kestrel.</summary>
internal sealed class MultiplexedListener(CausewayListener listener, CausewayTransportOptions options, MemoryPool<byte> pool, ILogger log)
    : IMultiplexedConnectionListener
{
    /// <inheritdoc/>
    public EndPoint EndPoint => listener.LocalEndPoint;

    /// <inheritdoc/>
    public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        try
        {
            CausewayConnection connection = await listener.AcceptConnectionAsync(cancellationToken).ConfigureAwait(false);
            MultiplexedConnection context = connection.ApplicationState as MultiplexedConnection
                ?? new MultiplexedConnection(options, pool, connection.LocalEndPoint, connection.RemoteEndPoint, connection.TargetHostName, log);

            // From now on the place is the application's.
            connection.ApplicationState = null;
            context.Attach(connection);
            return context;
        }
        catch (TransportException closed) when (closed.Error == TransportError.ConnectionClosed)
        {
            return null;
        }
    }

    /// <summary>Takes no more connections; Kestrel closes those that are open in the meantime.</summary>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        listener.StopAccepting();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await listener.DisposeAsync().ConfigureAwait(false);
        pool.Dispose();
    }
}
