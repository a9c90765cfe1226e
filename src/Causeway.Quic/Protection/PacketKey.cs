using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Causeway.Quic.Handshake;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// A key and its IV (RFC 9001, 5.3): seals or opens payloads by packet number. For one thread at a time.
/// </summary>
internal sealed class PacketKey : IDisposable
{
    private readonly PacketAead _aead;

    // Eight bytes that the packet number is added to, behind four that stay (RFC 9001, 5.3).
    private readonly byte[] _iv = GC.AllocateArray<byte>(KeySchedule.IvLength, pinned: true);

    private PacketKey(PacketAead aead, ReadOnlySpan<byte> iv)
    {
        _aead = aead;
        iv.CopyTo(_iv);
    }

    /// <summary>Derives a key from a secret.</summary>
    public static PacketKey Derive(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        Span<byte> key = stackalloc byte[KeySchedule.MaxKeyLength];
        Span<byte> iv = stackalloc byte[KeySchedule.IvLength];
        key = key[..KeySchedule.KeyLength(suite)];
        KeySchedule.DeriveKey(suite, version, secret, key);
        KeySchedule.DeriveIv(suite, version, secret, iv);
        PacketKey result = new(PacketAead.Create(suite, key), iv);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(iv);
        return result;
    }

    /// <summary>Seals the payload of a packet.</summary>
    /// <param name="packet">Header, payload, and room for the tag.</param>
    /// <param name="payloadOffset">Where the header ends.</param>
    /// <param name="packetNumber">The full packet number.</param>
    public void Seal(Span<byte> packet, int payloadOffset, long packetNumber)
    {
        Span<byte> nonce = stackalloc byte[PacketAead.NonceLength];
        WriteNonce(nonce, packetNumber);
        int tagOffset = packet.Length - PacketAead.TagLength;
        _aead.Seal(nonce, packet[..payloadOffset], packet[payloadOffset..tagOffset], packet[tagOffset..]);
    }

    /// <summary>Opens the payload of a packet; wipes what it refuses, but not the tag.</summary>
    public bool TryOpen(Span<byte> packet, int payloadOffset, long packetNumber)
    {
        Debug.Assert(packet.Length >= payloadOffset + PacketAead.TagLength, "the sample was in the packet, so the tag is");
        Span<byte> nonce = stackalloc byte[PacketAead.NonceLength];
        WriteNonce(nonce, packetNumber);
        int tagOffset = packet.Length - PacketAead.TagLength;
        return _aead.TryOpen(nonce, packet[..payloadOffset], packet[payloadOffset..tagOffset], packet[tagOffset..]);
    }

    /// <summary>Forgets the key.</summary>
    public void Dispose()
    {
        _aead.Dispose();
        CryptographicOperations.ZeroMemory(_iv);
    }

    private void WriteNonce(Span<byte> nonce, long packetNumber)
    {
        Debug.Assert(packetNumber is >= 0 and <= PacketNumber.Max, "no such packet number");
        _iv.CopyTo(nonce);
        Span<byte> low = nonce[sizeof(uint)..];
        BinaryPrimitives.WriteInt64BigEndian(low, BinaryPrimitives.ReadInt64BigEndian(low) ^ packetNumber);
    }
}
