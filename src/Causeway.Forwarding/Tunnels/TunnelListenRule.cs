using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// Where a server listens for its clients. <c>PORTS</c> alone is on the loopback addresses; <c>ADDRESS:PORTS</c> is on that one, and
/// <c>*:PORTS</c> on any, also on all at once. PORTS is a number, a range, several of them with commas, or <c>*</c>; 0 among them lets
/// the client have a free one. <c>tcp:</c> or <c>udp:</c> in front restricts the rule to that. A path is a Unix socket.
/// </summary>
public sealed class TunnelListenRule
{
    private readonly string _text;
    private readonly ProtocolType? _protocol;
    private readonly string? _path;
    private readonly Func<IPAddress, bool> _address;
    private readonly PortSet? _ports;

    private TunnelListenRule(string text, ProtocolType? protocol, string? path, Func<IPAddress, bool> address, PortSet? ports)
    {
        _text = text;
        _protocol = protocol;
        _path = path;
        _address = address;
        _ports = ports;
    }

    /// <summary>Parses a rule.</summary>
    /// <exception cref="FormatException">The text has another form; the message says what is wrong.</exception>
    public static TunnelListenRule Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith('/') || text.StartsWith('@'))
        {
            return new TunnelListenRule(text, null, text, static _ => false, null);
        }

        string rest = TunnelText.TakeProtocol(text, out ProtocolType? protocol);
        (string host, string? port) = TunnelText.SplitHost(rest);
        if (port is null)
        {
            return new TunnelListenRule(text, protocol, null, IPAddress.IsLoopback, PortSet.Parse(rest));
        }

        if (host == "*")
        {
            return new TunnelListenRule(text, protocol, null, static _ => true, PortSet.Parse(port));
        }

        if (host == "localhost")
        {
            return new TunnelListenRule(text, protocol, null, IPAddress.IsLoopback, PortSet.Parse(port));
        }

        return IPAddress.TryParse(host, out IPAddress? address)
            ? new TunnelListenRule(text, protocol, null, address.Equals, PortSet.Parse(port))
            : throw new FormatException($"\"{text}\" allows no port; it must be PORTS, ADDRESS:PORTS or *:PORTS, or the path of a Unix socket.");
    }

    /// <summary>The text that it was parsed from.</summary>
    public override string ToString() => _text;

    internal bool Allows(ProtocolType protocol, EndPoint address) => address switch
    {
        UnixDomainSocketEndPoint path => _path is not null && _path == path.ToString(),
        IPEndPoint ip => (_protocol is null || _protocol == protocol) && _ports is not null && _ports.Contains(ip.Port) && _address(ip.Address),
        _ => false,
    };
}
