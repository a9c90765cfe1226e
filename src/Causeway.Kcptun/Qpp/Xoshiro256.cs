using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Causeway.Kcptun.Qpp;

/// <summary>
/// The generator xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators";
/// docs/wire/kcptun.md 9.3).
/// </summary>
internal struct Xoshiro256
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <param name="state">32 bytes: four little-endian words.</param>
    public Xoshiro256(ReadOnlySpan<byte> state)
    {
        _s0 = BinaryPrimitives.ReadUInt64LittleEndian(state);
        _s1 = BinaryPrimitives.ReadUInt64LittleEndian(state[8..]);
        _s2 = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        _s3 = BinaryPrimitives.ReadUInt64LittleEndian(state[24..]);
    }

    /// <summary>The four words of state, for tests.</summary>
    public readonly ulong[] State => [_s0, _s1, _s2, _s3];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }
}
