using System.Diagnostics;
using Causeway.Protocol.Crypto;

namespace Causeway.Quic.Protection;

/// <summary>
/// Hides the index of a listener's socket in the last byte of an id, under a key that only that listener has. For one thread at a time.
/// </summary>
/// <remarks>
/// The byte is the index, XORed with a byte of AES of the bytes before it: a stream cipher whose nonce is the rest of the id, as
/// header protection is (RFC 9001, 5.4.3; draft-ietf-quic-load-balancers, 7.2, proposes it for this purpose). Those bytes do not
/// repeat, so that the byte looks random. Who changes it only sends his own datagram to another socket.
/// </remarks>
internal sealed class ShardMark : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 16;

    /// <summary>Bytes that the mark takes.</summary>
    public const int Length = 1;

    // The last byte of the block tells how many others are used.
    private const int MostUsed = AesBlockCipher.BlockSize - 1;

    private readonly AesBlockCipher _cipher;

    /// <param name="key"><see cref="KeyLength"/> random bytes.</param>
    public ShardMark(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
        _cipher = AesBlockCipher.Create(key);
    }

    /// <summary>Writes the last byte.</summary>
    /// <param name="bytes">What does not repeat, and a byte behind it.</param>
    /// <param name="shard">The index, 0 to 255.</param>
    public void Write(Span<byte> bytes, int shard)
    {
        Debug.Assert(shard is >= 0 and <= byte.MaxValue, "an index has one byte");
        bytes[^1] = (byte)(shard ^ MaskOf(bytes[..^1]));
    }

    /// <summary>Reads the last byte. Of bytes that nobody wrote, it is as good as random.</summary>
    public int Read(ReadOnlySpan<byte> bytes) => bytes[^1] ^ MaskOf(bytes[..^1]);

    /// <summary>Forgets the key. Whatever else is called afterwards throws.</summary>
    public void Dispose() => _cipher.Dispose();

    private byte MaskOf(ReadOnlySpan<byte> bytes)
    {
        // The ends of counted bytes are those that differ.
        ReadOnlySpan<byte> used = bytes[^Math.Min(bytes.Length, MostUsed)..];
        Span<byte> block = stackalloc byte[AesBlockCipher.BlockSize];
        block.Clear();
        used.CopyTo(block);
        block[MostUsed] = (byte)used.Length;
        _cipher.Encrypt(block);
        return block[0];
    }
}
