using System.Runtime.InteropServices;

namespace Causeway.Protocol;

/// <summary>
/// A run of bytes inside a <see cref="PacketBuffer"/>, holding one reference on it. Received payload travels through the
/// layers as slices, so that it is copied once: to the application.
/// </summary>
/// <remarks>A value with an owner: pass it on or <see cref="Release"/> it, once.</remarks>
public readonly struct PacketSlice
{
    private readonly PacketBuffer _buffer;
    private readonly int _offset;

    internal PacketSlice(PacketBuffer buffer, int offset, int length)
    {
        _buffer = buffer;
        _offset = offset;
        Length = length;
    }

    /// <summary>Bytes in the slice.</summary>
    public int Length { get; }

    /// <summary>Whether this is <c>default</c>, which holds no reference.</summary>
    public bool IsDefault => _buffer is null;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _buffer is null ? default : _buffer.Array.AsSpan(_offset, Length);

    /// <summary>The bytes as memory.</summary>
    public ReadOnlyMemory<byte> Memory =>
        _buffer is null ? default : MemoryMarshal.CreateFromPinnedArray(_buffer.Array, _offset, Length);

    /// <summary>
    /// Bytes that the slice keeps from being reused; what a limit on memory has to count. All of its buffer, and of the
    /// block that a view lies in, unless the block's owner bounds how many there are: then the view alone.
    /// </summary>
    public int RetainedBytes => _buffer is null ? 0 : _buffer.RetainedBytes;

    /// <summary>The slice without its first <paramref name="count"/> bytes. The reference moves along: drop this one.</summary>
    public PacketSlice Skip(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Length, nameof(count));
        return new PacketSlice(_buffer, _offset + count, Length - count);
    }

    /// <summary>A part of the slice, with a reference of its own.</summary>
    public PacketSlice Share(int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(Length - offset), nameof(length));
        _buffer.Retain();
        return new PacketSlice(_buffer, _offset + offset, length);
    }

    /// <summary>Gives the reference back.</summary>
    public void Release() => _buffer?.Release();
}
