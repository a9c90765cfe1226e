using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.AspNetCore.Streams;

/// <summary>Listens for streams that Kestrel serves as connections.</summary>
internal sealed class StreamTransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly CausewayTransportOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly IMemoryPoolFactory<byte>? _pools;
    private readonly ILogger _log;

    public StreamTransportFactory(
        IOptions<CausewayTransportOptions> options, ILoggerFactory loggers, IMemoryPoolFactory<byte>? pools = null)
    {
        _options = options.Value;
        _options.Validate();
        _loggers = loggers;
        _pools = pools;
        _log = loggers.CreateLogger(TransportLog.Category);
    }

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is CausewayEndPoint;

    /// <inheritdoc/>
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint is not CausewayEndPoint place)
        {
            throw new NotSupportedException($"Streams are served on a {nameof(CausewayEndPoint)}; the end point is a {endpoint.GetType().Name}.");
        }

        CausewayListenerOptions options = new()
        {
            Profile = place.Profile,
            ListenEndPoint = place.Address,
            Udp = Binding.UdpFor(place.Address),
            ConnectionBacklog = _options.Backlog,
            MaxConnections = _options.MaxConnections,
            CloseTimeout = _options.CloseTimeout,
            LoggerFactory = _loggers,
        };
        options = place.ConfigureListener?.Invoke(options) ?? options;
        CausewayListener listener = await Binding.ListenAsync(options, cancellationToken).ConfigureAwait(false);
        MemoryPool<byte> pool = _pools?.Create(new MemoryPoolOptions { Owner = "causeway" }) ?? MemoryPool<byte>.Shared;
        return new StreamListener(listener, place, _options, pool, _log);
    }
}
