namespace Causeway.Quic.Handshake;

/// <summary>Why a handshake failed.</summary>
/// <param name="Alert">The alert (RFC 8446, 6.2), which the peer is told as CRYPTO_ERROR 0x0100 + alert (RFC 9001,
/// 4.8).</param>
/// <param name="Reason">What happened, in words; without secrets.</param>
internal sealed record HandshakeFailure(byte Alert, string Reason)
{
    /// <summary>
    /// The transport error to close the connection with. It is CRYPTO_ERROR plus the alert, except where RFC 9001 names
    /// another code for a misuse of CRYPTO frames.
    /// </summary>
    public TransportErrorCode ErrorCode { get; init; } = TransportErrorCode.CryptoError + Alert;
}
