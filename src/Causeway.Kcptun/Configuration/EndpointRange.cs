using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// A host with one UDP port or a range of them: <c>host:29900</c>, <c>host:3000-4000</c>, <c>:29900</c>,
/// <c>[::1]:29900</c> (docs/wire/kcptun.md 10.1). Stricter than the reference, which ignores what follows the first
/// match.
/// </summary>
/// <param name="Host">
/// A name or an address without brackets; empty for all interfaces, or for the local host when dialing.
/// </param>
/// <param name="MinPort">The first port, 1 to 65535.</param>
/// <param name="MaxPort">The last port, at least <paramref name="MinPort"/>, at most 65535.</param>
public sealed record EndpointRange(string Host, int MinPort, int MaxPort)
{
    /// <summary>How many ports there are.</summary>
    public int PortCount => MaxPort - MinPort + 1;

    /// <summary>Reads a range.</summary>
    /// <param name="value">What the user wrote.</param>
    /// <param name="option">The option's name, for the message.</param>
    /// <exception cref="KcptunConfigException">The value is not a host with a port or a range of ports.</exception>
    public static EndpointRange Parse(string value, string option)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!HostAndPort.TrySplit(value, out string host, out string ports))
        {
            throw new KcptunConfigException(
                $"{option} is {KcptunConfigException.Quote(value)}; "
                + "expected host:port or host:min-max, an IPv6 address in brackets");
        }

        int dash = ports.IndexOf('-', StringComparison.Ordinal);
        string first = dash < 0 ? ports : ports[..dash];
        string last = dash < 0 ? ports : ports[(dash + 1)..];
        if (!HostAndPort.TryParsePort(first, out int min)
            || !HostAndPort.TryParsePort(last, out int max)
            || min < 1
            || min > max)
        {
            throw new KcptunConfigException(
                $"{option} is {KcptunConfigException.Quote(value)}; "
                + "expected a port, or a range min-max of ports, from 1 to 65535");
        }

        return new EndpointRange(host, min, max);
    }

    /// <summary>A port of the range, each as likely as the others: what a client does for each session.</summary>
    public int PickPort(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return random.Next(MinPort, MaxPort + 1);
    }

    /// <summary>The range as it is written in a configuration.</summary>
    public override string ToString()
    {
        string ports = MinPort == MaxPort
            ? MinPort.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{MinPort}-{MaxPort}");
        return $"{HostAndPort.Bracket(Host)}:{ports}";
    }
}
