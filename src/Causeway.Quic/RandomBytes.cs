namespace Causeway.Quic;

/// <summary>Fills a span with random bytes that nobody can guess. Tests bring bytes that repeat.</summary>
internal delegate void RandomBytes(Span<byte> destination);
