using System.Net;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;

namespace Causeway.PortForwarder.Forward;

/// <summary>
/// Tunnels in rstun's words, <c>MODE^CLIENT^SERVER</c>: with OUT this end listens and the server connects, with IN the other way round.
/// An address is a port of 127.0.0.1 or <c>ip:port</c>; the server's may be ANY with OUT, for its own target.
/// </summary>
internal static class RstunMapping
{
    /// <summary>Parses the values of an option, each of which may be several with commas.</summary>
    /// <exception cref="UsageException">One has another form.</exception>
    public static IEnumerable<(bool IsReverse, TunnelForward Forward)> ParseAll(string option, string[]? values, bool isUdp) =>
        TunnelArguments.Parse(option, values?.SelectMany(static value => value.Split(',')).ToArray(), text => Parse(text, isUdp));

    private static (bool IsReverse, TunnelForward Forward) Parse(string text, bool isUdp)
    {
        string[] parts = text.Trim().Split('^');
        if (parts is not [string mode and ("OUT" or "IN"), string client, string server])
        {
            throw new FormatException($"\"{text}\" is no mapping of rstun's; it must be OUT^ADDR^ADDR or IN^ADDR^ADDR.");
        }

        if (mode == "IN")
        {
            return (true, new TunnelForward { Listen = Address(server, text), Target = Address(client, text), IsUdp = isUdp });
        }

        return (false, new TunnelForward { Listen = Address(client, text), Target = server == "ANY" ? null : Address(server, text), IsUdp = isUdp });
    }

    private static ForwardEndPoint Address(string address, string whole)
    {
        ForwardEndPoint parsed = TunnelForward.ParseListen(address);
        return parsed.EndPoint is IPEndPoint && address.Length > 0 && address[0] is not (':' or '*')
            ? parsed
            : throw new FormatException($"\"{address}\" in \"{whole}\" must be a port, or an IP address and a port.");
    }
}
