using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// GHASH under one key (SP 800-38D section 6.4) with the powers of the hash subkey H in pinned memory. For n blocks,
/// <c>((Y ^ X1) * H ^ X2) * H ...</c> is <c>(Y ^ X1) * H^n ^ X2 * H^(n-1) ^ ... ^ Xn * H</c>: products that do not wait
/// for each other, and one reduction.
/// </summary>
internal sealed unsafe class GhashKey<TCarryless>
    where TCarryless : struct, ICarrylessInstructions
{
    /// <summary>Blocks of one reduction at most: a group of eight, and the block of lengths.</summary>
    public const int MaxBlocks = 9;

    private const int BlockSize = 16;

    private readonly byte[] _powers = GC.AllocateArray<byte>(MaxBlocks * BlockSize, pinned: true);

    /// <param name="subkey">The cipher of the block of zeros.</param>
    public GhashKey(Vector128<byte> subkey)
    {
        Vector128<ulong> first = GhashSum<TCarryless>.TimesX(ReverseBytes(subkey).AsUInt64());
        Vector128<ulong> power = first;
        power.AsByte().Store(PowersFrom(1));
        for (int i = 2; i <= MaxBlocks; i++)
        {
            GhashSum<TCarryless> product = default;
            product.Add(power, first);
            power = product.Reduce();
            power.AsByte().Store(PowersFrom(i));
        }
    }

    /// <summary>The powers as bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _powers;

    /// <summary>The powers from <paramref name="exponent"/> down to 1, one behind the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* PowersFrom(int exponent)
    {
        byte* first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_powers));
        return first + ((MaxBlocks - exponent) * BlockSize);
    }

    /// <summary>A block as the arithmetic takes it, and back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ReverseBytes(Vector128<byte> block) => Vector128.Shuffle(
        block, Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));

    /// <summary>Takes in whole blocks.</summary>
    /// <param name="hash">The hash so far; zero to begin with.</param>
    /// <param name="blocks">The blocks. Up to <see cref="MaxBlocks"/> share one reduction.</param>
    public Vector128<ulong> Hash(Vector128<ulong> hash, ReadOnlySpan<byte> blocks)
    {
        Debug.Assert(blocks.Length % BlockSize == 0, "what is not whole blocks is filled up by the caller");
        fixed (byte* start = blocks)
        {
            byte* end = start + blocks.Length;
            for (byte* position = start; position < end;)
            {
                int count = (int)Math.Min(end - position, MaxBlocks * BlockSize) / BlockSize;
                byte* power = PowersFrom(count);
                GhashSum<TCarryless> sum = default;
                for (; count > 0; count--)
                {
                    hash ^= ReverseBytes(Vector128.Load(position)).AsUInt64();
                    sum.Add(hash, Vector128.Load(power).AsUInt64());
                    hash = Vector128<ulong>.Zero;
                    position += BlockSize;
                    power += BlockSize;
                }

                hash = sum.Reduce();
            }
        }

        return hash;
    }

    public void Zero() => CryptographicOperations.ZeroMemory(_powers);
}
