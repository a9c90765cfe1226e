using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Writes and reads address validation tokens (RFC 9000, 8.1) under a current and a previous key. Servers that share keys take
/// each other's tokens.
/// </summary>
/// <remarks>
/// <para>
/// A token is <c>first byte | salt of 16 bytes | sealed(time, original connection id) | tag</c>. The first byte is a hint at the key
/// and has the kind in its lowest bit. It is sealed by AES-256-GCM under a key of its own, HMAC-SHA-256 of the salt: random nonces
/// under one key would have to stop at 2^32 tokens, which a flood that is answered by Retry reaches within hours. The address, the
/// version and, for Retry, port and connection id are covered by the tag and not in the token.
/// </para>
/// <para>All tokens of a kind have the same length, so that they do not tell that of a connection id.</para>
/// </remarks>
internal sealed class AddressTokenKeys : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 32;

    /// <summary>Bytes of a token.</summary>
    public const int TokenLength = 1 + SaltLength + TextLength + GcmCipher.TagLength;

    /// <summary>Seconds for which a Retry token is good: a client answers at once.</summary>
    public const long RetryLifetime = 30;

    /// <summary>Seconds for which a token of NEW_TOKEN is good: seven days, after which addresses belong to others.</summary>
    public const long NewTokenLifetime = 7 * 24 * 3600;

    // Seconds by which the clocks of servers who share keys may differ.
    private const long ClockSkew = 5;

    private const int SaltLength = 16;
    private const int TextLength = sizeof(long) + 1 + ConnectionId.MaxLength;
    private const int MaxAssociatedDataLength = 1 + sizeof(uint) + 16 + sizeof(ushort) + 1 + ConnectionId.MaxLength;
    private const byte KindMask = 0x01;

    private byte[] _current;
    private byte[]? _previous;

    /// <param name="current">The key of new tokens, of <see cref="KeyLength"/> bytes.</param>
    /// <param name="previous">The key that was current before; empty for none.</param>
    public AddressTokenKeys(ReadOnlySpan<byte> current, ReadOnlySpan<byte> previous = default)
    {
        _current = Copy(current);
        _previous = previous.IsEmpty ? null : Copy(previous);
    }

    /// <summary>Makes another key current. Tokens of the one that was are good as before, older ones are not.</summary>
    public void Rotate(ReadOnlySpan<byte> next)
    {
        byte[] copy = Copy(next);
        CryptographicOperations.ZeroMemory(_previous);
        _previous = _current;
        _current = copy;
    }

    /// <summary>Writes a token for a Retry packet.</summary>
    /// <param name="destination">Takes <see cref="TokenLength"/> bytes.</param>
    /// <param name="version">The version of the client's packet (RFC 9369, 4.1).</param>
    /// <param name="peer">The client's address and port.</param>
    /// <param name="originalDestinationId">The destination connection id of its Initial packet.</param>
    /// <param name="retrySourceId">The source connection id of the Retry packet.</param>
    /// <param name="unixTime">Seconds since 1970, by a clock that servers who share keys agree on.</param>
    /// <param name="random">Gives the salt.</param>
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
    /// <param name="random">Gives the salt.</param>
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
        if (!TryOpen(_current, token, kind, version, peer, destinationId, text)
            && (_previous is null || !TryOpen(_previous, token, kind, version, peer, destinationId, text)))
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
        CryptographicOperations.ZeroMemory(_current);
        CryptographicOperations.ZeroMemory(_previous);
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

        destination = destination[..TokenLength];
        destination[0] = FirstByte(_current, kind);
        Span<byte> salt = destination.Slice(1, SaltLength);
        random(salt);
        Span<byte> text = destination.Slice(1 + SaltLength, TextLength);
        text.Clear();
        BinaryPrimitives.WriteInt64BigEndian(text, unixTime);
        text[sizeof(long)] = (byte)originalDestinationId.Length;
        originalDestinationId.Span.CopyTo(text[(sizeof(long) + 1)..]);

        Span<byte> associatedData = stackalloc byte[MaxAssociatedDataLength];
        associatedData = associatedData[..WriteAssociatedData(associatedData, kind, version, peer, boundId)];
        using GcmCipher cipher = CreateCipher(_current, salt);
        cipher.Seal(stackalloc byte[GcmCipher.NonceLength], associatedData, text, destination[^GcmCipher.TagLength..]);
        return TokenLength;
    }

    private static bool TryOpen(
        byte[] key,
        ReadOnlySpan<byte> token,
        AddressTokenKind kind,
        QuicVersion version,
        in PeerAddress peer,
        in ConnectionId boundId,
        Span<byte> text)
    {
        if (token[0] != FirstByte(key, kind))
        {
            return false;
        }

        token.Slice(1 + SaltLength, TextLength).CopyTo(text);
        Span<byte> associatedData = stackalloc byte[MaxAssociatedDataLength];
        associatedData = associatedData[..WriteAssociatedData(associatedData, kind, version, peer, boundId)];
        using GcmCipher cipher = CreateCipher(key, token.Slice(1, SaltLength));
        return cipher.TryOpen(
            stackalloc byte[GcmCipher.NonceLength], associatedData, text, token[^GcmCipher.TagLength..]);
    }

    // The key of one token, which is used once: so the nonce may be zero.
    private static GcmCipher CreateCipher(byte[] key, ReadOnlySpan<byte> salt)
    {
        Span<byte> derived = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, salt, derived);
        GcmCipher cipher = GcmCipher.Create(derived);
        CryptographicOperations.ZeroMemory(derived);
        return cipher;
    }

    private static byte FirstByte(byte[] key, AddressTokenKind kind)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, "key id"u8, hash);
        return (byte)((hash[0] & ~KindMask) | (byte)kind);
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

    private static byte[] Copy(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
        byte[] copy = GC.AllocateArray<byte>(KeyLength, pinned: true);
        key.CopyTo(copy);
        return copy;
    }
}
