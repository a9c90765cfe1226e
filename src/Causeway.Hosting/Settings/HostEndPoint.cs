using System.Globalization;
using System.Net;

namespace Causeway.Hosting;

/// <summary>Reads "host:port".</summary>
internal static class HostEndPoint
{
    private const string Setting = nameof(CausewayEndSettings.EndPoint);

    /// <summary>An address to listen on, and whether it stands for those of IPv4 and IPv6.</summary>
    /// <exception cref="SettingsException">It is not one.</exception>
    public static (IPEndPoint EndPoint, bool IsAny) ForListener(string text)
    {
        (string host, int port) = Split(text, leastPort: 0);
        return host switch
        {
            "*" or "" => (new IPEndPoint(System.Net.Sockets.Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port), true),
            "localhost" => (new IPEndPoint(IPAddress.Loopback, port), false),
            _ when IPAddress.TryParse(host, out IPAddress? address) => (new IPEndPoint(address, port), false),
            _ => throw new SettingsException($"{Setting} is \"{text}\"; a listener needs an address of this machine, or * for all, and a port."),
        };
    }

    /// <summary>A server.</summary>
    /// <exception cref="SettingsException">It is not one.</exception>
    public static EndPoint ForClient(string text)
    {
        (string host, int port) = Split(text, leastPort: 1);
        return IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port)
            : Uri.CheckHostName(host) == UriHostNameType.Dns ? new DnsEndPoint(host, port)
            : throw new SettingsException($"{Setting} is \"{text}\"; a client needs a name or an address, and a port.");
    }

    /// <summary>The name or address alone.</summary>
    public static string HostOf(EndPoint endPoint) => endPoint switch
    {
        DnsEndPoint dns => dns.Host,
        IPEndPoint ip => ip.Address.ToString(),
        _ => endPoint.ToString() ?? "",
    };

    private static (string Host, int Port) Split(string text, int leastPort)
    {
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? text : text[..colon];
        bool isBracketed = host.StartsWith('[') && host.EndsWith(']');
        if (colon < 0
            || (!isBracketed && host.Contains(':', StringComparison.Ordinal))
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            || port < leastPort)
        {
            throw new SettingsException($"{Setting} is \"{text}\"; it must be \"host:port\" with a port from {leastPort} to 65535, and an IPv6 address in brackets.");
        }

        return (isBracketed ? host[1..^1] : host, port);
    }
}
