using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>How often keys may be used (RFC 9001, 6.6).</summary>
/// <param name="Confidentiality">How many packets may be sealed with one key.</param>
/// <param name="Integrity">How many packets of a connection may fail to open.</param>
internal readonly record struct AeadLimits(long Confidentiality, long Integrity)
{
    /// <summary>The limits of a suite.</summary>
    public static AeadLimits Of(CipherSuite suite) => suite == CipherSuite.ChaCha20Poly1305Sha256
        ? new AeadLimits(long.MaxValue, 1L << 36)
        : new AeadLimits(1L << 23, 1L << 52);
}

/// <summary>
/// How many packets of a connection failed to open, whatever their keys (RFC 9001, 6.6). Its openers share one.
/// </summary>
internal sealed class ForgeryCount
{
    /// <summary>The number.</summary>
    public long Value { get; set; }
}
