namespace Causeway.Quic;

/// <summary>Which keys protect a packet (RFC 9001, 2.1), in the order in which they become available.</summary>
internal enum EncryptionLevel
{
    /// <summary>Keys that anybody can derive from the client's first destination connection id.</summary>
    Initial,

    /// <summary>0-RTT: keys from an earlier connection, from client to server only.</summary>
    EarlyData,

    /// <summary>Keys from the key exchange, before the peer is authenticated.</summary>
    Handshake,

    /// <summary>1-RTT keys.</summary>
    Application,
}
