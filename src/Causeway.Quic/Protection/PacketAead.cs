using Causeway.Protocol.Crypto;
using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>
/// Authenticated encryption of packets under one key (RFC 9001, 5.3), in place. For one thread at a time.
/// </summary>
internal abstract class PacketAead : IDisposable
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceLength = GcmCipher.NonceLength;

    /// <summary>Bytes of a tag.</summary>
    public const int TagLength = GcmCipher.TagLength;

    /// <summary>The AEAD of a suite.</summary>
    public static PacketAead Create(CipherSuite suite, ReadOnlySpan<byte> key) => suite switch
    {
        CipherSuite.ChaCha20Poly1305Sha256 when System.Security.Cryptography.ChaCha20Poly1305.IsSupported =>
            new PlatformChaChaAead(key),
        CipherSuite.ChaCha20Poly1305Sha256 => new ManagedChaChaAead(key),
        _ => new GcmAead(key),
    };

    /// <summary>Encrypts and authenticates.</summary>
    /// <param name="nonce"><see cref="NonceLength"/> bytes, never the same twice.</param>
    /// <param name="associatedData">What the tag covers beside the text.</param>
    /// <param name="text">The plaintext, which becomes the ciphertext.</param>
    /// <param name="tag">Takes <see cref="TagLength"/> bytes.</param>
    public abstract void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag);

    /// <summary>Checks and decrypts. What comes from the network never throws.</summary>
    /// <param name="nonce"><see cref="NonceLength"/> bytes.</param>
    /// <param name="associatedData">What the tag covers beside the text.</param>
    /// <param name="text">The ciphertext, which becomes the plaintext, or zeros if it is refused.</param>
    /// <param name="tag"><see cref="TagLength"/> bytes.</param>
    /// <returns>Whether all of them are as they were sealed.</returns>
    public abstract bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag);

    /// <summary>Forgets the key.</summary>
    public abstract void Dispose();
}

/// <summary>AEAD_AES_128_GCM and AEAD_AES_256_GCM.</summary>
internal sealed class GcmAead : PacketAead
{
    private readonly GcmCipher _cipher;

    /// <param name="key">16 or 32 bytes.</param>
    public GcmAead(ReadOnlySpan<byte> key) => _cipher = GcmCipher.Create(key);

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        _cipher.Seal(nonce, associatedData, text, tag);

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag) =>
        _cipher.TryOpen(nonce, associatedData, text, tag);

    public override void Dispose() => _cipher.Dispose();
}
