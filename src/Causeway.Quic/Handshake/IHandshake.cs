using Causeway.Protocol;

namespace Causeway.Quic.Handshake;

/// <summary>
/// A cryptographic handshake as a connection sees it (RFC 9001, 4), without I/O: handshake bytes go in by encryption level and
/// in order, steps come out.
/// </summary>
/// <remarks>
/// After <see cref="Start"/>, <see cref="Input"/> and each answer to a question, read <see cref="TryReadEvent"/> until it says
/// false. Not thread-safe. Nothing that the peer sends throws: the handshake fails, with an event.
/// </remarks>
internal interface IHandshake : IDisposable
{
    /// <summary>Which end this is.</summary>
    EndpointRole Role { get; }

    /// <summary>Why it failed; null while it did not.</summary>
    HandshakeFailure? Failure { get; }

    /// <summary>Whether it is complete (RFC 9001, 4.1.1).</summary>
    bool IsComplete { get; }

    /// <summary>The negotiated application protocol (RFC 7301); empty until then.</summary>
    ReadOnlyMemory<byte> ApplicationProtocol { get; }

    /// <summary>Begins: a client has its ClientHello to send.</summary>
    void Start(Timestamp now);

    /// <summary>
    /// Takes the next bytes of the CRYPTO stream of a level. A message may end in a later call; its length is bounded, and bytes
    /// of a level that is over, or not yet there, fail the handshake.
    /// </summary>
    void Input(EncryptionLevel level, ReadOnlySpan<byte> bytes, Timestamp now);

    /// <summary>The next step to take; false if there is none.</summary>
    bool TryReadEvent(out HandshakeEvent step);
}
