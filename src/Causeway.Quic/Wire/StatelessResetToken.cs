using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Causeway.Quic.Wire;

/// <summary>
/// The sixteen bytes by which a peer knows a stateless reset (RFC 9000, 10.3), as a value. A secret until it is used.
/// </summary>
internal readonly struct StatelessResetToken : IEquatable<StatelessResetToken>
{
    /// <summary>Bytes of a token.</summary>
    public const int Length = QuicLimits.StatelessResetTokenLength;

    private readonly Storage _storage;

    /// <param name="bytes"><see cref="Length"/> bytes.</param>
    public StatelessResetToken(ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(bytes.Length == Length, "a token has sixteen bytes");
        Storage storage = default;
        bytes.CopyTo(storage);
        _storage = storage;
    }

    /// <summary>The bytes; they live as long as this value does.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _storage;

    /// <summary>Whether it is made of these bytes. Takes the same time either way (RFC 9000, 10.3.1).</summary>
    public bool Equals(ReadOnlySpan<byte> bytes) => CryptographicOperations.FixedTimeEquals(Span, bytes);

    /// <inheritdoc/>
    public bool Equals(StatelessResetToken other) => Equals(other.Span);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is StatelessResetToken other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>Nothing of the token: it may be written to a log.</summary>
    public override string ToString() => "stateless reset token";

    [InlineArray(Length)]
    private struct Storage
    {
        private byte _first;
    }
}
