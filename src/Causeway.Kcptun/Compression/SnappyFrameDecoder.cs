using System.Buffers.Binary;
using Causeway.Protocol;

namespace Causeway.Kcptun.Compression;

/// <summary>
/// Undoes snappy's framing over slices that are cut anywhere (docs/wire/kcptun.md 8). Stored bytes are passed on in the
/// buffers in which they arrived, once their checksum is verified.
/// </summary>
/// <remarks>
/// Memory: the bytes of one incomplete chunk, what the caller added beyond it, and the output of one chunk. Chunks are
/// decoded one at a time and only when the output before them was taken, so a peer cannot make this hold more than
/// 65536 decoded bytes, whatever it sends.
/// </remarks>
internal sealed class SnappyFrameDecoder : IDisposable
{
    // A slice keeps a whole buffer alive. Shorter ones than this are copied together, so that a peer which sends a byte
    // in each segment cannot have a chunk cost a buffer for each of its bytes.
    private const int ShortestKept = 512;

    private const int DataStart = SnappyChunk.HeaderLength + SnappyChunk.ChecksumLength;

    private static readonly int s_maxBody = SnappyBlockEncoder.MaxEncodedLength(SnappyChunk.MaxPlain);

    private readonly PacketPool _pool;
    private readonly SliceQueue _input = new();
    private readonly SliceQueue _output = new();
    private PacketBuffer? _collected;
    private PacketBuffer? _decoded;
    private bool _lastIsCollected;
    private bool _identified;
    private int _skip;
    private bool _disposed;

    public SnappyFrameDecoder(PacketPool pool)
    {
        _pool = pool;
    }

    public string? Failure { get; private set; }

    /// <summary>Bytes that wait for the rest of their chunk, or for the output before them to be taken.</summary>
    public int PendingBytes => _input.Length;

    public void Input(PacketSlice bytes)
    {
        if (bytes.Length == 0 || Failure is not null || _disposed)
        {
            bytes.Release();
        }
        else if (bytes.Length >= ShortestKept)
        {
            _input.Enqueue(bytes);
            _lastIsCollected = false;
        }
        else
        {
            Collect(bytes.Span);
            bytes.Release();
        }
    }

    public bool TryRead(out PacketSlice slice)
    {
        while (!_output.TryDequeue(out slice))
        {
            if (!TryDecodeChunk())
            {
                return false;
            }
        }

        return true;
    }

    public void Dispose()
    {
        _disposed = true;
        _input.Clear();
        _output.Clear();
        _collected?.Release();
        _collected = null;
        _decoded?.Release();
        _decoded = null;
    }

    /// <summary>
    /// Takes one chunk off the input. False if there is none that is complete, or decoding has failed.
    /// </summary>
    private bool TryDecodeChunk()
    {
        if (_skip > 0)
        {
            int now = Math.Min(_skip, _input.Length);
            _input.Discard(now);
            _skip -= now;
        }

        if (_skip > 0 || _input.Length < SnappyChunk.HeaderLength)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[SnappyChunk.HeaderLength];
        _input.CopyTo(0, header);
        uint word = BinaryPrimitives.ReadUInt32LittleEndian(header);
        byte type = (byte)word;
        int length = (int)(word >> 8);
        if (type == SnappyChunk.Identifier)
        {
            return TryDecodeIdentifier(length);
        }

        if (!_identified)
        {
            return Fail("the stream does not start with snappy's identifier; is nocomp the same on both sides?");
        }

        if (type is >= SnappyChunk.FirstSkippable and <= SnappyChunk.LastSkippable)
        {
            _input.Discard(SnappyChunk.HeaderLength);
            _skip = length;
            return true;
        }

        return type switch
        {
            SnappyChunk.Compressed => TryDecodeCompressed(length),
            SnappyChunk.Stored => TryDecodeStored(length),
            _ => Fail($"the compressed stream has a chunk of the unknown type {type:x2}"),
        };
    }

    private bool TryDecodeIdentifier(int length)
    {
        int whole = SnappyChunk.StreamIdentifier.Length;
        if (length != whole - SnappyChunk.HeaderLength)
        {
            return Fail("the compressed stream has an identifier of another length");
        }

        if (_input.Length < whole)
        {
            return false;
        }

        Span<byte> identifier = stackalloc byte[whole];
        _input.CopyTo(0, identifier);
        if (!identifier.SequenceEqual(SnappyChunk.StreamIdentifier))
        {
            return Fail("the compressed stream has another identifier");
        }

        _input.Discard(whole);
        _identified = true;
        return true;
    }

