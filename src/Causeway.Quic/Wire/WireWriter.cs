using System.Buffers.Binary;

namespace Causeway.Quic.Wire;

/// <summary>
/// Writes fields one after the other. What does not fit spoils all of it: <see cref="Length"/> is 0 then. So a caller
/// looks once, at the end. Pass it by reference.
/// </summary>
internal ref struct WireWriter
{
    private readonly Span<byte> _destination;
    private int _offset;
    private bool _failed;

    public WireWriter(Span<byte> destination) => _destination = destination;

    /// <summary>Bytes that were written; 0 if something did not fit.</summary>
    public readonly int Length => _failed ? 0 : _offset;

    /// <summary>Bytes that are left.</summary>
    public readonly int Left => _failed ? 0 : _destination.Length - _offset;

    public void Byte(byte value)
    {
        if (Reserve(1))
        {
            _destination[_offset++] = value;
        }
    }

    public void UInt32(uint value)
    {
        if (Reserve(sizeof(uint)))
        {
            BinaryPrimitives.WriteUInt32BigEndian(_destination[_offset..], value);
            _offset += sizeof(uint);
        }
    }

    /// <summary>A variable-length integer in the fewest bytes.</summary>
    public void Integer(long value)
    {
        int length = VarInt.Length(value);
        if (Reserve(length))
        {
            VarInt.Write(_destination[_offset..], value, length);
            _offset += length;
        }
    }

    public void Bytes(scoped ReadOnlySpan<byte> bytes)
    {
        if (Reserve(bytes.Length))
        {
            bytes.CopyTo(_destination[_offset..]);
            _offset += bytes.Length;
        }
    }

    /// <summary>A length as a variable-length integer and so many bytes.</summary>
    public void Prefixed(scoped ReadOnlySpan<byte> bytes)
    {
        Integer(bytes.Length);
        Bytes(bytes);
    }

    /// <summary>A length of one byte and so many bytes.</summary>
    public void ShortPrefixed(scoped ReadOnlySpan<byte> bytes)
    {
        Byte((byte)bytes.Length);
        Bytes(bytes);
    }

    private bool Reserve(int count)
    {
        _failed |= count > _destination.Length - _offset;
        return !_failed;
    }
}
