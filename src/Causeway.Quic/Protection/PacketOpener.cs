using System.Security.Cryptography;
using Causeway.Quic.Handshake;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Opens the packets of an encryption level whose keys do not change: Initial, 0-RTT and Handshake (RFC 9001, 5), in
/// place and without allocating. For one thread at a time.
/// </summary>
internal sealed class PacketOpener : IDisposable
{
    private readonly HeaderProtector _header;
    private readonly PacketKey _key;
    private readonly ForgeryCount _forgeries;
    private readonly long _integrityLimit;
    private bool _isFirstOpened;

    /// <param name="suite">The suite that the secret is for.</param>
    /// <param name="version">The version of the packets.</param>
    /// <param name="secret">The secret by which the peer seals; not kept.</param>
    /// <param name="forgeries">The connection's count.</param>
    /// <param name="limits">How many may fail; the suite's limits if null.</param>
    public PacketOpener(
        CipherSuite suite,
        QuicVersion version,
        ReadOnlySpan<byte> secret,
        ForgeryCount forgeries,
        AeadLimits? limits = null)
    {
        _header = CreateHeaderProtector(suite, version, secret);
        _key = PacketKey.Derive(suite, version, secret);
        _forgeries = forgeries;
        _integrityLimit = (limits ?? AeadLimits.Of(suite)).Integrity;
    }

    /// <summary>Opens a packet.</summary>
    /// <param name="packet">All of it, and nothing of the next one.</param>
    /// <param name="packetNumberOffset">
    /// Where its packet number begins: <see cref="PacketHeader.PacketNumberOffset"/>.
    /// </param>
    /// <param name="largestReceived">The largest number of a packet that was opened in this space.</param>
    /// <param name="opened">The packet, if it was opened.</param>
    public OpenStatus TryOpen(Span<byte> packet, int packetNumberOffset, long largestReceived, out OpenedPacket opened)
    {
        opened = default;
        if (_forgeries.Value > _integrityLimit)
        {
            return OpenStatus.LimitReached;
        }

        if (!HeaderMask.HasSample(packet.Length, packetNumberOffset))
        {
            return OpenStatus.Dropped;
        }

        long number = Unmask(_header, packet, packetNumberOffset, largestReceived, out int payloadOffset);
        if (!_key.TryOpen(packet, payloadOffset, number))
        {
            return ++_forgeries.Value > _integrityLimit ? OpenStatus.LimitReached : OpenStatus.Dropped;
        }

        opened = new OpenedPacket(
            number, payloadOffset, packet.Length - payloadOffset - PacketAead.TagLength, 0, !_isFirstOpened);
        _isFirstOpened = true;
        return (packet[0] & HeaderBits.LongReserved) == 0 ? OpenStatus.Opened : OpenStatus.ReservedBits;
    }

    /// <summary>Forgets the keys.</summary>
    public void Dispose()
    {
        _key.Dispose();
        _header.Dispose();
    }

    internal static HeaderProtector CreateHeaderProtector(
        CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        Span<byte> key = stackalloc byte[KeySchedule.MaxKeyLength];
        key = key[..KeySchedule.KeyLength(suite)];
        KeySchedule.DeriveHeaderKey(suite, version, secret, key);
        HeaderProtector header = HeaderProtector.Create(suite, key);
        CryptographicOperations.ZeroMemory(key);
        return header;
    }

    /// <summary>Removes the protection of a header and decodes its packet number.</summary>
    internal static long Unmask(
        HeaderProtector header, Span<byte> packet, int packetNumberOffset, long largestReceived, out int payloadOffset)
    {
        Span<byte> mask = stackalloc byte[HeaderProtector.SampleLength];
        HeaderMask.Sample(packet, packetNumberOffset).CopyTo(mask);
        header.Mask(mask);
        long truncated = HeaderMask.Remove(packet, packetNumberOffset, mask, out int length);
        payloadOffset = packetNumberOffset + length;
        return PacketNumber.Decode(truncated, length, largestReceived);
    }
}
