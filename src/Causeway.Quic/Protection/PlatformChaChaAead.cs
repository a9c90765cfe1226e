using System.Security.Cryptography;
using Causeway.Protocol.Crypto;

namespace Causeway.Quic.Protection;

/// <summary>AEAD_CHACHA20_POLY1305 (RFC 8439) by what .NET has from the operating system.</summary>
internal sealed class PlatformChaChaAead : PacketAead
{
    private readonly PlatformAead<Cipher> _aead;

    /// <param name="key">32 bytes.</param>
    public PlatformChaChaAead(ReadOnlySpan<byte> key) => _aead = new PlatformAead<Cipher>(new Cipher(new ChaCha20Poly1305(key)));

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        _aead.Seal(nonce, associatedData, text, tag);

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag) =>
        _aead.TryOpen(nonce, associatedData, text, tag);

    public override void Dispose() => _aead.Dispose();

    private readonly struct Cipher(ChaCha20Poly1305 chaCha) : IPlatformAead
    {
        public void Encrypt(
            ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> associatedData) =>
            chaCha.Encrypt(nonce, plaintext, ciphertext, tag, associatedData);

        public void Decrypt(
            ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, ReadOnlySpan<byte> associatedData) =>
            chaCha.Decrypt(nonce, ciphertext, tag, plaintext, associatedData);

        public void Dispose() => chaCha.Dispose();
    }
}
