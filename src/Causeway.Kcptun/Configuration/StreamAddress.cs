using System.Globalization;

namespace Causeway.Kcptun.Configuration;

/// <summary>
/// Where a client listens or a server forwards to: a TCP address, or the path of a Unix domain socket. What does not
/// parse as
/// <c>host:port</c> is a path (docs/wire/kcptun.md 10.1).
/// </summary>
public sealed record StreamAddress
{
    private StreamAddress(string host, int port, string? path)
    {
        Host = host;
        Port = port;
        Path = path;
    }

    /// <summary>
    /// A name or an address without brackets; empty for all interfaces, or for the local host when dialing.
    /// </summary>
    public string Host { get; }

    /// <summary>The TCP port, 0 to 65535; 0 lets the system choose one to listen on.</summary>
    public int Port { get; }

    /// <summary>The path of a Unix domain socket, or null for TCP.</summary>
    public string? Path { get; }

    /// <summary>Reads an address.</summary>
    /// <param name="value">What the user wrote.</param>
    /// <param name="option">The option's name, for the message.</param>
    /// <exception cref="KcptunConfigException">
    /// The value is empty, or a host with something that is not a port.
    /// </exception>
    public static StreamAddress Parse(string value, string option)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Length == 0)
        {
            throw new KcptunConfigException(
                $"{option} is empty; expected host:port or the path of a Unix domain socket");
        }

        // A name has no slash: with one, a colon belongs to the path.
        if (value.AsSpan().IndexOfAny('/', '\\') >= 0 || !HostAndPort.TrySplit(value, out string host, out string port))
        {
            return new StreamAddress("", 0, value);
        }

        return HostAndPort.TryParsePort(port, out int number)
            ? new StreamAddress(host, number, null)
            : throw new KcptunConfigException(
                $"{option} is {KcptunConfigException.Quote(value)}; expected a port from 0 to 65535 behind the colon");
    }

    /// <summary>The address as it is written in a configuration.</summary>
    public override string ToString() =>
        Path ?? string.Create(CultureInfo.InvariantCulture, $"{HostAndPort.Bracket(Host)}:{Port}");
}
