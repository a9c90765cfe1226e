using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>GCM (SP 800-38D) by AES and carry-less multiplication instructions, eight blocks at a time.</summary>
/// <remarks>
/// The two instructions go to different units of a processor. So a round of AES for the eight counters of one group
/// (GCTR, section 6.5) stands beside a product of GHASH (section 6.4) for a block whose ciphertext is at hand: of the
/// group before when encrypting, of the same one when decrypting. Nothing branches on, or looks up by, a byte of key or
/// text.
/// </remarks>
internal sealed unsafe class InterleavedGcmCipher<TAes, TCarryless> : GcmCipher
    where TAes : struct, IAesInstructions
    where TCarryless : struct, ICarrylessInstructions
{
    private const int BlockSize = 16;
    private const int Lanes = 8;
    private const int GroupSize = Lanes * BlockSize;

    private readonly AesKeySchedule<TAes> _schedule;
    private readonly GhashKey<TCarryless> _ghash;
    private bool _disposed;

    /// <param name="key">16 or 32 bytes.</param>
    public InterleavedGcmCipher(ReadOnlySpan<byte> key)
    {
        _schedule = new AesKeySchedule<TAes>(key);
        _ghash = new GhashKey<TCarryless>(
            AesBlocks<TAes>.EncryptOne(_schedule.Keys, _schedule.Rounds, Vector128<byte>.Zero));
    }

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        byte* tail = stackalloc byte[GroupSize + BlockSize];
        Vector128<uint> counter = FirstCounter(nonce);
        Vector128<byte> tagMask = TagMask(counter);
        Vector128<ulong> hash = HashAssociatedData(associatedData);
        int left = text.Length % GroupSize;
        fixed (byte* start = text)
        {
            byte* end = start + (text.Length - left);
            if (end > start)
            {
                // The first group has none before it to be hashed; the last one is hashed beside the tail.
                CryptGroup(start, ref counter);
                CryptAndHash(start + GroupSize, end, start, ref counter, ref hash);
                Unsafe.CopyBlockUnaligned(tail, end, (uint)left);
                CryptAndHash(tail, tail + GroupSize, end - GroupSize, ref counter, ref hash);
            }
            else
            {
                Unsafe.CopyBlockUnaligned(tail, end, (uint)left);
                CryptGroup(tail, ref counter);
            }

            Unsafe.CopyBlockUnaligned(end, tail, (uint)left);
        }

        hash = HashTail(hash, tail, left, associatedData.Length, text.Length);
        (GhashKey<TCarryless>.ReverseBytes(hash.AsByte()) ^ tagMask).CopyTo(tag);
        GC.KeepAlive(this);
    }

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        byte* tail = stackalloc byte[GroupSize + BlockSize];
        Vector128<uint> counter = FirstCounter(nonce);
        Vector128<byte> tagMask = TagMask(counter);
        Vector128<ulong> hash = HashAssociatedData(associatedData);
        int left = text.Length % GroupSize;
        fixed (byte* start = text)
        {
            byte* end = start + (text.Length - left);
            CryptAndHash(start, end, start, ref counter, ref hash);
            Unsafe.CopyBlockUnaligned(tail, end, (uint)left);
            hash = HashTail(hash, tail, left, associatedData.Length, text.Length);
            if (left > 0)
            {
                CryptGroup(tail, ref counter);
                Unsafe.CopyBlockUnaligned(end, tail, (uint)left);
            }
        }

        // One comparison of all 128 bits: how long it takes does not tell how many were right. The text was decrypted
        // on the way, which costs less than to pass over it twice; what is refused is wiped before anyone sees it.
        Vector128<byte> expected = GhashKey<TCarryless>.ReverseBytes(hash.AsByte()) ^ tagMask;
        bool opened = expected == Vector128.Create(tag);
        if (!opened)
        {
            CryptographicOperations.ZeroMemory(text);
        }

        CryptographicOperations.ZeroMemory(new Span<byte>(tail, GroupSize));
        GC.KeepAlive(this);
        return opened;
    }

    public override void Dispose()
    {
        _disposed = true;
        _schedule.Zero();
        _ghash.Zero();
    }

    /// <summary>
    /// The counter block J0 = nonce || 1 (section 7.1, step 2) with its bytes reversed, so that inc32 (section 6.2) is
    /// an addition to element 0. It cannot wrap: a span holds less than 2^27 blocks.
    /// </summary>
    private static Vector128<uint> FirstCounter(ReadOnlySpan<byte> nonce) => Vector128.Create(
        1,
        BinaryPrimitives.ReadUInt32BigEndian(nonce[8..]),
        BinaryPrimitives.ReadUInt32BigEndian(nonce[4..]),
        BinaryPrimitives.ReadUInt32BigEndian(nonce));

    /// <summary>The next counter block: inc32, then the order of bytes that the cipher takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Next(ref Vector128<uint> counter)
    {
        counter += Vector128.CreateScalar(1U);
        return GhashKey<TCarryless>.ReverseBytes(counter.AsByte());
    }

    /// <summary>What is added to the hash to make the tag: the cipher of J0 (section 7.1, step 6).</summary>
    private Vector128<byte> TagMask(Vector128<uint> firstCounter) => AesBlocks<TAes>.EncryptOne(
        _schedule.Keys, _schedule.Rounds, GhashKey<TCarryless>.ReverseBytes(firstCounter.AsByte()));

    /// <summary>
    /// Encrypts or decrypts the groups from <paramref name="text"/> to <paramref name="end"/>, and takes as many groups
    /// from <paramref name="hashed"/> on into the hash. A group is hashed before one at the same place is changed.
    /// </summary>
    /// <remarks>Not inlined: it needs all 16 vector registers, and must not share them with a caller.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CryptAndHash(
        byte* text, byte* end, byte* hashed, ref Vector128<uint> counter, ref Vector128<ulong> hash)
    {
        byte* keys = _schedule.Keys;
        byte* rounds = AesBlocks<TAes>.FirstOfRounds(keys);
        byte* endOfRounds = AesBlocks<TAes>.EndOfRounds(keys, _schedule.Rounds);
        byte* last = keys + (_schedule.Rounds * BlockSize);
        byte* powers = _ghash.PowersFrom(Lanes);
        Vector128<uint> current = counter;
        Vector128<ulong> carry = hash;
        Debug.Assert(endOfRounds - rounds > GroupSize, "9 rounds or more: one for each block");
        for (; text < end; text += GroupSize)
        {
            Vector128<byte> s0 = Next(ref current);
            Vector128<byte> s1 = Next(ref current);
            Vector128<byte> s2 = Next(ref current);
            Vector128<byte> s3 = Next(ref current);
            Vector128<byte> s4 = Next(ref current);
            Vector128<byte> s5 = Next(ref current);
            Vector128<byte> s6 = Next(ref current);
            Vector128<byte> s7 = Next(ref current);
            AesBlocks<TAes>.FirstEight(keys, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            GhashSum<TCarryless> sum = default;
            for (nint at = 0; at < GroupSize; at += BlockSize)
            {
                AesBlocks<TAes>.RoundEight(
                    rounds + at, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
                carry ^= GhashKey<TCarryless>.ReverseBytes(Vector128.Load(hashed + at)).AsUInt64();
                sum.Add(carry, Vector128.Load(powers + at).AsUInt64());
                carry = Vector128<ulong>.Zero;
            }

            for (byte* at = rounds + GroupSize; at < endOfRounds; at += BlockSize)
            {
                AesBlocks<TAes>.RoundEight(at, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            }

            carry = sum.Reduce();
            AesBlocks<TAes>.LastEight(last, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            XorInto(text, s0, s1, s2, s3, s4, s5, s6, s7);
            hashed += GroupSize;
        }

        counter = current;
        hash = carry;
    }

    /// <summary>Encrypts or decrypts one group.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CryptGroup(byte* text, ref Vector128<uint> counter)
    {
        Vector128<uint> current = counter;
        Vector128<byte> s0 = Next(ref current);
        Vector128<byte> s1 = Next(ref current);
        Vector128<byte> s2 = Next(ref current);
        Vector128<byte> s3 = Next(ref current);
        Vector128<byte> s4 = Next(ref current);
        Vector128<byte> s5 = Next(ref current);
        Vector128<byte> s6 = Next(ref current);
        Vector128<byte> s7 = Next(ref current);
        AesBlocks<TAes>.EncryptEight(
            _schedule.Keys, _schedule.Rounds, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        XorInto(text, s0, s1, s2, s3, s4, s5, s6, s7);
        counter = current;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void XorInto(
        byte* text,
        Vector128<byte> s0,
        Vector128<byte> s1,
        Vector128<byte> s2,
        Vector128<byte> s3,
        Vector128<byte> s4,
        Vector128<byte> s5,
        Vector128<byte> s6,
        Vector128<byte> s7)
    {
        (s0 ^ Vector128.Load(text)).Store(text);
        (s1 ^ Vector128.Load(text + 16)).Store(text + 16);
        (s2 ^ Vector128.Load(text + 32)).Store(text + 32);
        (s3 ^ Vector128.Load(text + 48)).Store(text + 48);
        (s4 ^ Vector128.Load(text + 64)).Store(text + 64);
        (s5 ^ Vector128.Load(text + 80)).Store(text + 80);
        (s6 ^ Vector128.Load(text + 96)).Store(text + 96);
        (s7 ^ Vector128.Load(text + 112)).Store(text + 112);
    }

    /// <summary>Associated data, filled up with zeros to whole blocks.</summary>
    private Vector128<ulong> HashAssociatedData(ReadOnlySpan<byte> data)
    {
        int left = data.Length % BlockSize;
        Vector128<ulong> hash = _ghash.Hash(Vector128<ulong>.Zero, data[..^left]);
        if (left == 0)
        {
            return hash;
        }

        Span<byte> last = stackalloc byte[BlockSize];
        last.Clear();
        data[^left..].CopyTo(last);
        return _ghash.Hash(hash, last);
    }

    /// <summary>
    /// Takes in the last blocks of ciphertext, less than a group, filled up with zeros, and the block of both lengths
    /// in bits (section 7.1, step 5).
    /// </summary>
    /// <param name="hash">The hash so far.</param>
    /// <param name="tail">The blocks, in a place with room for one block more than a group.</param>
    /// <param name="length">Bytes of them.</param>
    /// <param name="associatedLength">Bytes of associated data in all.</param>
    /// <param name="textLength">Bytes of ciphertext in all.</param>
    private Vector128<ulong> HashTail(
        Vector128<ulong> hash, byte* tail, int length, int associatedLength, int textLength)
    {
        int blocks = (length + BlockSize - 1) / BlockSize;
        new Span<byte>(tail + length, (blocks * BlockSize) - length).Clear();
        Vector128<ulong> lengths = Vector128.Create((ulong)textLength * 8, (ulong)associatedLength * 8);
        GhashKey<TCarryless>.ReverseBytes(lengths.AsByte()).Store(tail + (blocks * BlockSize));
        return _ghash.Hash(hash, new ReadOnlySpan<byte>(tail, (blocks + 1) * BlockSize));
    }
}
