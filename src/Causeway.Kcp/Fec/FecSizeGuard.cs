using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Chooses the sizes of a group's last datagrams so that its parity cannot pass for data at a receiver that guesses.
/// </summary>
/// <remarks>
/// <para>
/// A reference of 2021 with FEC off guesses one data and one parity shard until it has found our counts
/// (docs/wire/kcptun.md 4.7, appendix A), and takes each parity datagram with an odd sequence id for a copy of the data
/// before it. The rows of the matrix sum to 1, so that bytes which all data of a group share, conversation, command and
/// size among them, stand in the parity too: parity over datagrams of one size passes for a datagram of the session,
/// and its payload, which is garbage, for the peer's bytes.
/// </para>
/// <para>
/// What is rebuilt is dropped if its size field exceeds its length (docs/wire/kcptun.md 4.5) or leaves less than the
/// header of a segment (docs/wire/kcptun.md 5.6), whatever else stands in it. The field is a linear function of the
/// sizes of the group and of nothing else: <c>parity = sum of coefficient times size</c>, for the low byte and the high
/// byte alike. So the last size can decide, and it is known by then what the others add up to. If the session's own
/// datagram would end the group with a field that can be true, a filler takes its place and it becomes the first of the
/// next group. Where coefficients are so small that no last size helps (three data shards, of which the first parity is
/// the plain xor), the last but one is a filler too.
/// </para>
/// </remarks>
internal readonly ref struct FecSizeGuard
{
    private readonly ReedSolomon _code;
    private readonly int _firstOdd;
    private readonly int _unit;
    private readonly int _maxLength;

    /// <param name="code">The coefficients.</param>
    /// <param name="firstParity">The sequence id of the group's first parity datagram.</param>
    /// <param name="unit">A filler has a multiple of this length, that of a segment without data.</param>
    /// <param name="maxLength">The longest filler.</param>
    public FecSizeGuard(ReedSolomon code, uint firstParity, int unit, int maxLength)
    {
        _code = code;
        _firstOdd = (firstParity & 1) == 0 ? 1 : 0;
        _unit = unit;
        _maxLength = maxLength;
    }

    /// <summary>The length of the filler that should come before a datagram of the session; 0 for none.</summary>
    /// <param name="left">Data datagrams that the group still takes, 1 or 2.</param>
    /// <param name="soFar">The size field of each parity shard, as far as accumulated.</param>
    /// <param name="longestBody">The longest body of the group so far.</param>
    /// <param name="datagramLength">The length of the session's datagram.</param>
    public int Choose(int left, ReadOnlySpan<ushort> soFar, int longestBody, int datagramLength)
    {
        if (IsSafe(left, soFar, longestBody, datagramLength))
        {
            return 0;
        }

        for (int length = _unit; length <= _maxLength; length += _unit)
        {
            if (IsSafe(left, soFar, longestBody, length))
            {
                return length;
            }
        }

        return 0;
    }

    /// <summary>
    /// Whether a datagram of this length leaves no odd parity that can pass or, if one more is to follow, a filler that
    /// would see to it.
    /// </summary>
    private bool IsSafe(int left, ReadOnlySpan<ushort> soFar, int longestBody, int length)
    {
        int bodyLength = length + FecHeader.SizeField;
        longestBody = Math.Max(longestBody, bodyLength);
        if (left == 1)
        {
            return !CanPass(soFar, longestBody, bodyLength);
        }

        Span<ushort> next = stackalloc ushort[soFar.Length];
        ReadOnlySpan<byte> coefficients = _code.ParityColumn(_code.DataShards - left);
        for (int i = _firstOdd; i < next.Length; i += 2)
        {
            next[i] = (ushort)(soFar[i] ^ Product(coefficients[i], bodyLength));
        }

        for (int last = _unit; last <= _maxLength; last += _unit)
        {
            if (IsSafe(left - 1, next, longestBody, last))
            {
                return true;
            }
        }

        return false;
    }

    private bool CanPass(ReadOnlySpan<ushort> soFar, int longestBody, int lastBody)
    {
        ReadOnlySpan<byte> coefficients = _code.ParityColumn(_code.DataShards - 1);
        for (int i = _firstOdd; i < soFar.Length; i += 2)
        {
            int size = soFar[i] ^ Product(coefficients[i], lastBody);
            if (size >= FecHeader.SizeField + _unit && size <= longestBody)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The product with both bytes of a size field.</summary>
    private static int Product(byte coefficient, int size) =>
        GaloisField.Multiply(coefficient, (byte)size) | (GaloisField.Multiply(coefficient, (byte)(size >> 8)) << 8);
}
