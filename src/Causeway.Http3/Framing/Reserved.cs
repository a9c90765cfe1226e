namespace Causeway.Http3.Framing;

/// <summary>
/// Reserved identifiers of settings, frames and streams: 0x1f * N + 0x21. They mean nothing and must be ignored, so that new
/// identifiers can be introduced later (RFC 9114, 7.2.8).
/// </summary>
internal static class Reserved
{
    /// <summary>One of the identifiers that take at most four bytes, at random.</summary>
    public static long Next() => (0x1fL * Random.Shared.Next(1 << 24)) + 0x21;

    public static bool Is(long identifier) => identifier >= 0x21 && (identifier - 0x21) % 0x1f == 0;
}
