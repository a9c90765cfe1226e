using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>Where connection ids come from and are found again: the endpoint, as its sessions see it.</summary>
internal interface IConnectionIdRegistry
{
    /// <summary>A new id by which datagrams find the session.</summary>
    ConnectionId Add(QuicSession session);

    /// <summary>Whether a peer may have ids for later beside the one in use.</summary>
    bool MakesSpareIds { get; }

    /// <summary>Datagrams that come with an id chosen elsewhere find the session too (the client's first choice).</summary>
    void Add(in ConnectionId id, QuicSession session);

    /// <summary>Nothing comes with an id any more. Nothing happens if it is another session's by now.</summary>
    void Remove(in ConnectionId id, QuicSession session);

    /// <summary>The token by which this end would reset the connection of an id that it does not remember.</summary>
    StatelessResetToken TokenOf(in ConnectionId id);

    /// <summary>A datagram that ends with this token is the peer's word that it forgot the connection (RFC 9000, 10.3).</summary>
    void AddResetToken(in StatelessResetToken token, QuicSession session);

    /// <summary>The peer's connection id is retired, and its token with it.</summary>
    void RemoveResetToken(in StatelessResetToken token);

    /// <summary>A server's client has proved its address.</summary>
    void OnAddressValidated(QuicSession session);

    /// <summary>A server's handshake is complete, or over.</summary>
    void OnHandshakeOver(QuicSession session);

    /// <summary>A token for the client's next connection (RFC 9000, 8.1.3); empty if this server gives none.</summary>
    ReadOnlyMemory<byte> NewToken(QuicVersion version, in PeerAddress peer, Timestamp now);
}
