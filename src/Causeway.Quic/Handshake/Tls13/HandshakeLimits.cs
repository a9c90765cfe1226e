namespace Causeway.Quic.Handshake.Tls13;

/// <summary>How much a peer may send in a handshake, which bounds the memory that it can take.</summary>
internal sealed record HandshakeLimits
{
    /// <summary>The limits where none are given.</summary>
    public static HandshakeLimits Default { get; } = new();

    /// <summary>Bytes of the longest ClientHello. A hybrid key share and a few tickets need 4 KiB.</summary>
    public int MaxClientHelloLength { get; init; } = 64 * 1024;

    /// <summary>Bytes of the longest Certificate message. Chains of today take 2 to 6 KiB.</summary>
    public int MaxCertificateLength { get; init; } = 100 * 1024;

    /// <summary>Certificates of the longest chain.</summary>
    public int MaxCertificates { get; init; } = 10;

    /// <summary>
    /// Bytes of any other message. The longest of them is a NewSessionTicket, whose ticket has at most 64 KiB.
    /// </summary>
    public int MaxMessageLength { get; init; } = 72 * 1024;

    /// <summary>
    /// Bytes that are kept while the handshake waits for an answer to a question (RFC 9000, 7.5, demands 4096).
    /// </summary>
    public int MaxBufferedLength { get; init; } = 128 * 1024;

    /// <summary>PSK identities of a ClientHello that a server tries; each costs it a decryption.</summary>
    public int MaxPskIdentities { get; init; } = 4;
}
