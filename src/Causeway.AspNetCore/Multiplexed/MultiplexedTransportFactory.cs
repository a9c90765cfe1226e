using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Causeway.Quic;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.AspNetCore.Multiplexed;

/// <summary>Listens for Kestrel's HTTP/3, with the certificates that Kestrel was configured with.</summary>
internal sealed class MultiplexedTransportFactory(
    IOptions<CausewayTransportOptions> options, ILoggerFactory loggers, IMemoryPoolFactory<byte>? pools = null)
    : TransportFactory(options, loggers, pools), IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    /// <inheritdoc/>
    public async ValueTask<IMultiplexedConnectionListener> BindAsync(
        EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint is not IPEndPoint address)
        {
            throw new NotSupportedException($"HTTP/3 listens on an IP address and port; the end point is a {endpoint.GetType().Name}.");
        }

        MemoryPool<byte> pool = NewPool();
        BoundPlace place = new() { EndPoint = address };
        QuicProfile profile = new()
        {
            MaxInboundBidirectionalStreams = Options.MaxBidirectionalStreamCount,
            MaxInboundUnidirectionalStreams = Options.MaxUnidirectionalStreamCount,
            DefaultStreamErrorCode = Options.DefaultStreamErrorCode,
            ServerAuthentication = features?.Get<TlsConnectionCallbackOptions>() is { } tls ? Authenticate(tls, place, pool) : null,
        };
        profile = Options.ConfigureProfile?.Invoke(profile) ?? profile;
        if (profile.ServerAuthentication is null)
        {
            throw new InvalidOperationException(
                "HTTP/3 needs TLS, and Kestrel gave no options for it: call UseHttps() on the end point, or set ServerAuthentication in "
                + $"{nameof(CausewayTransportOptions)}.{nameof(CausewayTransportOptions.ConfigureProfile)}.");
        }

        CausewayListenerOptions listening = NewListenerOptions(profile, address) with
        {
            StreamBacklog = Options.MaxBidirectionalStreamCount + Options.MaxUnidirectionalStreamCount,
        };
        listening = Options.ConfigureListener?.Invoke(listening) ?? listening;
        CausewayListener listener = await ListenAsync(listening, cancellationToken).ConfigureAwait(false);
        place.EndPoint = listener.LocalEndPoint;
        return new MultiplexedListener(listener, Options, pool, Log);
    }

    // Kestrel's callback is told of the connection before its handshake: it is made here, and found again when it is accepted.
    private ServerAuthentication Authenticate(TlsConnectionCallbackOptions tls, BoundPlace place, MemoryPool<byte> pool)
    {
        if (tls.ApplicationProtocols is not { Count: > 0 } protocols)
        {
            throw new InvalidOperationException("Kestrel named no application protocols for the end point.");
        }

        return ServerAuthentication.ByClient(async (hello, cancellationToken) =>
        {
            MultiplexedConnection connection = new(Options, pool, place.EndPoint, hello.RemoteEndPoint, hello.ServerName, Log);
            hello.ApplicationState = connection;
            try
            {
                return await tls.OnConnection(
                    new TlsConnectionCallbackContext
                    {
                        ClientHelloInfo = new SslClientHelloInfo(hello.ServerName ?? "", SslProtocols.Tls13),
                        State = tls.OnConnectionState,
                        Connection = connection,
                    },
                    cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                TransportLog.NoTlsOptions(Log, hello.RemoteEndPoint, hello.ServerName, error);
                throw;
            }
        }).WithApplicationProtocols(protocols);
    }

    /// <summary>Where the listener is, known once it listens: its port may be one that the system chooses.</summary>
    private sealed class BoundPlace
    {
        public required EndPoint EndPoint { get; set; }
    }
}
