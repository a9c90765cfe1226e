namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>What a stream is opened for (docs/wire/tunnel.md 3).</summary>
internal enum TunnelKind : byte
{
    /// <summary>Bytes to a target of the peer's.</summary>
    Connect = 1,

    /// <summary>Datagrams to a target of the peer's; the stream itself lasts as long as they do.</summary>
    Datagrams = 2,

    /// <summary>The peer is to listen for connections, as long as the stream lasts.</summary>
    Listen = 3,

    /// <summary>The peer is to listen for datagrams, as long as the stream lasts.</summary>
    ListenDatagrams = 4,

    /// <summary>A connection that came in where the peer asked to listen.</summary>
    Accepted = 5,

    /// <summary>Datagrams from one address that came in where the peer asked to listen.</summary>
    AcceptedDatagrams = 6,
}
