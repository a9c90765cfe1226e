using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Salsa20/20 with a 256-bit key (Bernstein, "The Salsa20 family of stream ciphers") as kcptun uses it: the first 8
/// bytes of a packet are the nonce and stay clear, the rest is XORed with the keystream from block 0 (docs/wire/kcptun.md
/// 3.3).
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
    private new const int NonceLength = 8;
    private const int BlockSize = 64;
    private const int StateWords = 16;
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

    // The rest of the 16 is behind the keystream, and can be changed without a trace.
    public override int IdentityLength => NonceLength;

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        byte* keystream = stackalloc byte[MaxLanes * BlockSize];
        TVector* state = stackalloc TVector[StateWords];

        // A matrix of 4 x 4 words: "expand 32-byte k" on the diagonal, key, nonce and counter around it.
        TVector* initial = stackalloc TVector[]
        {
            TLanes.Broadcast(0x61707865),
            TLanes.Broadcast(_key[0]),
            TLanes.Broadcast(_key[1]),
            TLanes.Broadcast(_key[2]),
            TLanes.Broadcast(_key[3]),
            TLanes.Broadcast(0x3320646E),
            default,
            default,
            default,
            default,
            TLanes.Broadcast(0x79622D32),
            TLanes.Broadcast(_key[4]),
            TLanes.Broadcast(_key[5]),
            TLanes.Broadcast(_key[6]),
            TLanes.Broadcast(_key[7]),
            TLanes.Broadcast(0x6B206574),
        };

        // What varies between lanes: the nonce's two words, and the low word of the block counter. Its high word is 0: no
        // packet has 2^32 blocks.
        uint* nonceLow = (uint*)(initial + 6);
        uint* nonceHigh = (uint*)(initial + 7);
        uint* counter = (uint*)(initial + 8);
        byte** target = stackalloc byte*[MaxLanes];
        int* length = stackalloc int[MaxLanes];

        int used = 0;
        int runs = 0;
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
                // Consecutive lanes of one packet are XORed in one go.
                if (used == 0 || block == 0)
                {
                    target[runs] = start + position;
                    length[runs++] = 0;
                }

                nonceLow[used] = low;
                nonceHigh[used] = high;
                counter[used] = block++;
                length[runs - 1] += Math.Min(BlockSize, end - position);
                if (++used == TLanes.Count)
                {
                    Generate(initial, state, keystream);
                    Apply(runs, target, length, keystream);
                    used = 0;
                    runs = 0;
                }
            }
        }

        if (used > 0)
        {
            // Idle lanes compute what was left in them, and nobody looks.
            Generate(initial, state, keystream);
            Apply(runs, target, length, keystream);
        }

        CryptographicOperations.ZeroMemory(new Span<byte>(keystream, MaxLanes * BlockSize));
        CryptographicOperations.ZeroMemory(new Span<byte>(state, StateWords * sizeof(TVector)));
        CryptographicOperations.ZeroMemory(new Span<byte>(initial, StateWords * sizeof(TVector)));
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch) => Encrypt(batch);

    public override void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_key.AsSpan()));

    private static void Apply(int runs, byte** target, int* length, byte* keystream)
    {
        for (int i = 0; i < runs; i++)
        {
            XorCipher.XorInto(new Span<byte>(target[i], length[i]), new ReadOnlySpan<byte>(keystream, length[i]));

            // The next run is another packet's, from its first block on.
            keystream += (length[i] + BlockSize - 1) & -BlockSize;
        }
    }

    /// <summary>One block in each lane.</summary>
    private static void Generate(TVector* initial, TVector* state, byte* keystream)
    {
        Unsafe.CopyBlockUnaligned(state, initial, (uint)(StateWords * sizeof(TVector)));
        if (TLanes.KeepsStateInRegisters)
        {
            RunInRegisters(state);
        }
        else
        {
            RunInMemory(state);
        }

        for (int i = 0; i < StateWords; i += 4)
        {
            TLanes.Scatter(
                TLanes.Add(state[i], initial[i]),
                TLanes.Add(state[i + 1], initial[i + 1]),
                TLanes.Add(state[i + 2], initial[i + 2]),
                TLanes.Add(state[i + 3], initial[i + 3]),
                keystream + (4 * i));
        }
    }

    private static void RunInRegisters(TVector* x)
    {
        TVector x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7];
        TVector x8 = x[8], x9 = x[9], x10 = x[10], x11 = x[11], x12 = x[12], x13 = x[13], x14 = x[14], x15 = x[15];
        for (int round = 0; round < DoubleRounds; round++)
        {
            // Columns, then rows; each starts below (right of) the diagonal.
            TwoQuarterRounds(ref x0, ref x4, ref x8, ref x12, ref x5, ref x9, ref x13, ref x1);
            TwoQuarterRounds(ref x10, ref x14, ref x2, ref x6, ref x15, ref x3, ref x7, ref x11);
            TwoQuarterRounds(ref x0, ref x1, ref x2, ref x3, ref x5, ref x6, ref x7, ref x4);
            TwoQuarterRounds(ref x10, ref x11, ref x8, ref x9, ref x15, ref x12, ref x13, ref x14);
        }

        (x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]) = (x0, x1, x2, x3, x4, x5, x6, x7);
        (x[8], x[9], x[10], x[11], x[12], x[13], x[14], x[15]) = (x8, x9, x10, x11, x12, x13, x14, x15);
    }

    /// <summary>
    /// With 16 registers the state and what is computed with it do not fit: half of it at a time takes two thirds of the time of
    /// what a compiler makes of all (AVX2).
    /// </summary>
    private static void RunInMemory(TVector* x)
    {
        for (int round = 0; round < DoubleRounds; round++)
        {
            TwoQuarterRounds(x, 0, 4, 8, 12, 5, 9, 13, 1);
            TwoQuarterRounds(x, 10, 14, 2, 6, 15, 3, 7, 11);
            TwoQuarterRounds(x, 0, 1, 2, 3, 5, 6, 7, 4);
            TwoQuarterRounds(x, 10, 11, 8, 9, 15, 12, 13, 14);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoQuarterRounds(TVector* x, int a, int b, int c, int d, int e, int f, int g, int h)
    {
        TVector xa = x[a], xb = x[b], xc = x[c], xd = x[d], xe = x[e], xf = x[f], xg = x[g], xh = x[h];
        TwoQuarterRounds(ref xa, ref xb, ref xc, ref xd, ref xe, ref xf, ref xg, ref xh);
        x[a] = xa;
        x[b] = xb;
        x[c] = xc;
        x[d] = xd;
        x[e] = xe;
        x[f] = xf;
        x[g] = xg;
        x[h] = xh;
    }

    /// <summary>Two quarter rounds step by step: each by itself is a chain in which every step waits for the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoQuarterRounds(
        ref TVector a, ref TVector b, ref TVector c, ref TVector d, ref TVector e, ref TVector f, ref TVector g, ref TVector h)
    {
        b = TLanes.Mix(b, a, d, 7);
        f = TLanes.Mix(f, e, h, 7);
        c = TLanes.Mix(c, b, a, 9);
        g = TLanes.Mix(g, f, e, 9);
        d = TLanes.Mix(d, c, b, 13);
        h = TLanes.Mix(h, g, f, 13);
        a = TLanes.Mix(a, d, c, 18);
        e = TLanes.Mix(e, h, g, 18);
    }
}
