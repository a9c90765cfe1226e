using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Handshake;

/// <summary>
/// A cryptographic handshake as a connection sees it (RFC 9001, 4), without I/O: handshake bytes go in by encryption
/// level and in order, steps come out.
/// </summary>
/// <remarks>
/// After <see cref="Start"/>, <see cref="Input"/> and each answer to a question, read <see cref="TryReadEvent"/> until
/// it says false. Not thread-safe. Nothing that the peer sends throws: the handshake fails, with an event.
/// </remarks>
internal interface IHandshake : IDisposable
{
    /// <summary>Which end this is.</summary>
    EndpointRole Role { get; }

    /// <summary>Why it failed; null while it did not.</summary>
    HandshakeFailure? Failure { get; }

    /// <summary>Whether it is complete (RFC 9001, 4.1.1).</summary>
    bool IsComplete { get; }

    /// <summary>
    /// This end's encoded transport parameters (RFC 9000, 18). A client sets them before <see cref="Start"/>, a server
    /// before it answers <see cref="HandshakeEventKind.ServerOptionsNeeded"/>.
    /// </summary>
    ReadOnlyMemory<byte> LocalTransportParameters { get; set; }

    /// <summary>
    /// What tickets are bound to beside the name, as the QUIC version is (RFC 9369, 5): a ticket of another context is not
    /// used. At most 255 bytes, set when <see cref="LocalTransportParameters"/> are; a client sets it again when the
    /// version that it started by was changed.
    /// </summary>
    ReadOnlyMemory<byte> SessionContext { get; set; }

    /// <summary>
    /// The negotiated application protocol (RFC 7301); empty until then. A client that sends early data has that of the
    /// earlier connection.
    /// </summary>
    ReadOnlyMemory<byte> ApplicationProtocol { get; }

    /// <summary>The name of the server that the client asked for (RFC 6066, 3); null if it asked for none.</summary>
    string? ServerName { get; }

    /// <summary>The negotiated cipher suite.</summary>
    CipherSuite Suite { get; }

    /// <summary>The negotiated group of the key exchange.</summary>
    NamedGroup Group { get; }

    /// <summary>
    /// Whether a session ticket was used, so that the peer's certificates are those of the earlier connection.
    /// </summary>
    bool IsResumed { get; }

    /// <summary>The identity of the external PSK that authenticated both ends; empty if none did.</summary>
    ReadOnlyMemory<byte> PskIdentity { get; }

    /// <summary>
    /// The peer's certificates in DER, the end entity first. After resumption only the end entity's, which the ticket
    /// keeps.
    /// </summary>
    IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates { get; }

    /// <summary>Begins: a client has its ClientHello to send.</summary>
    void Start(Timestamp now);

    /// <summary>
    /// Takes the next bytes of the CRYPTO stream of a level. A message may end in a later call; its length is bounded,
    /// and bytes of a level that is over, or not yet there, fail the handshake.
    /// </summary>
    void Input(EncryptionLevel level, ReadOnlySpan<byte> bytes, Timestamp now);

    /// <summary>Answers <see cref="HandshakeEventKind.CertificateCheckNeeded"/>.</summary>
    /// <param name="refusal">Why the chain is refused; null if it is good.</param>
    /// <param name="now">The time.</param>
    void AnswerCertificateCheck(HandshakeFailure? refusal, Timestamp now);

    /// <summary>The next step to take; false if there is none.</summary>
    bool TryReadEvent(out HandshakeEvent step);

    /// <summary>Keying material for an application (RFC 8446, 7.5).</summary>
    /// <param name="label">What it is for; at most 249 bytes.</param>
    /// <param name="context">What it is bound to; may be empty.</param>
    /// <param name="destination">Takes the material.</param>
    /// <returns>False while the handshake is not complete.</returns>
    bool TryExport(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination);
}
