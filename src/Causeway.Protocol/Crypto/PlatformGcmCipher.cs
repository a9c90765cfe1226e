using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>GCM by what .NET has from the operating system, for processors without the instructions of ours.</summary>
internal sealed class PlatformGcmCipher : GcmCipher
{
    private readonly PlatformAead<Cipher> _aead;

    /// <param name="key">16 or 32 bytes.</param>
    public PlatformGcmCipher(ReadOnlySpan<byte> key) => _aead = new PlatformAead<Cipher>(new Cipher(new AesGcm(key, TagLength)));

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        _aead.Seal(nonce, associatedData, text, tag);

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag) =>
        _aead.TryOpen(nonce, associatedData, text, tag);

    public override void Dispose() => _aead.Dispose();

    private readonly struct Cipher(AesGcm aes) : IPlatformAead
    {
        public void Encrypt(
            ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> associatedData) =>
            aes.Encrypt(nonce, plaintext, ciphertext, tag, associatedData);

        public void Decrypt(
            ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, ReadOnlySpan<byte> associatedData) =>
            aes.Decrypt(nonce, ciphertext, tag, plaintext, associatedData);

        public void Dispose() => aes.Dispose();
    }
}
