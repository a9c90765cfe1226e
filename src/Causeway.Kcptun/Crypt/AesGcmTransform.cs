using System.Buffers.Binary;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The crypt <c>aes-128-gcm</c> (docs/wire/kcptun.md 3.7): <c>nonce 12 | ciphertext | tag 16</c>, no associated data.
/// </summary>
internal sealed class AesGcmTransform : DatagramTransform
{
    /// <summary>Bytes around the payload.</summary>
    public const int Overhead = NonceLength + TagLength;

    private const int NonceLength = GcmCipher.NonceLength;
    private const int TagLength = GcmCipher.TagLength;

    private readonly GcmCipher _cipher;
    private readonly NonceSource? _nonces;
    private readonly NonceMaker? _maker;
    private NonceRecogniser? _own;
    private bool _disposed;

    /// <param name="cipher">The cipher; the transform's from here on.</param>
    /// <param name="nonces">Nonces that are given; null for ones that are known again if they come back.</param>
    public AesGcmTransform(GcmCipher cipher, NonceSource? nonces = null)
    {
        _cipher = cipher;
        _nonces = nonces;
        _maker = nonces is null ? new NonceMaker(NonceLength) : null;
    }

    public override int Headroom => NonceLength;

    public override int Tailroom => TagLength;

    public override void PairWith(DatagramTransform sender) =>
        _own = (sender as AesGcmTransform)?._maker?.CreateRecogniser();

    public override void Protect(ReadOnlySpan<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (PacketBuffer datagram in batch)
        {
            Span<byte> payload = datagram.Payload;
            Span<byte> nonce = datagram.Prepend(NonceLength);
            Span<byte> tag = datagram.Append(TagLength);
            if (_maker is not null)
            {
                _maker.Next(nonce);
            }
            else
            {
                _nonces!.Fill(nonce);
            }

            _cipher.Seal(nonce, associatedData: default, payload, tag);
        }
    }

    public override int Unprotect(Span<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int opened = 0;
        for (int from = 0; from < batch.Length; from += NonceRecogniser.Group)
        {
            OpenGroup(batch, ref opened, from, Math.Min(from + NonceRecogniser.Group, batch.Length));
        }

        return opened;
    }

    private void OpenGroup(Span<PacketBuffer> batch, ref int opened, int from, int to)
    {
        Span<byte> nonces = stackalloc byte[NonceRecogniser.Group * NonceLength];
        nonces.Clear();
        for (int i = from; i < to; i++)
        {
            if (batch[i].Length >= Overhead)
            {
                batch[i].Payload[..NonceLength].CopyTo(nonces[((i - from) * NonceLength)..]);
            }
        }

        uint own = _own?.FindOwn(nonces[..((to - from) * NonceLength)]) ?? 0;
        for (int i = from; i < to; i++)
        {
            PacketBuffer datagram = batch[i];
            if (datagram.Length < Overhead)
            {
                TooShort++;
            }
            else if ((own & (1u << (i - from))) != 0)
            {
                Reflected++;
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
                datagram.Fingerprint = BinaryPrimitives.ReadUInt64LittleEndian(nonces[((i - from) * NonceLength)..]);
                ChecksummedTransform.Keep(batch, ref opened, i);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _cipher.Dispose();
            _maker?.Dispose();
            _own?.Dispose();
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
