using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Causeway.Quic.Wire;

/// <summary>
/// Reads fields one after the other and answers false where there are not enough bytes; then nothing was read. Pass it
/// by reference.
/// </summary>
internal ref struct WireReader
{
    private readonly ReadOnlySpan<byte> _source;
    private int _offset;

    public WireReader(ReadOnlySpan<byte> source) => _source = source;

    /// <summary>Bytes that were read.</summary>
    public readonly int Offset => _offset;

    /// <summary>Bytes that are left.</summary>
    public readonly int Left => _source.Length - _offset;

    /// <summary>Whether everything was read.</summary>
    public readonly bool IsAtEnd => _offset == _source.Length;

    /// <summary>What is left, without reading it.</summary>
    public readonly ReadOnlySpan<byte> Rest => _source[_offset..];

    public bool TryReadByte(out byte value)
    {
        if (IsAtEnd)
        {
            value = 0;
            return false;
        }

        value = _source[_offset++];
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        bool read = BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value);
        _offset += read ? sizeof(uint) : 0;
        return read;
    }

    /// <summary>Reads a variable-length integer, however long its encoding is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadVarInt(out long value)
    {
        bool read = VarInt.TryRead(Rest, out value, out int length);
        _offset += read ? length : 0;
        return read;
    }

    /// <summary>Reads so many bytes.</summary>
    /// <param name="count">How many; a peer may have chosen any number.</param>
    /// <param name="bytes">The bytes, where they are.</param>
    public bool TryReadBytes(long count, out ReadOnlySpan<byte> bytes)
    {
        if ((ulong)count > (ulong)Left)
        {
            bytes = default;
            return false;
        }

        bytes = _source.Slice(_offset, (int)count);
        _offset += (int)count;
        return true;
    }

    /// <summary>Reads a length as a variable-length integer and so many bytes.</summary>
    public bool TryReadPrefixed(out ReadOnlySpan<byte> bytes)
    {
        int start = _offset;
        if (TryReadVarInt(out long count) && TryReadBytes(count, out bytes))
        {
            return true;
        }

        _offset = start;
        bytes = default;
        return false;
    }

    /// <summary>
    /// Reads a length of one byte and so many bytes, as connection ids are in headers (RFC 8999, 5.1).
    /// </summary>
    public bool TryReadShortPrefixed(out ReadOnlySpan<byte> bytes)
    {
        int start = _offset;
        if (TryReadByte(out byte count) && TryReadBytes(count, out bytes))
        {
            return true;
        }

        _offset = start;
        bytes = default;
        return false;
    }
}
