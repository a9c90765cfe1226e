using Causeway.AspNetCore;
using Causeway.AspNetCore.Multiplexed;
using Causeway.AspNetCore.Streams;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts Kestrel on Causeway.</summary>
public static class WebHostBuilderCausewayExtensions
{
    /// <summary>
    /// Gives Kestrel's HTTP/3 the managed QUIC of Causeway, on end points that have <c>HttpProtocols.Http3</c> among their protocols.
    /// Certificates, SNI and client certificates come from Kestrel's configuration, as with its own transport, whose place it takes.
    /// And lets <c>ListenCauseway</c> of Kestrel's options serve HTTP/1.1 and HTTP/2 over streams.
    /// </summary>
    /// <param name="builder">The host's builder, after Kestrel was added to it.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseCauseway(this IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(static services =>
            services
            .AddSingleton<IMultiplexedConnectionListenerFactory, MultiplexedTransportFactory>()
            .AddSingleton<IConnectionListenerFactory, StreamTransportFactory>());
    }

    /// <inheritdoc cref="UseCauseway(IWebHostBuilder)"/>
    /// <param name="builder">The host's builder, after Kestrel was added to it.</param>
    /// <param name="configure">Changes the transport's options.</param>
    public static IWebHostBuilder UseCauseway(this IWebHostBuilder builder, Action<CausewayTransportOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.UseCauseway().ConfigureServices(services => services.Configure(configure));
    }
}
