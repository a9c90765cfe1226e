namespace Causeway.Quic;

/// <summary>Why this end closes the connection.</summary>
/// <param name="Code">The code that the peer is told.</param>
/// <param name="Reason">What happened, in words; without secrets.</param>
internal sealed record QuicError(TransportErrorCode Code, string Reason);
