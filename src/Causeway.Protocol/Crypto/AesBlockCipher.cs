using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// The forward cipher of AES on batches of independent blocks (FIPS 197 section 5.1), in place. For one thread at a time.
/// </summary>
internal abstract class AesBlockCipher : IDisposable
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 16;

    /// <summary>The cipher by the fastest way that the processor has.</summary>
    /// <param name="key">16, 24 or 32 bytes.</param>
    public static AesBlockCipher Create(ReadOnlySpan<byte> key)
    {
        if (X86AesInstructions.IsSupported)
        {
            return new InterleavedAesBlockCipher<X86AesInstructions>(key);
        }

        return ArmAesInstructions.IsSupported
            ? new InterleavedAesBlockCipher<ArmAesInstructions>(key)
            : new PlatformAesBlockCipher(key);
    }

    /// <summary>Encrypts each block by itself.</summary>
    /// <param name="blocks">Whole blocks.</param>
    public abstract void Encrypt(Span<byte> blocks);

    /// <summary>Forgets the key. Whatever else is called afterwards throws.</summary>
    public abstract void Dispose();
}

/// <summary>Eight blocks at a time by a processor's instructions.</summary>
internal sealed unsafe class InterleavedAesBlockCipher<TAes> : AesBlockCipher
    where TAes : struct, IAesInstructions
{
    private const int Lanes = 8;

    private readonly AesKeySchedule<TAes> _schedule;
    private bool _disposed;

    /// <param name="key">16, 24 or 32 bytes.</param>
    public InterleavedAesBlockCipher(ReadOnlySpan<byte> key) => _schedule = new AesKeySchedule<TAes>(key);

    public override void Encrypt(Span<byte> blocks)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Debug.Assert(blocks.Length % BlockSize == 0, "blocks are whole");
        byte* keys = _schedule.Keys;
        int rounds = _schedule.Rounds;
        fixed (byte* start = blocks)
        {
            byte* end = start + blocks.Length;
            byte* at = start;
            for (; end - at >= Lanes * BlockSize; at += Lanes * BlockSize)
            {
                EncryptEight(at, keys, rounds);
            }

            for (; at < end; at += BlockSize)
            {
                AesBlocks<TAes>.EncryptOne(keys, rounds, Vector128.Load(at)).Store(at);
            }
        }

        GC.KeepAlive(this);
    }

    public override void Dispose()
    {
        _disposed = true;
        _schedule.Zero();
    }

    private static void EncryptEight(byte* at, byte* keys, int rounds)
    {
        Vector128<byte> s0 = Vector128.Load(at);
        Vector128<byte> s1 = Vector128.Load(at + 16);
        Vector128<byte> s2 = Vector128.Load(at + 32);
        Vector128<byte> s3 = Vector128.Load(at + 48);
        Vector128<byte> s4 = Vector128.Load(at + 64);
        Vector128<byte> s5 = Vector128.Load(at + 80);
        Vector128<byte> s6 = Vector128.Load(at + 96);
        Vector128<byte> s7 = Vector128.Load(at + 112);
        AesBlocks<TAes>.EncryptEight(keys, rounds, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        s0.Store(at);
        s1.Store(at + 16);
        s2.Store(at + 32);
        s3.Store(at + 48);
        s4.Store(at + 64);
        s5.Store(at + 80);
        s6.Store(at + 96);
        s7.Store(at + 112);
    }
}

/// <summary>What .NET has from the operating system, for processors without the instructions of ours.</summary>
internal sealed class PlatformAesBlockCipher : AesBlockCipher
{
    private readonly Aes _aes = Aes.Create();
    private bool _disposed;

    /// <param name="key">16, 24 or 32 bytes.</param>
    public PlatformAesBlockCipher(ReadOnlySpan<byte> key) => _aes.SetKey(key);

    public override void Encrypt(Span<byte> blocks)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _aes.EncryptEcb(blocks, blocks, PaddingMode.None);
    }

    public override void Dispose()
    {
        _disposed = true;
        _aes.Dispose();
    }
}
