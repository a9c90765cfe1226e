namespace Causeway.Quic.Handshake;

/// <summary>What a <see cref="IHandshake"/> has to say.</summary>
internal enum HandshakeEventKind
{
    /// <summary>
    /// <see cref="HandshakeEvent.Bytes"/> are to be sent in CRYPTO frames of <see cref="HandshakeEvent.Level"/>.
    /// </summary>
    Output,

    /// <summary>
    /// <see cref="HandshakeEvent.Bytes"/> are the secret by which this end opens packets of the level.
    /// </summary>
    ReadSecret,

    /// <summary>
    /// <see cref="HandshakeEvent.Bytes"/> are the secret by which this end seals packets of the level.
    /// </summary>
    WriteSecret,

    /// <summary>
    /// <see cref="HandshakeEvent.Bytes"/> are the peer's encoded transport parameters (RFC 9000, 18). They are not
    /// authenticated before <see cref="Completed"/> (RFC 9001, 8.2).
    /// </summary>
    PeerTransportParameters,

    /// <summary>The server took the early data (RFC 9001, 4.6.2).</summary>
    EarlyDataAccepted,

    /// <summary>The server refused the early data: what was sent in it is to be sent again.</summary>
    EarlyDataRejected,

    /// <summary>
    /// The handshake waits: the driver chooses the server's certificate and settings by the ClientHello.
    /// </summary>
    ServerOptionsNeeded,

    /// <summary>The handshake waits: the driver checks the peer's certificate chain, which may take time.</summary>
    CertificateCheckNeeded,

    /// <summary>The handshake is complete (RFC 9001, 4.1.1).</summary>
    Completed,

    /// <summary>
    /// A client got a session ticket; <see cref="HandshakeEvent.Bytes"/> are what a later connection resumes by.
    /// </summary>
    TicketReceived,

    /// <summary>The handshake failed; <see cref="IHandshake.Failure"/> says why. Nothing comes after it.</summary>
    Failed,
}

/// <summary>One step of a handshake, in the order in which steps must be taken.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Level">The encryption level that it concerns.</param>
/// <param name="Suite">With a secret: the suite that it is for.</param>
/// <param name="Bytes">Bytes that belong to it; valid until the next call of the handshake, which zeroes
/// secrets.</param>
internal readonly record struct HandshakeEvent(
    HandshakeEventKind Kind, EncryptionLevel Level, CipherSuite Suite, ReadOnlyMemory<byte> Bytes);
