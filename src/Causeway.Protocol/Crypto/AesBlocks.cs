using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// The forward cipher (FIPS 197 section 5.1) on one, four or eight independent blocks. An AES instruction takes several
/// cycles to finish, but a new one can start every cycle: eight blocks cost little more than one.
/// </summary>
internal static unsafe class AesBlocks<TAes>
    where TAes : struct, IAesInstructions
{
    private const int BlockSize = 16;

    /// <summary>The key of the first round after what <see cref="IAesInstructions.First"/> does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* FirstOfRounds(byte* keys) => keys + ((1 - TAes.KeyLag) * BlockSize);

    /// <summary>Behind the key of the last round before what <see cref="IAesInstructions.Last"/> does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* EndOfRounds(byte* keys, int rounds) => keys + ((rounds - TAes.KeyLag) * BlockSize);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> EncryptOne(byte* keys, int rounds, Vector128<byte> block)
    {
        byte* end = EndOfRounds(keys, rounds);
        block = TAes.First(block, Vector128.Load(keys));
        for (byte* at = FirstOfRounds(keys); at < end; at += BlockSize)
        {
            block = TAes.Round(block, Vector128.Load(at));
        }

        byte* last = keys + (rounds * BlockSize);
        return TAes.Last(block, Vector128.Load(last - BlockSize), Vector128.Load(last));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EncryptFour(
        byte* keys,
        int rounds,
        ref Vector128<byte> s0,
        ref Vector128<byte> s1,
        ref Vector128<byte> s2,
        ref Vector128<byte> s3)
    {
        Vector128<byte> key = Vector128.Load(keys);
        s0 = TAes.First(s0, key);
        s1 = TAes.First(s1, key);
        s2 = TAes.First(s2, key);
        s3 = TAes.First(s3, key);

        byte* end = EndOfRounds(keys, rounds);
        for (byte* at = FirstOfRounds(keys); at < end; at += BlockSize)
        {
            key = Vector128.Load(at);
            s0 = TAes.Round(s0, key);
            s1 = TAes.Round(s1, key);
            s2 = TAes.Round(s2, key);
            s3 = TAes.Round(s3, key);
        }

        byte* last = keys + (rounds * BlockSize);
        Vector128<byte> before = Vector128.Load(last - BlockSize);
        key = Vector128.Load(last);
        s0 = TAes.Last(s0, before, key);
        s1 = TAes.Last(s1, before, key);
        s2 = TAes.Last(s2, before, key);
        s3 = TAes.Last(s3, before, key);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EncryptEight(
        byte* keys,
        int rounds,
        ref Vector128<byte> s0,
        ref Vector128<byte> s1,
        ref Vector128<byte> s2,
        ref Vector128<byte> s3,
        ref Vector128<byte> s4,
        ref Vector128<byte> s5,
        ref Vector128<byte> s6,
        ref Vector128<byte> s7)
    {
        FirstEight(keys, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        byte* end = EndOfRounds(keys, rounds);
        for (byte* at = FirstOfRounds(keys); at < end; at += BlockSize)
        {
            RoundEight(at, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        }

        LastEight(keys + (rounds * BlockSize), ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
    }

    /// <summary>What comes before the rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FirstEight(
        byte* keys,
        ref Vector128<byte> s0,
        ref Vector128<byte> s1,
        ref Vector128<byte> s2,
        ref Vector128<byte> s3,
        ref Vector128<byte> s4,
        ref Vector128<byte> s5,
        ref Vector128<byte> s6,
        ref Vector128<byte> s7)
    {
        Vector128<byte> key = Vector128.Load(keys);
        s0 = TAes.First(s0, key);
        s1 = TAes.First(s1, key);
        s2 = TAes.First(s2, key);
        s3 = TAes.First(s3, key);
        s4 = TAes.First(s4, key);
        s5 = TAes.First(s5, key);
        s6 = TAes.First(s6, key);
        s7 = TAes.First(s7, key);
    }

    /// <summary>
    /// One round, by the key at <paramref name="at"/>: from <see cref="FirstOfRounds"/> to before
    /// <see cref="EndOfRounds"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RoundEight(
        byte* at,
        ref Vector128<byte> s0,
        ref Vector128<byte> s1,
        ref Vector128<byte> s2,
        ref Vector128<byte> s3,
        ref Vector128<byte> s4,
        ref Vector128<byte> s5,
        ref Vector128<byte> s6,
        ref Vector128<byte> s7)
    {
        Vector128<byte> key = Vector128.Load(at);
        s0 = TAes.Round(s0, key);
        s1 = TAes.Round(s1, key);
        s2 = TAes.Round(s2, key);
        s3 = TAes.Round(s3, key);
        s4 = TAes.Round(s4, key);
        s5 = TAes.Round(s5, key);
        s6 = TAes.Round(s6, key);
        s7 = TAes.Round(s7, key);
    }

    /// <summary>What comes after the rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LastEight(
        byte* last,
        ref Vector128<byte> s0,
        ref Vector128<byte> s1,
        ref Vector128<byte> s2,
        ref Vector128<byte> s3,
        ref Vector128<byte> s4,
        ref Vector128<byte> s5,
        ref Vector128<byte> s6,
        ref Vector128<byte> s7)
    {
        Vector128<byte> before = Vector128.Load(last - BlockSize);
        Vector128<byte> key = Vector128.Load(last);
        s0 = TAes.Last(s0, before, key);
        s1 = TAes.Last(s1, before, key);
        s2 = TAes.Last(s2, before, key);
        s3 = TAes.Last(s3, before, key);
        s4 = TAes.Last(s4, before, key);
        s5 = TAes.Last(s5, before, key);
        s6 = TAes.Last(s6, before, key);
        s7 = TAes.Last(s7, before, key);
    }
}
