using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>Addresses as log lines show them.</summary>
internal static class AddressText
{
    /// <summary>The other end of a socket; without the IPv6 clothes of an IPv4 address that came to a socket for both.</summary>
    public static string Remote(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint switch
            {
                IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip => new IPEndPoint(ip.Address.MapToIPv4(), ip.Port).ToString(),
                { } other when other.ToString() is { Length: > 0 } text => text,
                _ => "@",
            };
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return "?";
        }
    }

    /// <summary>The peer of a stream, and its number in parentheses.</summary>
    public static string Of(CausewayStream stream) =>
        string.Create(CultureInfo.InvariantCulture, $"{stream.Connection.RemoteEndPoint}({stream.Id})");
}
