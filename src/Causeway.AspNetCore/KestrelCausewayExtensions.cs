using System.Net;
using Causeway.AspNetCore;
using Causeway.Protocol;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>End points of Kestrel on Causeway.</summary>
public static class KestrelCausewayExtensions
{
    /// <summary>
    /// Serves HTTP/1.1 and HTTP/2 over the streams of Causeway connections. <c>UseCauseway</c> must have been called on the host's builder.
    /// </summary>
    /// <remarks>
    /// The connection is encrypted by the profile, and Kestrel is not told: requests have the scheme "http", and HTTP/2 begins without
    /// negotiation. Clients are <see cref="HttpClient"/> with <see cref="Causeway.CausewayHttpConnector"/>.
    /// </remarks>
    /// <param name="options">Kestrel's options.</param>
    /// <param name="address">The address and UDP port to listen on; port 0 takes a free one.</param>
    /// <param name="profile">QUIC or another profile, with what a listener needs.</param>
    /// <param name="configure">Changes the end point: protocols, connection middleware. Null, the default, for nothing.</param>
    public static void ListenCauseway(
        this KestrelServerOptions options, IPEndPoint address, TransportProfile profile, Action<ListenOptions>? configure = null) =>
        options.ListenCauseway(new CausewayEndPoint(address, profile), configure);

    /// <inheritdoc cref="ListenCauseway(KestrelServerOptions, IPEndPoint, TransportProfile, Action{ListenOptions})"/>
    /// <param name="options">Kestrel's options.</param>
    /// <param name="endPoint">Where to listen, and how.</param>
    /// <param name="configure">Changes the end point: protocols, connection middleware. Null, the default, for nothing.</param>
    public static void ListenCauseway(this KestrelServerOptions options, CausewayEndPoint endPoint, Action<ListenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(endPoint);
        options.Listen(endPoint, configure ?? (static _ => { }));
    }
}
