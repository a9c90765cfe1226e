namespace Causeway.Quic;

/// <summary>Limits that the protocol itself sets.</summary>
internal static class QuicLimits
{
    /// <summary>Bytes of the longest connection id (RFC 9000, 17.2).</summary>
    public const int MaxConnectionIdLength = 20;

    /// <summary>Bytes of the least UDP payload that carries a client's Initial packet (RFC 9000, 14.1).</summary>
    public const int MinInitialDatagramSize = 1200;

    /// <summary>The largest variable-length integer (RFC 9000, 16).</summary>
    public const ulong MaxVarInt = (1UL << 62) - 1;

    /// <summary>Bytes of a stateless reset token (RFC 9000, 10.3).</summary>
    public const int StatelessResetTokenLength = 16;
}
