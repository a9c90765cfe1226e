namespace Causeway.Protocol;

/// <summary>Fills a span with random bytes that nobody can guess. Tests bring bytes that repeat.</summary>
/// <param name="destination">What to fill.</param>
public delegate void RandomBytes(Span<byte> destination);
