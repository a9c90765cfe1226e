namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Values that no standard will ever use, sent so that peers stay tolerant of unknown ones (RFC 8701).
/// </summary>
internal static class GreaseValues
{
    /// <summary>One of the sixteen values 0x0a0a, 0x1a1a, ..., 0xfafa (RFC 8701, 2).</summary>
    public static ushort FromSeed(byte seed) => (ushort)((((seed & 0x0f) << 4) | 0x0a) * 0x0101);

    /// <summary>Another value than <see cref="FromSeed"/> gives for the same seed, for a second extension.</summary>
    public static ushort OtherFromSeed(byte seed) => FromSeed((byte)(seed ^ 0x01));
}
