using System.Diagnostics;

namespace Causeway.Http3.Framing;

/// <summary>What came next on a stream of frames.</summary>
internal enum FrameReadStatus
{
    /// <summary>A frame begins.</summary>
    Frame,

    /// <summary>The stream ended between two frames.</summary>
    End,

    /// <summary>The stream ended within a frame: H3_FRAME_ERROR (RFC 9114, 7.1).</summary>
    Truncated,
}

/// <summary>
/// Reads a stream as frames: <see cref="ReadHeaderAsync"/>, then the payload in pieces until <see cref="Remaining"/> is 0, then
/// the next. What the peer sends makes it answer a status; only the stream itself throws.
/// </summary>
internal sealed class FrameReader(Stream stream)
{
    // Holds the headers of small messages whole; bodies go past it into the reader's own buffer.
    private const int BufferSize = 2048;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;

    /// <summary>The current frame's type.</summary>
    public long Type { get; private set; }

    /// <summary>Bytes of the current frame's payload that were not read yet.</summary>
    public long Remaining { get; private set; }

    private ReadOnlySpan<byte> Buffered => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Reads the next frame's type and length. The payload of the one before has been read.</summary>
    public async ValueTask<FrameReadStatus> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        Debug.Assert(Remaining == 0, "the payload before was not read");
        while (true)
        {
            if (VarInt.TryRead(Buffered, out long type, out int typeLength)
                && VarInt.TryRead(Buffered[typeLength..], out long length, out int lengthLength))
            {
                _start += typeLength + lengthLength;
                Type = type;
                Remaining = length;
                return FrameReadStatus.Frame;
            }

            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return Buffered.IsEmpty ? FrameReadStatus.End : FrameReadStatus.Truncated;
            }
        }
    }

    /// <summary>Reads one integer that stands before the frames: the type of a unidirectional stream.</summary>
    /// <returns>The integer, or -1 if the stream ended first.</returns>
    public async ValueTask<long> ReadIntegerAsync(CancellationToken cancellationToken)
    {
        long value;
        int length;
        while (!VarInt.TryRead(Buffered, out value, out length))
        {
            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return -1;
            }
        }

        _start += length;
        return value;
    }

    /// <summary>Reads bytes that are no frames: instructions of QPACK.</summary>
    /// <returns>How many; 0 at the end of the stream.</returns>
    public ValueTask<int> ReadRawAsync(Memory<byte> destination, CancellationToken cancellationToken) =>
        TakeBuffered(destination.Span) is int taken and > 0
            ? new ValueTask<int>(taken)
            : stream.ReadAsync(destination, cancellationToken);

    /// <summary>Reads some of the current payload, at least a byte.</summary>
    /// <returns>How many bytes; 0 if the stream ended within the payload.</returns>
    public async ValueTask<int> ReadPayloadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        Debug.Assert(Remaining > 0 && !destination.IsEmpty, "there is nothing to read");
        Memory<byte> wanted = destination[..(int)Math.Min(destination.Length, Remaining)];
        int count = await ReadRawAsync(wanted, cancellationToken).ConfigureAwait(false);
        Remaining -= count;
        return count;
    }

    /// <summary>Reads all of the current payload, whose length the caller has found bearable.</summary>
    /// <returns>The payload, or null if the stream ended within it.</returns>
    public async ValueTask<byte[]?> ReadWholePayloadAsync(CancellationToken cancellationToken)
    {
        byte[] payload = new byte[Remaining];
        while (Remaining > 0)
        {
            Memory<byte> rest = payload.AsMemory(payload.Length - (int)Remaining);
            if (await ReadPayloadAsync(rest, cancellationToken).ConfigureAwait(false) == 0)
            {
                return null;
            }
        }

        return payload;
    }

    /// <summary>Drops the rest of the current payload.</summary>
    /// <returns>False if the stream ended within it.</returns>
    public async ValueTask<bool> SkipPayloadAsync(CancellationToken cancellationToken)
    {
        while (Remaining > 0)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            int dropped = (int)Math.Min(Remaining, _end - _start);
            _start += dropped;
            Remaining -= dropped;
        }

        return true;
    }

    private int TakeBuffered(Span<byte> destination)
    {
        int count = Math.Min(destination.Length, _end - _start);
        Buffered[..count].CopyTo(destination);
        _start += count;
        return count;
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        Buffered.CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += count;
        return count > 0;
    }
}
