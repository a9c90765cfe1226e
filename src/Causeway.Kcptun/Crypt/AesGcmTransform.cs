using Causeway.Protocol;
using Causeway.Protocol.Crypto;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The crypt <c>aes-128-gcm</c> (kcptun-wire section 3.7): <c>nonce 12 | ciphertext | tag 16</c>, no associated data.
/// </summary>
internal sealed class AesGcmTransform : DatagramTransform
{
    /// <summary>Bytes around the payload.</summary>
    public const int Overhead = NonceLength + TagLength;

    private const int NonceLength = GcmCipher.NonceLength;
    private const int TagLength = GcmCipher.TagLength;

    private readonly GcmCipher _cipher;
    private readonly NonceSource _nonces;
    private bool _disposed;

    public AesGcmTransform(GcmCipher cipher, NonceSource nonces)
    {
        _cipher = cipher;
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
            _cipher.Seal(nonce, associatedData: default, payload, tag);
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
            _cipher.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool TryOpen(PacketBuffer datagram)
    {
        Span<byte> whole = datagram.Payload;
        ReadOnlySpan<byte> nonce = whole[..NonceLength];
        Span<byte> text = whole[NonceLength..^TagLength];
        ReadOnlySpan<byte> tag = whole[^TagLength..];
        if (!_cipher.TryOpen(nonce, associatedData: default, text, tag))
        {
            return false;
        }

        datagram.Advance(NonceLength);
        datagram.Truncate(datagram.Length - TagLength);
        return true;
    }
}
