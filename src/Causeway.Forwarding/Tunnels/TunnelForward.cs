using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// One tunnel: where one end listens, and where the other one leads what comes in. In <see cref="TunnelClientOptions.Forwards"/> the
/// client listens, in <see cref="TunnelClientOptions.ReverseForwards"/> the server does.
/// </summary>
public sealed record TunnelForward
{
    /// <summary>Where connections or datagrams come in; port 0 takes a free one.</summary>
    public required ForwardEndPoint Listen { get; init; }

    /// <summary>Where they go, looked up at that end. Null for the server's own target; a reverse one needs it.</summary>
    public ForwardEndPoint? Target { get; init; }

    /// <summary>Whether it carries datagrams (UDP) in place of connections. Default false.</summary>
    public bool IsUdp { get; init; }

    /// <summary>
    /// Of a reverse TCP tunnel: whether <see cref="Target"/> gets a header of the PROXY protocol (version 2) in front of a connection, which
    /// tells who connected at the server, as the server says. Default false.
    /// </summary>
    public bool SendsProxyHeader { get; init; }

    /// <summary>
    /// Parses <c>[udp:][bind:]port:host:hostport</c>, as ssh's -L and -R have it. Without bind it is the loopback address, with an empty
    /// one or <c>*</c> all addresses. IPv6 addresses stand in brackets. A path, in place of [bind:]port or host:hostport, is a Unix socket.
    /// </summary>
    /// <exception cref="FormatException">The text has another form; the message says which.</exception>
    public static TunnelForward Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string rest = TunnelText.TakeProtocol(text, out ProtocolType? protocol);
        List<string> parts = TunnelText.SplitAtColons(rest);
        int listening = IsPath(parts[0]) ? 1 : parts.Count - (IsPath(parts[^1]) ? 1 : 2);
        int targeted = parts.Count - listening;
        if (listening is < 1 or > 2 || targeted is < 1 or > 2 || (targeted == 1 && !IsPath(parts[^1])) || (targeted == 2 && parts[^2].Length == 0))
        {
            throw new FormatException($"\"{text}\" is no tunnel; it must be [udp:][bind:]port:host:port, with IPv6 addresses in brackets.");
        }

        TunnelForward forward = new()
        {
            Listen = ParseListen(string.Join(':', parts.Take(listening))),
            Target = ForwardEndPoint.Parse(string.Join(':', parts.Skip(listening))),
            IsUdp = protocol == ProtocolType.Udp,
        };
        return forward is { IsUdp: true, Listen.IsUnixSocket: true } or { IsUdp: true, Target.IsUnixSocket: true }
            ? throw new FormatException($"\"{text}\" would carry datagrams to a Unix socket; both ends of a UDP tunnel are ports.")
            : forward;
    }

    /// <summary>Parses where to listen: <c>[bind:]port</c> or a path; without bind it is the loopback address.</summary>
    /// <exception cref="FormatException">It has another form.</exception>
    public static ForwardEndPoint ParseListen(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (IsPath(text))
        {
            return ForwardEndPoint.Parse(text);
        }

        (string host, string? port) = TunnelText.SplitHost(text);
        if (port is null)
        {
            return ForwardEndPoint.Parse($"127.0.0.1:{text}");
        }

        return ForwardEndPoint.Parse(host switch
        {
            "*" or "" => $":{port}",
            "localhost" => $"127.0.0.1:{port}",
            _ => text,
        });
    }

    internal void Validate(bool needsTarget)
    {
        ArgumentNullException.ThrowIfNull(Listen);
        if (needsTarget && Target is null)
        {
            throw new ArgumentException($"The reverse tunnel from {Listen} needs a Target: what it leads to is this end's to say.");
        }

        if (SendsProxyHeader && (IsUdp || !needsTarget))
        {
            throw new ArgumentException($"The tunnel from {Listen} cannot have SendsProxyHeader: it is not a reverse tunnel of TCP.");
        }

        if (IsUdp && (Listen.IsUnixSocket || Target is { IsUnixSocket: true }))
        {
            throw new ArgumentException($"The UDP tunnel from {Listen} has a Unix socket at one end; both ends must be ports.");
        }
    }

    private static bool IsPath(string text) => text.StartsWith('/') || text.StartsWith('@');
}
