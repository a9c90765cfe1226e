using System.Buffers.Binary;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The common packet layout of all crypts but <c>aes-128-gcm</c> and <c>null</c> (kcptun-wire section 3.1):
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

    private const int NonceLength = 16;
    private const int ChecksumLength = 4;

    private readonly PacketCipher _cipher;
    private readonly NonceSource _nonces;
    private bool _disposed;

    public ChecksummedTransform(PacketCipher cipher, NonceSource nonces)
    {
        _cipher = cipher;
        _nonces = nonces;
    }

    public override int Headroom => Overhead;

    public override int Tailroom => 0;

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

            uint checksum = Crc32.Compute(datagram.Payload);
            Span<byte> header = datagram.Prepend(Overhead);
            _nonces.Fill(header[..NonceLength]);
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
            if (BinaryPrimitives.ReadUInt32LittleEndian(plain[NonceLength..]) != Crc32.Compute(plain[Overhead..]))
            {
                NotAuthentic++;
            }
            else if (plain.Length - Overhead < MinPayload)
            {
                TooShort++;
            }
            else
            {
                datagram.Advance(Overhead);
                Keep(batch, ref opened, i);
            }
        }

        return opened;
    }

    /// <summary>Moves entry <paramref name="i"/> to the end of those kept, and a refused one into its place.</summary>
    internal static void Keep(Span<PacketBuffer> batch, ref int kept, int i)
    {
        (batch[kept], batch[i]) = (batch[i], batch[kept]);
        kept++;
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
}
