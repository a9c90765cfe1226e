using System.Buffers.Binary;
using System.IO.Hashing;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The common packet layout of all crypts but <c>aes-128-gcm</c> and <c>null</c> (docs/wire/kcptun.md 3.1):
/// <c>nonce 16 | CRC32 of the payload, little endian | payload</c>, with a cipher over all of it.
/// </summary>
internal sealed class ChecksummedTransform : DatagramTransform
{
    /// <summary>Bytes in front of the payload.</summary>
    public const int Overhead = NonceLength + ChecksumLength;

    /// <summary>
    /// What a receiver drops as too short, whatever the crypt: an out-of-band packet's header is this long.
    /// </summary>
    public const int MinPayload = 12;

    private const int NonceLength = PacketCipher.NonceLength;
    private const int ChecksumLength = 4;

    private readonly PacketCipher _cipher;
    private readonly NonceSource? _nonces;
    private readonly NonceMaker? _maker;
    private NonceRecogniser? _own;
    private bool _disposed;

    /// <param name="cipher">The cipher; the transform's from here on.</param>
    /// <param name="nonces">Nonces that are given; null for random ones that are known again if they come back.</param>
    public ChecksummedTransform(PacketCipher cipher, NonceSource? nonces = null)
    {
        _cipher = cipher;
        int identity = nonces is null ? cipher.IdentityLength : 0;
        _maker = identity > 0 ? new NonceMaker(identity) : null;
        _nonces = identity < NonceLength ? nonces ?? new RandomNonceSource() : null;
    }

    public override int Headroom => Overhead;

    public override int Tailroom => 0;

    public override void PairWith(DatagramTransform sender) =>
        _own = (sender as ChecksummedTransform)?._maker?.CreateRecogniser();

    public override void Protect(ReadOnlySpan<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (PacketBuffer datagram in batch)
        {
            if (datagram.Length > _cipher.MaxLength - Overhead)
            {
                throw new ArgumentException(
                    $"A datagram of {datagram.Length} bytes is longer than the crypt's {_cipher.MaxLength - Overhead}.",
                    nameof(batch));
            }

            uint checksum = Crc32.HashToUInt32(datagram.Payload);
            Span<byte> header = datagram.Prepend(Overhead);
            FillNonce(header[..NonceLength]);
            BinaryPrimitives.WriteUInt32LittleEndian(header[NonceLength..], checksum);
        }

        _cipher.Encrypt(batch);
    }

    public override int Unprotect(Span<PacketBuffer> batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int candidates = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            int length = batch[i].Length;
            if (length < Overhead)
            {
                TooShort++;
            }
            else if (length > _cipher.MaxLength)
            {
                NotAuthentic++;
            }
            else
            {
                Keep(batch, ref candidates, i);
            }
        }

        _cipher.Decrypt(batch[..candidates]);

        int opened = 0;
        for (int i = 0; i < candidates; i++)
        {
            PacketBuffer datagram = batch[i];
            ReadOnlySpan<byte> plain = datagram.Payload;
            if (BinaryPrimitives.ReadUInt32LittleEndian(plain[NonceLength..]) != Crc32.HashToUInt32(plain[Overhead..]))
            {
                NotAuthentic++;
            }
            else if (plain.Length - Overhead < MinPayload)
            {
                TooShort++;
            }
            else
            {
                Keep(batch, ref opened, i);
            }
        }

        return TakeHeaders(batch[..opened]);
    }

    /// <summary>Moves entry <paramref name="i"/> to the end of those kept, and a refused one into its place.</summary>
    internal static void Keep(Span<PacketBuffer> batch, ref int kept, int i)
    {
        (batch[kept], batch[i]) = (batch[i], batch[kept]);
        kept++;
    }

    private void FillNonce(Span<byte> nonce)
    {
        if (_maker is null)
        {
            _nonces!.Fill(nonce);
            return;
        }

        Span<byte> identity = stackalloc byte[NonceLength];
        identity = identity[.._maker.Length];
        _maker.Next(identity);
        _nonces?.Fill(nonce);

        _cipher.WriteIdentity(nonce, identity);
    }

    /// <summary>Strips the headers of what opened, and moves what is this end's own behind the rest.</summary>
    private int TakeHeaders(Span<PacketBuffer> opened)
    {
        int length = _cipher.IdentityLength;
        Span<byte> identities = stackalloc byte[NonceRecogniser.Group * NonceLength];
        int kept = 0;
        for (int from = 0; from < opened.Length; from += NonceRecogniser.Group)
        {
            int to = Math.Min(from + NonceRecogniser.Group, opened.Length);
            for (int i = from; i < to && length > 0; i++)
            {
                Span<byte> identity = identities.Slice((i - from) * length, length);
                _cipher.ReadIdentity(opened[i].Payload[..NonceLength], identity);
                opened[i].Fingerprint = BinaryPrimitives.ReadUInt64LittleEndian(identity);
            }

            uint own = _own?.FindOwn(identities[..((to - from) * length)]) ?? 0;
            for (int i = from; i < to; i++)
            {
                if ((own & (1u << (i - from))) != 0)
                {
                    Reflected++;
                    continue;
                }

                opened[i].Advance(Overhead);
                Keep(opened, ref kept, i);
            }
        }

        return kept;
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
}
