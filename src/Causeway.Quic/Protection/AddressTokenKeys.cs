using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Causeway.Protocol.Crypto;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Writes and reads address validation tokens (RFC 9000, 8.1) under a current and a previous key, without allocating.
/// Servers that share keys take each other's tokens. For one thread at a time: each shard has one, with the same keys.
/// </summary>
/// <remarks>
/// <para>
/// A token is <c>first byte | nonce of 12 bytes | sealed(time, original connection id) | tag</c>, sealed by
/// AES-256-GCM. The first byte is a hint at the key and has the kind in its lowest bit. The address, the version and,
/// for Retry, port and connection id are covered by the tag and not in the token.
/// </para>
/// <para>All tokens have the same length, so that they do not tell that of a connection id.</para>
/// </remarks>
internal sealed class AddressTokenKeys : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    /// <summary>Bytes of a token.</summary>
    public const int TokenLength = 1 + GcmCipher.NonceLength + TextLength + GcmCipher.TagLength;

    /// <summary>Seconds for which a Retry token is good: a client answers at once.</summary>
    public const long RetryLifetime = 30;

    /// <summary>
    /// Seconds for which a token of NEW_TOKEN is good: seven days, after which addresses belong to others.
    /// </summary>
    public const long NewTokenLifetime = 7 * 24 * 3600;

    // Seconds by which the clocks of servers who share keys may differ.
    private const long ClockSkew = 5;

    // Random nonces under one key are to stop here (SP 800-38D, 8.3).
    private const long MaxSealed = 1L << 32;

    private const int TextLength = sizeof(long) + 1 + ConnectionId.MaxLength;
    private const int MaxAssociatedDataLength = 1 + sizeof(uint) + 16 + sizeof(ushort) + 1 + ConnectionId.MaxLength;
    private const byte KindMask = 0x01;

    private Key _current;
    private Key? _previous;

    /// <param name="current">The key of new tokens, of <see cref="KeyLength"/> bytes.</param>
    /// <param name="previous">The key that was current before; empty for none.</param>
    public AddressTokenKeys(ReadOnlySpan<byte> current, ReadOnlySpan<byte> previous = default)
    {
        _current = new Key(current);
        _previous = previous.IsEmpty ? null : new Key(previous);
    }

    /// <summary>
    /// Whether the current key sealed so many tokens that it should not seal more. A server that answers floods by
    /// Retry gets there within hours; others rotate by the calendar.
    /// </summary>
    public bool NeedsRotation => _current.SealedCount >= MaxSealed;

    /// <summary>Makes another key current. Tokens of the one that was are good as before, older ones are not.</summary>
    public void Rotate(ReadOnlySpan<byte> next)
    {
        Key key = new(next);
        _previous?.Dispose();
        _previous = _current;
        _current = key;
    }

    /// <summary>Writes a token for a Retry packet.</summary>
    /// <param name="destination">Takes <see cref="TokenLength"/> bytes.</param>
    /// <param name="version">The version of the client's packet (RFC 9369, 4.1).</param>
    /// <param name="peer">The client's address and port.</param>
    /// <param name="originalDestinationId">The destination connection id of its Initial packet.</param>
    /// <param name="retrySourceId">The source connection id of the Retry packet.</param>
    /// <param name="unixTime">Seconds since 1970, by a clock that servers who share keys agree on.</param>
    /// <param name="random">Gives the nonce.</param>
    /// <returns>The length; 0 if there is no room.</returns>
    public int WriteRetry(
        Span<byte> destination,
        QuicVersion version,
        in PeerAddress peer,
        in ConnectionId originalDestinationId,
        in ConnectionId retrySourceId,
        long unixTime,
        RandomBytes random) =>
        Write(
            destination, AddressTokenKind.Retry, version, peer, retrySourceId, originalDestinationId, unixTime, random);

    /// <summary>Writes a token for a NEW_TOKEN frame.</summary>
    /// <param name="destination">Takes <see cref="TokenLength"/> bytes.</param>
    /// <param name="version">The negotiated version, which the next connection must begin with (RFC 9369, 5).</param>
    /// <param name="peer">The client's address, whose port may change.</param>
    /// <param name="unixTime">Seconds since 1970, by a clock that servers who share keys agree on.</param>
    /// <param name="random">Gives the nonce.</param>
    /// <returns>The length; 0 if there is no room.</returns>
    public int WriteNewToken(
        Span<byte> destination, QuicVersion version, in PeerAddress peer, long unixTime, RandomBytes random) =>
        Write(destination, AddressTokenKind.NewToken, version, peer, default, default, unixTime, random);

    /// <summary>Reads the token of an Initial packet.</summary>
    /// <param name="token">The token.</param>
    /// <param name="version">The version of the packet.</param>
    /// <param name="peer">Where the packet came from.</param>
    /// <param name="destinationId">The packet's destination connection id.</param>
    /// <param name="unixTime">Seconds since 1970, by a clock that servers who share keys agree on.</param>
    public AddressToken Read(
        ReadOnlySpan<byte> token, QuicVersion version, in PeerAddress peer, in ConnectionId destinationId, long unixTime)
    {
        AddressToken foreign = new(AddressTokenStatus.Foreign, AddressTokenKind.NewToken, default);
        if (token.Length != TokenLength)
        {
            return foreign;
        }

        AddressTokenKind kind = (AddressTokenKind)(token[0] & KindMask);
        foreign = foreign with { Kind = kind };
        Span<byte> text = stackalloc byte[TextLength];
        Span<byte> associatedData = stackalloc byte[MaxAssociatedDataLength];
        associatedData = associatedData[..WriteAssociatedData(associatedData, kind, version, peer, destinationId)];
        if (!_current.TryOpen(token, associatedData, text) && _previous?.TryOpen(token, associatedData, text) is not true)
        {
            return foreign;
        }

        long age = unixTime - BinaryPrimitives.ReadInt64BigEndian(text);
        long lifetime = kind == AddressTokenKind.Retry ? RetryLifetime : NewTokenLifetime;
        if (age < -ClockSkew || age > lifetime)
        {
            return new AddressToken(AddressTokenStatus.Expired, kind, default);
        }

        int idLength = text[sizeof(long)];
        return idLength <= ConnectionId.MaxLength
            ? new AddressToken(
                AddressTokenStatus.Valid, kind, new ConnectionId(text.Slice(sizeof(long) + 1, idLength)))
            : foreign;
    }

    /// <summary>Forgets the keys.</summary>
    public void Dispose()
    {
        _current.Dispose();
        _previous?.Dispose();
    }

    private int Write(
        Span<byte> destination,
        AddressTokenKind kind,
        QuicVersion version,
        in PeerAddress peer,
        in ConnectionId boundId,
        in ConnectionId originalDestinationId,
        long unixTime,
        RandomBytes random)
    {
        if (destination.Length < TokenLength)
        {
            return 0;
        }

        Span<byte> token = destination[..TokenLength];
        random(token.Slice(1, GcmCipher.NonceLength));
        Span<byte> text = token.Slice(1 + GcmCipher.NonceLength, TextLength);
        text.Clear();
        BinaryPrimitives.WriteInt64BigEndian(text, unixTime);
        text[sizeof(long)] = (byte)originalDestinationId.Length;
        originalDestinationId.Span.CopyTo(text[(sizeof(long) + 1)..]);

        Span<byte> associatedData = stackalloc byte[MaxAssociatedDataLength];
        associatedData = associatedData[..WriteAssociatedData(associatedData, kind, version, peer, boundId)];
        _current.Seal(token, kind, associatedData);
        return TokenLength;
    }

    private static int WriteAssociatedData(
        Span<byte> destination,
        AddressTokenKind kind,
        QuicVersion version,
        in PeerAddress peer,
        in ConnectionId boundId)
    {
        Span<byte> address = stackalloc byte[16];
        peer.WriteIPv6Bytes(address);
        WireWriter writer = new(destination);
        writer.Byte((byte)kind);
        writer.UInt32((uint)version);
        writer.Bytes(address);
        if (kind == AddressTokenKind.Retry)
        {
            writer.Byte((byte)(peer.Port >> 8));
            writer.Byte((byte)peer.Port);
            writer.ShortPrefixed(boundId.Span);
        }

        Debug.Assert(writer.Length > 0, "there is room for all of it");
        return writer.Length;
    }

    private sealed class Key : IDisposable
    {
        private readonly GcmCipher _cipher;
        private readonly byte _hint;

        public Key(ReadOnlySpan<byte> key)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
            _cipher = GcmCipher.Create(key);
            Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
            HMACSHA256.HashData(key, "hint"u8, hash);
            _hint = (byte)(hash[0] & ~KindMask);
        }

        public long SealedCount { get; private set; }

        public void Seal(Span<byte> token, AddressTokenKind kind, ReadOnlySpan<byte> associatedData)
        {
            SealedCount++;
            token[0] = (byte)(_hint | (byte)kind);
            _cipher.Seal(
                token.Slice(1, GcmCipher.NonceLength), associatedData, token.Slice(1 + GcmCipher.NonceLength, TextLength),
                token[^GcmCipher.TagLength..]);
        }

        public bool TryOpen(ReadOnlySpan<byte> token, ReadOnlySpan<byte> associatedData, Span<byte> text)
        {
            if ((token[0] & ~KindMask) != _hint)
            {
                return false;
            }

            token.Slice(1 + GcmCipher.NonceLength, TextLength).CopyTo(text);
            return _cipher.TryOpen(
                token.Slice(1, GcmCipher.NonceLength), associatedData, text, token[^GcmCipher.TagLength..]);
        }

        public void Dispose() => _cipher.Dispose();
    }
}
