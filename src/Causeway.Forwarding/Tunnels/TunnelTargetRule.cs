using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// Targets that a server opens for its clients. <c>HOST:PORTS</c> is a name or an address, <c>CIDR:PORTS</c> a network;
/// IPv6 stands in brackets, as in <c>[fd00::/8]:22</c>. <c>*</c> as the host is every one, <c>*.example.com</c> every name below that.
/// PORTS is a number, a range, several of them with commas, or <c>*</c>. <c>tcp:</c> or <c>udp:</c> in front restricts the rule to
/// that. A path is a Unix socket. <c>*</c> alone is every TCP and UDP target, but no Unix socket.
/// </summary>
public sealed class TunnelTargetRule
{
    private readonly string _text;
    private readonly ProtocolType? _protocol;
    private readonly string? _path;
    private readonly string? _name;
    private readonly IPNetwork? _network;
    private readonly PortSet? _ports;

    private TunnelTargetRule(string text, ProtocolType? protocol, string? path, string? name, IPNetwork? network, PortSet? ports)
    {
        _text = text;
        _protocol = protocol;
        _path = path;
        _name = name;
        _network = network;
        _ports = ports;
    }

    /// <summary>Parses a rule.</summary>
    /// <exception cref="FormatException">The text has another form; the message says what is wrong.</exception>
    public static TunnelTargetRule Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith('/') || text.StartsWith('@'))
        {
            return new TunnelTargetRule(text, null, text, null, null, null);
        }

        string rest = TunnelText.TakeProtocol(text, out ProtocolType? protocol);
        if (rest == "*")
        {
            return new TunnelTargetRule(text, protocol, null, "*", null, PortSet.Parse("*"));
        }

        (string host, string? port) = TunnelText.SplitHost(rest);
        if (host.Length == 0 || port is null)
        {
            throw new FormatException(
                $"\"{text}\" allows no target; it must be HOST:PORTS, CIDR:PORTS, the path of a Unix socket, or * for everything.");
        }

        PortSet ports = PortSet.Parse(port);
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return new TunnelTargetRule(text, protocol, null, null, new IPNetwork(address, address.GetAddressBytes().Length * 8), ports);
        }

        if (host.IndexOf('/', StringComparison.Ordinal) is >= 0 and int slash)
        {
            // Bits behind the prefix say that a narrower network was meant.
            return IPNetwork.TryParse(host, out IPNetwork network) && network.BaseAddress.Equals(IPAddress.Parse(host.AsSpan(0, slash)))
                ? new TunnelTargetRule(text, protocol, null, null, network, ports)
                : throw new FormatException($"\"{host}\" is no network; it must be as in 10.0.0.0/8, with zeros behind the prefix.");
        }

        return new TunnelTargetRule(text, protocol, null, host, null, ports);
    }

    /// <summary>The text that it was parsed from.</summary>
    public override string ToString() => _text;

    /// <summary>Whether it may allow a name by the addresses that it has.</summary>
    internal bool IsAboutAddresses => _network is not null || _name is "localhost";

    /// <summary>Whether it allows a target as the client named it, whatever address that has.</summary>
    internal bool Allows(ProtocolType protocol, EndPoint target) => target switch
    {
        UnixDomainSocketEndPoint path => _path is not null && _path == path.ToString(),
        DnsEndPoint dns => IsAbout(protocol, dns.Port) && _name is not null && MatchesName(dns.Host),
        IPEndPoint ip => Allows(protocol, ip),
        _ => false,
    };

    /// <summary>Whether it allows an address.</summary>
    internal bool Allows(ProtocolType protocol, IPEndPoint target) => IsAbout(protocol, target.Port)
        && (_network is { } network ? network.Contains(target.Address)
            : _name is "*" || (_name is "localhost" && IPAddress.IsLoopback(target.Address)));

    private bool IsAbout(ProtocolType protocol, int port) =>
        (_protocol is null || _protocol == protocol) && _ports is not null && _ports.Contains(port);

    // A dot at the end of a name says that it is whole, and changes nothing.
    private bool MatchesName(string host)
    {
        string plain = host.TrimEnd('.');
        return _name is "*"
            || (_name!.StartsWith("*.", StringComparison.Ordinal)
                ? plain.EndsWith(_name[1..], StringComparison.OrdinalIgnoreCase)
                : plain.Equals(_name.TrimEnd('.'), StringComparison.OrdinalIgnoreCase));
    }
}
