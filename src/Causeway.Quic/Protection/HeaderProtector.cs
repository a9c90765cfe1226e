using System.Diagnostics;
using Causeway.Protocol.Crypto;
using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>
/// Makes the masks that hide packet numbers (RFC 9001, 5.4), several at a time. Its key lasts through key updates. For
/// one thread at a time.
/// </summary>
internal abstract class HeaderProtector : IDisposable
{
    /// <summary>Bytes of a sample, and of the place of a mask.</summary>
    public const int SampleLength = 16;

    /// <summary>Bytes of a mask that are used.</summary>
    public const int MaskLength = 5;

    /// <summary>
    /// The sample begins so many bytes behind the start of the packet number, however long that is (RFC 9001, 5.4.2).
    /// </summary>
    public const int SampleOffset = 4;

    /// <summary>The most masks that one call is best asked for.</summary>
    public const int MaxBatch = 8;

    /// <summary>The header protection of a suite.</summary>
    public static HeaderProtector Create(CipherSuite suite, ReadOnlySpan<byte> key) =>
        suite == CipherSuite.ChaCha20Poly1305Sha256 ? new ChaChaHeaderProtector(key) : new AesHeaderProtector(key);

    /// <summary>Makes masks of samples, in place.</summary>
    /// <param name="samples">
    /// Samples of <see cref="SampleLength"/> bytes, whose first <see cref="MaskLength"/> bytes become masks.
    /// </param>
    public abstract void Mask(Span<byte> samples);

    /// <summary>Forgets the key.</summary>
    public abstract void Dispose();
}

/// <summary>Header protection by AES (RFC 9001, 5.4.3): the mask is the sample, encrypted.</summary>
internal sealed class AesHeaderProtector : HeaderProtector
{
    private readonly AesBlockCipher _cipher;

    /// <param name="key">16 or 32 bytes.</param>
    public AesHeaderProtector(ReadOnlySpan<byte> key) => _cipher = AesBlockCipher.Create(key);

    public override void Mask(Span<byte> samples) => _cipher.Encrypt(samples);

    public override void Dispose() => _cipher.Dispose();
}

/// <summary>
/// Header protection by ChaCha20 (RFC 9001, 5.4.4): the mask is the keystream that begins at the block and nonce which
/// the sample gives.
/// </summary>
internal sealed class ChaChaHeaderProtector : HeaderProtector
{
    private readonly ChaChaBlocks _blocks;

    /// <param name="key">32 bytes.</param>
    public ChaChaHeaderProtector(ReadOnlySpan<byte> key) => _blocks = new ChaChaBlocks(key);

    public override void Mask(Span<byte> samples)
    {
        Debug.Assert(samples.Length % SampleLength == 0, "samples are whole");
        for (; samples.Length > 0; samples = samples[Math.Min(samples.Length, MaxBatch * SampleLength)..])
        {
            _blocks.FirstWords(samples[..Math.Min(samples.Length, MaxBatch * SampleLength)]);
        }
    }

    public override void Dispose() => _blocks.Dispose();
}