    private bool TryDecodeStored(int length)
    {
        int body = length - SnappyChunk.ChecksumLength;
        if (body is < 0 or > SnappyChunk.MaxPlain)
        {
            return Fail($"the compressed stream has a stored chunk of length {length}");
        }

        if (_input.Length < SnappyChunk.HeaderLength + length)
        {
            return false;
        }

        if (ReadChecksum() != Crc32C.Mask(ChecksumOfInput(body)))
        {
            return Fail("a stored chunk of the compressed stream has a wrong checksum");
        }

        _input.Discard(DataStart);
        _input.MoveTo(_output, body);
        return true;
    }

    private bool TryDecodeCompressed(int length)
    {
        int body = length - SnappyChunk.ChecksumLength;
        if (body < 0 || body > s_maxBody)
        {
            return Fail($"the compressed stream has a compressed chunk of length {length}");
        }

        if (_input.Length < SnappyChunk.HeaderLength + length)
        {
            return false;
        }

        SnappyWorkspace workspace = SnappyWorkspace.Current;
        ReadOnlySpan<byte> block = _input[0].Span;
        if (block.Length >= DataStart + body)
        {
            block = block.Slice(DataStart, body);
        }
        else
        {
            Span<byte> gathered = workspace.Encoded.AsSpan(0, body);
            _input.CopyTo(DataStart, gathered);
            block = gathered;
        }

        if (!SnappyBlockDecoder.TryDecode(block, workspace.Decoded, SnappyChunk.MaxPlain, out int decoded))
        {
            return Fail("a compressed chunk is malformed");
        }

        ReadOnlySpan<byte> plain = workspace.Decoded.AsSpan(0, decoded);
        if (ReadChecksum() != Crc32C.Mask(Crc32C.Compute(plain)))
        {
            return Fail("a compressed chunk has a wrong checksum");
        }

        _input.Discard(DataStart + body);
        Emit(plain);
        return true;
    }

    private uint ReadChecksum()
    {
        Span<byte> checksum = stackalloc byte[SnappyChunk.ChecksumLength];
        _input.CopyTo(SnappyChunk.HeaderLength, checksum);
        return BinaryPrimitives.ReadUInt32LittleEndian(checksum);
    }

    private uint ChecksumOfInput(int length)
    {
        uint register = ~0u;
        int offset = DataStart;
        for (int i = 0; length > 0; i++)
        {
            ReadOnlySpan<byte> bytes = _input[i].Span;
            if (offset >= bytes.Length)
            {
                offset -= bytes.Length;
                continue;
            }

            bytes = bytes[offset..];
            bytes = bytes[..Math.Min(bytes.Length, length)];
            register = Crc32C.Append(register, bytes);
            length -= bytes.Length;
            offset = 0;
        }

        return ~register;
    }

    /// <summary>
    /// Copies decoded bytes into buffers of the pool. Small chunks share one, so that none costs a whole buffer.
    /// </summary>
    private void Emit(ReadOnlySpan<byte> plain)
    {
        while (plain.Length > 0)
        {
            PacketBuffer buffer = WithRoom(ref _decoded);
            int offset = buffer.Length;
            int count = Math.Min(plain.Length, buffer.Tailroom);
            plain[..count].CopyTo(buffer.Append(count));
            _output.Enqueue(buffer.Slice(offset, count));
            plain = plain[count..];
        }
    }

    private void Collect(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            PacketBuffer? before = _collected;
            PacketBuffer buffer = WithRoom(ref _collected);
            bool extends = _lastIsCollected && _input.Count > 0 && ReferenceEquals(before, buffer);
            int count = Math.Min(bytes.Length, buffer.Tailroom);
            bytes[..count].CopyTo(buffer.Append(count));
            if (extends)
            {
                int length = _input[_input.Count - 1].Length + count;
                _input.ReplaceLast(buffer.Slice(buffer.Length - length, length));
            }
            else
            {
                _input.Enqueue(buffer.Slice(buffer.Length - count, count));
                _lastIsCollected = true;
            }

            bytes = bytes[count..];
        }
    }

    private PacketBuffer WithRoom(ref PacketBuffer? buffer)
    {
        if (buffer is null || buffer.Tailroom == 0)
        {
            buffer?.Release();
            buffer = _pool.Rent(headroom: 0);
        }

        return buffer;
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        _input.Clear();
        return false;
    }
}
