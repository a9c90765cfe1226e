using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>GCM by what .NET has from the operating system, for processors without the instructions of ours.</summary>
internal sealed class PlatformGcmCipher : GcmCipher
{
    // A refusal by AesGcm.Decrypt is an exception: 5 us against the 1 us of a datagram that opens, which is what a
    // flood of forgeries would live on. So after one, this many datagrams must open before the next is given that
    // chance.
    private const int WaryFor = 256;

    private readonly AesGcm _aes;
    private byte[] _scratch = new byte[TransportProfile.MaxMtu];
    private int _wary;

    public PlatformGcmCipher(ReadOnlySpan<byte> key) => _aes = new AesGcm(key, TagLength);

    public override void Seal(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, Span<byte> tag) =>
        _aes.Encrypt(nonce, text, text, tag, associatedData);

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
        _aes.Dispose();
        CryptographicOperations.ZeroMemory(_scratch);
    }

    private bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        try
        {
            _aes.Decrypt(nonce, text, tag, text, associatedData);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(text);
            return false;
        }
    }

    /// <summary>
    /// Decrypts without an exception for a wrong tag, at twice the work. GCM encrypts by a keystream, so that to
    /// encrypt the ciphertext is to decrypt it; to encrypt the result once more gives the tag that the datagram
    /// should have had.
    /// </summary>
    private bool TryDecryptQuietly(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        if (_scratch.Length < text.Length)
        {
            _scratch = new byte[text.Length];
        }

        Span<byte> expected = stackalloc byte[TagLength];
        _aes.Encrypt(nonce, text, text, expected);
        _aes.Encrypt(nonce, text, _scratch.AsSpan(0, text.Length), expected, associatedData);
        if (CryptographicOperations.FixedTimeEquals(expected, tag))
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(text);
        return false;
    }
}
