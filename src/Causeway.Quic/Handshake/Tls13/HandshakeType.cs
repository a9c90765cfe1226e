namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Types of handshake messages (RFC 8446, 4).</summary>
internal enum HandshakeType : byte
{
    /// <summary>ClientHello (4.1.2).</summary>
    ClientHello = 1,

    /// <summary>ServerHello and HelloRetryRequest (4.1.3, 4.1.4).</summary>
    ServerHello = 2,

    /// <summary>NewSessionTicket (4.6.1).</summary>
    NewSessionTicket = 4,

    /// <summary>EndOfEarlyData (4.5), which QUIC does not use (RFC 9001, 8.3).</summary>
    EndOfEarlyData = 5,

    /// <summary>EncryptedExtensions (4.3.1).</summary>
    EncryptedExtensions = 8,

    /// <summary>Certificate (4.4.2).</summary>
    Certificate = 11,

    /// <summary>CertificateRequest (4.3.2).</summary>
    CertificateRequest = 13,

    /// <summary>CertificateVerify (4.4.3).</summary>
    CertificateVerify = 15,

    /// <summary>Finished (4.4.4).</summary>
    Finished = 20,

    /// <summary>KeyUpdate (4.6.3), which QUIC does not use (RFC 9001, 6).</summary>
    KeyUpdate = 24,

    /// <summary>The synthetic message that stands for a first ClientHello in the transcript (4.4.1).</summary>
    MessageHash = 254,
}
