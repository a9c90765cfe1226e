using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The crypt <c>aes-128-gcm</c> (kcptun-wire section 3.7): <c>nonce 12 | ciphertext | tag 16</c>, no associated data.
/// </summary>
internal sealed class AesGcmTransform : DatagramTransform
{
    /// <summary>Bytes around the payload.</summary>
    public const int Overhead = NonceLength + TagLength;

    private const int NonceLength = 12;
    private const int TagLength = 16;

    // A refusal by AesGcm.Decrypt is an exception: 5 us against the 1 us of a datagram that opens, which is what a
    // flood of forgeries would live on. So after one, this many datagrams must open before the next is given that
    // chance.
    private const int WaryFor = 256;

    private readonly AesGcm _aes;
    private readonly NonceSource _nonces;
    private byte[] _scratch = new byte[KcptunMtu.MaxDatagram];
    private int _wary;
    private bool _disposed;

    public AesGcmTransform(ReadOnlySpan<byte> key, NonceSource nonces)
    {
        _aes = new AesGcm(key, TagLength);
        _nonces = nonces;
    }

    public override int Headroom => NonceLength;

    public override int Tailroom => TagLength;

    public override void Protect(ReadOnlySpan<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (PacketBuffer datagram in batch)
        {
            Span<byte> payload = datagram.Payload;
            Span<byte> nonce = datagram.Prepend(NonceLength);
            Span<byte> tag = datagram.Append(TagLength);
            _nonces.Fill(nonce);
            _aes.Encrypt(nonce, payload, payload, tag);
        }
    }

    public override int Unprotect(Span<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int opened = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            PacketBuffer datagram = batch[i];
            if (datagram.Length < Overhead)
            {
                TooShort++;
            }
            else if (!TryOpen(datagram))
            {
                NotAuthentic++;
            }
            else if (datagram.Length < ChecksummedTransform.MinPayload)
            {
                TooShort++;
            }
            else
            {
                ChecksummedTransform.Keep(batch, ref opened, i);
            }
        }

        return opened;
    }

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _aes.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool TryOpen(PacketBuffer datagram)
    {
        Span<byte> whole = datagram.Payload;
        ReadOnlySpan<byte> nonce = whole[..NonceLength];
        Span<byte> text = whole[NonceLength..^TagLength];
        ReadOnlySpan<byte> tag = whole[^TagLength..];
        if (_wary > 0)
        {
            if (!TryDecryptQuietly(nonce, text, tag))
            {
                _wary = WaryFor;
                return false;
            }

            _wary--;
        }
        else if (!TryDecrypt(nonce, text, tag))
        {
            _wary = WaryFor;
            return false;
        }

        datagram.Advance(NonceLength);
        datagram.Truncate(datagram.Length - TagLength);
        return true;
    }

    private bool TryDecrypt(ReadOnlySpan<byte> nonce, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        try
        {
            _aes.Decrypt(nonce, text, tag, text);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    /// <summary>
    /// Decrypts without an exception for a wrong tag, at twice the work. GCM encrypts by a keystream, so that to
    /// encrypt the ciphertext is to decrypt it; to encrypt the result once more gives the tag that the datagram
    /// should have had.
    /// </summary>
    private bool TryDecryptQuietly(ReadOnlySpan<byte> nonce, Span<byte> text, ReadOnlySpan<byte> tag)
    {
        if (_scratch.Length < text.Length)
        {
            _scratch = new byte[text.Length];
        }

        Span<byte> expected = stackalloc byte[TagLength];
        _aes.Encrypt(nonce, text, text, expected);
        _aes.Encrypt(nonce, text, _scratch.AsSpan(0, text.Length), expected);
        if (CryptographicOperations.FixedTimeEquals(expected, tag))
        {
            return true;
        }

        CryptographicOperations.ZeroMemory(text);
        return false;
    }
}
