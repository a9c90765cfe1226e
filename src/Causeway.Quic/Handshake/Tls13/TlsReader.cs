using System.Buffers.Binary;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Reads the presentation language of TLS (RFC 8446, 3) from bounded memory. Every method answers false, and reads
/// nothing, when the bytes do not suffice.
/// </summary>
/// <remarks>Mutable struct! Don't make this readonly.</remarks>
internal struct TlsReader
{
    private ReadOnlyMemory<byte> _rest;

    public TlsReader(ReadOnlyMemory<byte> bytes) => _rest = bytes;

    /// <summary>Whether everything was read.</summary>
    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Bytes that are left.</summary>
    public readonly int Remaining => _rest.Length;

    public bool TryReadByte(out byte value)
    {
        if (_rest.IsEmpty)
        {
            value = 0;
            return false;
        }

        value = _rest.Span[0];
        _rest = _rest[1..];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!TryReadBytes(sizeof(ushort), out ReadOnlyMemory<byte> bytes))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt16BigEndian(bytes.Span);
        return true;
    }

    public bool TryReadUInt24(out int value)
    {
        if (!TryReadBytes(3, out ReadOnlyMemory<byte> bytes))
        {
            value = 0;
            return false;
        }

        value = (bytes.Span[0] << 16) | BinaryPrimitives.ReadUInt16BigEndian(bytes.Span[1..]);
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        if (!TryReadBytes(sizeof(uint), out ReadOnlyMemory<byte> bytes))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt32BigEndian(bytes.Span);
        return true;
    }

    public bool TryReadUInt64(out ulong value)
    {
        if (!TryReadBytes(sizeof(ulong), out ReadOnlyMemory<byte> bytes))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt64BigEndian(bytes.Span);
        return true;
    }

    public bool TryReadBytes(int count, out ReadOnlyMemory<byte> bytes)
    {
        if (count > _rest.Length)
        {
            bytes = default;
            return false;
        }

        bytes = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    /// <summary>Reads a vector whose length takes one byte.</summary>
    public bool TryReadVector8(out ReadOnlyMemory<byte> content)
    {
        TlsReader before = this;
        if (TryReadByte(out byte length) && TryReadBytes(length, out content))
        {
            return true;
        }

        this = before;
        content = default;
        return false;
    }

    /// <summary>Reads a vector whose length takes two bytes.</summary>
    public bool TryReadVector16(out ReadOnlyMemory<byte> content)
    {
        TlsReader before = this;
        if (TryReadUInt16(out ushort length) && TryReadBytes(length, out content))
        {
            return true;
        }

        this = before;
        content = default;
        return false;
    }

    /// <summary>Reads a vector whose length takes three bytes.</summary>
    public bool TryReadVector24(out ReadOnlyMemory<byte> content)
    {
        TlsReader before = this;
        if (TryReadUInt24(out int length) && TryReadBytes(length, out content))
        {
            return true;
        }

        this = before;
        content = default;
        return false;
    }
}
