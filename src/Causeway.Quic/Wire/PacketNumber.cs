using System.Diagnostics;
using System.Numerics;

namespace Causeway.Quic.Wire;

/// <summary>
/// Packet numbers as headers carry them: the lowest 1 to 4 bytes (RFC 9000, 17.1 and appendix A). "None" is -1.
/// </summary>
internal static class PacketNumber
{
    /// <summary>There is no such packet yet.</summary>
    public const long None = -1;

    /// <summary>The largest packet number; a sender that used it ends the connection (RFC 9000, 12.3).</summary>
    public const long Max = VarInt.MaxValue;

    /// <summary>Bytes that the longest encoding takes.</summary>
    public const int MaxLength = 4;

    /// <summary>Bytes that a packet number needs, so that the peer decodes it (RFC 9000, A.2).</summary>
    /// <param name="packetNumber">The number.</param>
    /// <param name="largestAcknowledged">
    /// The largest one that the peer acknowledged in this space, or <see cref="None"/>.
    /// </param>
    public static int Length(long packetNumber, long largestAcknowledged)
    {
        Debug.Assert(packetNumber > largestAcknowledged, "a number is used once");
        long unacknowledged = packetNumber - largestAcknowledged;

        // The bytes must span more than twice the distance (17.1), because the peer looks for the closest number on
        // both sides of what it expects. At a power of two that is a bit more than the formula of A.2 has.
        int bits = BitOperations.Log2((ulong)unacknowledged) + 2;
        return Math.Min((bits + 7) / 8, MaxLength);
    }

    /// <summary>Writes the lowest bytes of a number.</summary>
    /// <param name="destination">Takes them.</param>
    /// <param name="packetNumber">The number.</param>
    /// <param name="length">How many bytes, 1 to 4.</param>
    public static void Write(Span<byte> destination, long packetNumber, int length)
    {
        for (int i = length - 1; i >= 0; i--)
        {
            destination[i] = (byte)packetNumber;
            packetNumber >>= 8;
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static long ReadTruncated(ReadOnlySpan<byte> source, int length)
    {
        long truncated = 0;
        for (int i = 0; i < length; i++)
        {
            truncated = (truncated << 8) | source[i];
        }

        return truncated;
    }

    /// <summary>The number with these lowest bytes that is closest to the one expected next (RFC 9000, A.3).</summary>
    /// <param name="truncated">What <see cref="ReadTruncated"/> gave.</param>
    /// <param name="length">Bytes that it was read from.</param>
    /// <param name="largestReceived">
    /// The largest number of a packet that was opened in this space, or <see cref="None"/>.
    /// </param>
    public static long Decode(long truncated, int length, long largestReceived)
    {
        long expected = Math.Min(largestReceived + 1, Max);
        long window = 1L << (length * 8);
        long half = window / 2;
        long candidate = (expected & ~(window - 1)) | truncated;
        if (candidate <= expected - half && candidate <= Max - window)
        {
            return candidate + window;
        }

        return candidate > expected + half && candidate >= window ? candidate - window : candidate;
    }
}
