using System.Buffers.Binary;

namespace Causeway.Kcptun.Compression;

/// <summary>Turns each mux frame into one chunk, two if it exceeds 65536 bytes (docs/wire/kcptun.md 8).</summary>
internal sealed class SnappyFrameEncoder
{
    // A block this short has no second occurrence of four bytes that would pay for its element.
    private const int ShortestWorthwhile = 17;

    private const int DataHeaderLength = SnappyChunk.HeaderLength + SnappyChunk.ChecksumLength;

    private bool _started;

    public ReadOnlySpan<byte> Encode(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        int left = header.Length + payload.Length;
        if (left == 0)
        {
            return default;
        }

        int chunks = (left + SnappyChunk.MaxPlain - 1) / SnappyChunk.MaxPlain;
        byte[] output = SnappyWorkspace.Current.Frame(SnappyChunk.StreamIdentifier.Length + (chunks * DataHeaderLength) + left);
        int written = 0;
        if (!_started)
        {
            SnappyChunk.StreamIdentifier.CopyTo(output);
            written = SnappyChunk.StreamIdentifier.Length;
            _started = true;
        }

        while (left > 0)
        {
            // The plain bytes are put where a stored chunk has them; only a chunk that compresses well is written over.
            int length = Math.Min(left, SnappyChunk.MaxPlain);
            Span<byte> body = output.AsSpan(written + DataHeaderLength, length);
            Take(ref header, body, out int taken);
            Take(ref payload, body[taken..], out _);
            written += WriteChunk(output.AsSpan(written), length);
            left -= length;
        }

        return output.AsSpan(0, written);
    }

    private static int WriteChunk(Span<byte> chunk, int length)
    {
        Span<byte> body = chunk.Slice(DataHeaderLength, length);
        uint checksum = Crc32C.Mask(Crc32C.Compute(body));
        byte type = SnappyChunk.Stored;
        int encoded = Compress(body);
        if (encoded > 0)
        {
            SnappyWorkspace.Current.Encoded.AsSpan(0, encoded).CopyTo(body);
            type = SnappyChunk.Compressed;
            length = encoded;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(chunk, ((uint)(length + SnappyChunk.ChecksumLength) << 8) | type);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[SnappyChunk.HeaderLength..], checksum);
        return DataHeaderLength + length;
    }

    private static int Compress(ReadOnlySpan<byte> body)
    {
        if (body.Length < ShortestWorthwhile)
        {
            return 0;
        }

        // Spec 8: compressed only if the encoded size is below n - floor(n / 8).
        SnappyWorkspace workspace = SnappyWorkspace.Current;
        return workspace.Encoder.Encode(body, workspace.Encoded, body.Length - (body.Length / 8) - 1);
    }

    private static void Take(ref ReadOnlySpan<byte> source, Span<byte> destination, out int taken)
    {
        taken = Math.Min(source.Length, destination.Length);
        source[..taken].CopyTo(destination);
        source = source[taken..];
    }
}
