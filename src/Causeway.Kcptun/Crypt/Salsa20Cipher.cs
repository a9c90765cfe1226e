using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Salsa20/20 with a 256-bit key (Bernstein, "The Salsa20 family of stream ciphers") as kcptun uses it: the first 8
/// bytes of a packet are the nonce and stay clear, the rest is XORed with the keystream from block 0 (kcptun-wire
/// section 3.3).
/// </summary>
/// <remarks>
/// Blocks are independent of each other, within a packet and between packets. So a lane is given to each (packet,
/// block) of the batch in turn, and only the batch's last group of blocks leaves lanes idle.
/// </remarks>
internal sealed unsafe class Salsa20Cipher<TLanes, TVector> : PacketCipher
    where TLanes : struct, ISalsaLanes<TVector>
    where TVector : unmanaged
{
    private const int KeyLength = 32;
    private const int NonceLength = 8;
    private const int BlockSize = 64;
    private const int DoubleRounds = 10;
    private const int MaxLanes = 8;

    private readonly uint[] _key = GC.AllocateArray<uint>(KeyLength / sizeof(uint), pinned: true);

    public Salsa20Cipher(ReadOnlySpan<byte> key)
    {
        for (int i = 0; i < _key.Length; i++)
        {
            _key[i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(i * sizeof(uint))..]);
        }
    }

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        byte* keystream = stackalloc byte[MaxLanes * BlockSize];

        // What varies between lanes, each a vector's worth of words: the nonce's two, and the low word of the block
        // counter. Its high word is 0: no packet has 2^32 blocks.
        uint* nonceLow = stackalloc uint[MaxLanes];
        uint* nonceHigh = stackalloc uint[MaxLanes];
        uint* counter = stackalloc uint[MaxLanes];
        byte** target = stackalloc byte*[MaxLanes];
        int* length = stackalloc int[MaxLanes];

        int used = 0;
        foreach (PacketBuffer packet in batch)
        {
            byte* start = Address(packet);
            int end = packet.Length;
            if (end <= NonceLength)
            {
                continue;
            }

            uint low = Unsafe.ReadUnaligned<uint>(start);
            uint high = Unsafe.ReadUnaligned<uint>(start + sizeof(uint));
            uint block = 0;
            for (int position = NonceLength; position < end; position += BlockSize)
            {
                nonceLow[used] = low;
                nonceHigh[used] = high;
                counter[used] = block++;
                target[used] = start + position;
                length[used] = Math.Min(BlockSize, end - position);
                if (++used == TLanes.Count)
                {
                    Generate(nonceLow, nonceHigh, counter, keystream);
                    Apply(used, target, length, keystream);
                    used = 0;
                }
            }
        }

        if (used > 0)
        {
            // Idle lanes compute what was left in them, and nobody looks.
            Generate(nonceLow, nonceHigh, counter, keystream);
            Apply(used, target, length, keystream);
        }

        CryptographicOperations.ZeroMemory(new Span<byte>(keystream, MaxLanes * BlockSize));
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch) => Encrypt(batch);

    public override void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_key.AsSpan()));

    private static void Apply(int lanes, byte** target, int* length, byte* keystream)
    {
        for (int i = 0; i < lanes; i++)
        {
            XorCipher.XorInto(
                new Span<byte>(target[i], length[i]), new ReadOnlySpan<byte>(keystream + (i * BlockSize), BlockSize));
        }
    }

    /// <summary>One block in each lane.</summary>
    private void Generate(uint* nonceLow, uint* nonceHigh, uint* counter, byte* keystream)
    {
        // The state is a matrix of 4 x 4 words: "expand 32-byte k" on the diagonal, key, nonce and counter around it.
        TVector i0 = TLanes.Broadcast(0x61707865);
        TVector i1 = TLanes.Broadcast(_key[0]);
        TVector i2 = TLanes.Broadcast(_key[1]);
        TVector i3 = TLanes.Broadcast(_key[2]);
        TVector i4 = TLanes.Broadcast(_key[3]);
        TVector i5 = TLanes.Broadcast(0x3320646E);
        TVector i6 = Unsafe.ReadUnaligned<TVector>(nonceLow);
        TVector i7 = Unsafe.ReadUnaligned<TVector>(nonceHigh);
        TVector i8 = Unsafe.ReadUnaligned<TVector>(counter);
        TVector i9 = TLanes.Broadcast(0);
        TVector i10 = TLanes.Broadcast(0x79622D32);
        TVector i11 = TLanes.Broadcast(_key[4]);
        TVector i12 = TLanes.Broadcast(_key[5]);
        TVector i13 = TLanes.Broadcast(_key[6]);
        TVector i14 = TLanes.Broadcast(_key[7]);
        TVector i15 = TLanes.Broadcast(0x6B206574);

        TVector x0 = i0, x1 = i1, x2 = i2, x3 = i3, x4 = i4, x5 = i5, x6 = i6, x7 = i7;
        TVector x8 = i8, x9 = i9, x10 = i10, x11 = i11, x12 = i12, x13 = i13, x14 = i14, x15 = i15;
        for (int round = 0; round < DoubleRounds; round++)
        {
            // Columns, then rows; each starts below (right of) the diagonal.
            QuarterRound(ref x0, ref x4, ref x8, ref x12);
            QuarterRound(ref x5, ref x9, ref x13, ref x1);
            QuarterRound(ref x10, ref x14, ref x2, ref x6);
            QuarterRound(ref x15, ref x3, ref x7, ref x11);
            QuarterRound(ref x0, ref x1, ref x2, ref x3);
            QuarterRound(ref x5, ref x6, ref x7, ref x4);
            QuarterRound(ref x10, ref x11, ref x8, ref x9);
            QuarterRound(ref x15, ref x12, ref x13, ref x14);
        }

        TLanes.Scatter(TLanes.Add(x0, i0), TLanes.Add(x1, i1), TLanes.Add(x2, i2), TLanes.Add(x3, i3), keystream);
        TLanes.Scatter(TLanes.Add(x4, i4), TLanes.Add(x5, i5), TLanes.Add(x6, i6), TLanes.Add(x7, i7), keystream + 16);
        TLanes.Scatter(
            TLanes.Add(x8, i8), TLanes.Add(x9, i9), TLanes.Add(x10, i10), TLanes.Add(x11, i11), keystream + 32);
        TLanes.Scatter(
            TLanes.Add(x12, i12), TLanes.Add(x13, i13), TLanes.Add(x14, i14), TLanes.Add(x15, i15), keystream + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void QuarterRound(ref TVector a, ref TVector b, ref TVector c, ref TVector d)
    {
        b = TLanes.Mix(b, a, d, 7);
        c = TLanes.Mix(c, b, a, 9);
        d = TLanes.Mix(d, c, b, 13);
        a = TLanes.Mix(a, d, c, 18);
    }
}
