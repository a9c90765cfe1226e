using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>What AesGcm and ChaCha20Poly1305 of .NET have in common: they share no type.</summary>
internal interface IPlatformAead : IDisposable
{
    void Encrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, Span<byte> tag, ReadOnlySpan<byte> associatedData);

    /// <exception cref="AuthenticationTagMismatchException">The tag is not that of the rest.</exception>
    void Decrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> tag, Span<byte> plaintext, ReadOnlySpan<byte> associatedData);
}

/// <summary>
/// An AEAD that .NET has from the operating system, in place, which refuses forgeries without an exception for each. It encrypts by a
/// keystream, as GCM and ChaCha20 do. For one thread at a time.
/// </summary>
internal sealed class PlatformAead<TCipher>(TCipher cipher) : IDisposable
    where TCipher : struct, IPlatformAead
{
    // A refusal by Decrypt is an exception: 5 us against the 1 us of a datagram that opens, which is what a flood of
    // forgeries would live on. So after one, this many datagrams must open before the next is given that chance.
    private const int WaryFor = 256;

    // Nothing before the first forgery: most keys never see one.
    private byte[] _scratch = [];
    private int _wary;

    /// <inheritdoc cref="GcmCipher.Seal"/>
    public void Seal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        cipher.Encrypt(nonce, text, text, tag, associatedData);

    /// <inheritdoc cref="GcmCipher.TryOpen"/>
    public bool TryOpen(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        bool opened = _wary > 0
            ? TryDecryptQuietly(nonce, associatedData, text, tag)
            : TryDecrypt(nonce, associatedData, text, tag);
        _wary = opened ? Math.Max(_wary - 1, 0) : WaryFor;
        return opened;
    }

    public void Dispose()
    {
        cipher.Dispose();
        CryptographicOperations.ZeroMemory(_scratch);
    }

    private bool TryDecrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        try
        {
            cipher.Decrypt(nonce, text, tag, text, associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(text);
            return false;
        }
    }

    /// <summary>
    /// Decrypts without an exception for a wrong tag, at twice the work. To encrypt the ciphertext by the same keystream is to decrypt
    /// it; to encrypt the result once more gives the tag that the datagram should have had.
    /// </summary>
    private bool TryDecryptQuietly(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        if (_scratch.Length < text.Length)
        {
            _scratch = new byte[Math.Max(text.Length, TransportProfile.MaxMtu)];
        }

        Span<byte> expected = stackalloc byte[GcmCipher.TagLength];
        cipher.Encrypt(nonce, text, text, expected, associatedData: default);
        cipher.Encrypt(nonce, text, _scratch.AsSpan(0, text.Length), expected, associatedData);
        if (CryptographicOperations.FixedTimeEquals(expected, tag))
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(text);
        return false;
    }
}
