using System.Net.Security;

namespace Causeway.Forwarding.Tunnels;

/// <summary>The protocol by which two forwarders tell each other where a stream leads (docs/wire/tunnel.md).</summary>
public static class TunnelProtocol
{
    /// <summary>
    /// Its name in the handshake (RFC 7301). A connection that agreed on another one carries bare streams to the server's own target.
    /// </summary>
    public static SslApplicationProtocol Name { get; } = new("causeway-tunnel/1");

    /// <summary>Whether both ends of a connection speak it.</summary>
    internal static bool IsSpoken(CausewayConnection connection) => connection.NegotiatedApplicationProtocol == Name;
}
