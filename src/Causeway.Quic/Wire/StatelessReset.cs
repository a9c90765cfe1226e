namespace Causeway.Quic.Wire;

/// <summary>Stateless reset datagrams (RFC 9000, 10.3).</summary>
internal static class StatelessReset
{
    /// <summary>Bytes of the shortest one: no valid packet with a short header is shorter (RFC 9000, 10.3).</summary>
    public const int MinLength = 21;

    /// <summary>
    /// Bytes of the longest one. Enough that it passes for a packet with a connection id of any length (RFC 9000,
    /// 10.3), and so short that it is worth nothing to who reflects it.
    /// </summary>
    public const int MaxLength = 1 + ConnectionId.MaxLength + 1 + StatelessResetToken.Length + 5;

    /// <summary>Writes the answer to a packet of a connection that is not known.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="triggerLength">
    /// Bytes of the datagram that is answered. The answer is shorter, so that two endpoints who know nothing of each
    /// other stop (RFC 9000, 10.3.3).
    /// </param>
    /// <param name="token">The token that belongs to the connection id of that packet.</param>
    /// <param name="random">Gives the bytes before the token.</param>
    /// <returns>The length; 0 if the datagram is too short to be answered, or there is no room.</returns>
    public static int Write(Span<byte> destination, int triggerLength, in StatelessResetToken token, RandomBytes random)
    {
        int length = Math.Min(triggerLength - 1, MaxLength);
        if (length < MinLength || destination.Length < length)
        {
            return 0;
        }

        Span<byte> front = destination[..(length - StatelessResetToken.Length)];
        random(front);
        front[0] = (byte)((front[0] & ~HeaderBits.Long) | HeaderBits.Fixed);
        token.Span.CopyTo(destination[front.Length..]);
        return length;
    }

    /// <summary>
    /// Whether a datagram may be a reset: it does not begin with a long header, and is long enough. An attempt to open
    /// the datagram leaves its last bytes as they are, so that this may be asked afterwards.
    /// </summary>
    /// <param name="datagram">The whole datagram.</param>
    /// <param name="token">
    /// Its last bytes, to be compared by <see cref="StatelessResetToken.Equals(ReadOnlySpan{byte})"/>.
    /// </param>
    public static bool TryGetToken(ReadOnlySpan<byte> datagram, out ReadOnlySpan<byte> token)
    {
        bool isPossible = datagram.Length >= MinLength && (datagram[0] & HeaderBits.Long) == 0;
        token = isPossible ? datagram[^StatelessResetToken.Length..] : default;
        return isPossible;
    }
}
