using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Causeway.Links;
using Microsoft.AspNetCore.Connections;

namespace Causeway.AspNetCore;

/// <summary>Opens listeners, and fails as Kestrel expects of a transport.</summary>
internal static class Binding
{
    /// <summary>Kestrel's any-address, that of "https://*:443", is IPv6's and means both.</summary>
    public static UdpLinkOptions UdpFor(IPEndPoint address) => new() { DualMode = address.Address.Equals(IPAddress.IPv6Any) };

    /// <exception cref="AddressInUseException">Somebody else has the port.</exception>
    /// <exception cref="SocketException">The address is not available.</exception>
    public static async ValueTask<CausewayListener> ListenAsync(CausewayListenerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await CausewayListener.ListenAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
        {
            throw new AddressInUseException(error.Message, error);
        }
        catch (TransportException error) when (error.InnerException is SocketException unavailable)
        {
            // For "localhost" Kestrel does with one of IPv4 and IPv6, and an IOException would end it.
            ExceptionDispatchInfo.Throw(unavailable);
            throw;
        }
    }
}
