using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Causeway.Quic.Wire;

/// <summary>A connection id of 0 to 20 bytes (RFC 9000, 17.2), as a value.</summary>
internal readonly struct ConnectionId : IEquatable<ConnectionId>
{
    /// <summary>Bytes of the longest one.</summary>
    public const int MaxLength = QuicLimits.MaxConnectionIdLength;

    // The id, zeros, and its length in the last byte: all of them compare at once.
    private readonly Storage _storage;

    /// <param name="bytes">At most <see cref="MaxLength"/> bytes; a parser has checked that.</param>
    public ConnectionId(ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(bytes.Length <= MaxLength, "a connection id of this version is not that long");
        Storage storage = default;
        bytes.CopyTo(storage);
        storage[Storage.Size - 1] = (byte)bytes.Length;
        _storage = storage;
    }

    /// <summary>The id of no bytes, which also is <c>default</c>.</summary>
    public static ConnectionId Empty => default;

    /// <summary>How many bytes it has.</summary>
    public int Length => _storage[Storage.Size - 1];

    /// <summary>Whether it has no bytes.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>The bytes; they live as long as this value does.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => All[..Length];

    [UnscopedRef]
    private ReadOnlySpan<byte> All => _storage;

    /// <summary>An id of random bytes.</summary>
    public static ConnectionId CreateRandom(int length, RandomBytes random)
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        random(bytes[..length]);
        return new ConnectionId(bytes[..length]);
    }

    /// <inheritdoc/>
    public bool Equals(ConnectionId other) => All.SequenceEqual(other.All);

    /// <summary>Whether it is made of these bytes.</summary>
    public bool Equals(ReadOnlySpan<byte> bytes) => Span.SequenceEqual(bytes);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is ConnectionId other && Equals(other);

    /// <inheritdoc/>
    /// <remarks>
    /// Peers choose ids that become keys of dictionaries. <see cref="HashCode"/> would fold each eight bytes to four
    /// before its random seed comes in, so that anybody could make ids that collide. The hash of strings is keyed
    /// throughout.
    /// </remarks>
    public override int GetHashCode() => string.GetHashCode(MemoryMarshal.Cast<byte, char>(All), StringComparison.Ordinal);

    /// <summary>Lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    public static bool operator ==(ConnectionId left, ConnectionId right) => left.Equals(right);

    public static bool operator !=(ConnectionId left, ConnectionId right) => !left.Equals(right);

    [InlineArray(Size)]
    private struct Storage
    {
        public const int Size = 24;

        private byte _first;
    }
}
