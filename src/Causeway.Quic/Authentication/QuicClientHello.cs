using System.Net;

namespace Causeway.Quic;

/// <summary>What a listener knows of a client that knocks, before it shows who it is itself.</summary>
public sealed class QuicClientHello
{
    internal QuicClientHello(string? serverName, EndPoint remoteEndPoint)
    {
        ServerName = serverName;
        RemoteEndPoint = remoteEndPoint;
    }

    /// <summary>The name of the server that the client asks for (SNI, RFC 6066, 3); null if it asks for none.</summary>
    public string? ServerName { get; }

    /// <summary>Where the client's datagram came from. Nothing proves it yet (RFC 9000, 8.1).</summary>
    public EndPoint RemoteEndPoint { get; }

    /// <summary>What the connection will carry as <c>CausewayConnection.ApplicationState</c>, if the handshake succeeds. Default null.</summary>
    public object? ApplicationState { get; set; }
}
