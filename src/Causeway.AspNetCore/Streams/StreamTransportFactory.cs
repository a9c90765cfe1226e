using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.AspNetCore.Streams;

/// <summary>Listens for streams that Kestrel serves as connections.</summary>
internal sealed class StreamTransportFactory(
    IOptions<CausewayTransportOptions> options, ILoggerFactory loggers, IMemoryPoolFactory<byte>? pools = null)
    : TransportFactory(options, loggers, pools), IConnectionListenerFactory, IConnectionListenerFactorySelector
{
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

        CausewayListenerOptions listening = NewListenerOptions(place.Profile, place.Address);
        listening = place.ConfigureListener?.Invoke(listening) ?? listening;
        CausewayListener listener = await ListenAsync(listening, cancellationToken).ConfigureAwait(false);
        return new StreamListener(listener, place, Options, NewPool(), Log);
    }
}
