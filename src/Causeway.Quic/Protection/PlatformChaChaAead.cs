using System.Security.Cryptography;

namespace Causeway.Quic.Protection;

/// <summary>AEAD_CHACHA20_POLY1305 (RFC 8439) by what .NET has from the operating system.</summary>
internal sealed class PlatformChaChaAead : PacketAead
{
    // A refusal by Decrypt is an exception, which costs many times what a packet does: that is what a flood of
    // forgeries would live on. So after one, this many packets must open before the next is given that chance.
    private const int WaryFor = 256;

    private const int InitialScratchLength = 1500;

    private readonly ChaCha20Poly1305 _cipher;
    private byte[] _scratch = new byte[InitialScratchLength];
    private int _wary;

    /// <param name="key">32 bytes.</param>
    public PlatformChaChaAead(ReadOnlySpan<byte> key) => _cipher = new ChaCha20Poly1305(key);

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        _cipher.Encrypt(nonce, text, text, tag, associatedData);

    public override bool TryOpen(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        bool opened = _wary > 0
            ? TryDecryptQuietly(nonce, associatedData, text, tag)
            : TryDecrypt(nonce, associatedData, text, tag);
        _wary = opened ? Math.Max(_wary - 1, 0) : WaryFor;
        return opened;
    }

    public override void Dispose()
    {
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_scratch);
    }

    private bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        try
        {
            _cipher.Decrypt(nonce, text, tag, text, associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(text);
            return false;
        }
    }

    /// <summary>
    /// Decrypts without an exception for a wrong tag, at twice the work. ChaCha20 encrypts by a keystream, so that to
    /// encrypt the ciphertext is to decrypt it; to encrypt the result once more gives the tag that the packet should
    /// have had.
    /// </summary>
    private bool TryDecryptQuietly(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        if (_scratch.Length < text.Length)
        {
            _scratch = new byte[text.Length];
        }

        Span<byte> expected = stackalloc byte[TagLength];
        _cipher.Encrypt(nonce, text, text, expected);
        _cipher.Encrypt(nonce, text, _scratch.AsSpan(0, text.Length), expected, associatedData);
        if (CryptographicOperations.FixedTimeEquals(expected, tag))
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(text);
        return false;
    }
}
