using System.Diagnostics;
using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Protects the packets of one encryption level (RFC 9001, 5), in place and without allocating. For one thread at a
/// time.
/// </summary>
/// <remarks>
/// A packet is sealed by <see cref="TrySeal"/>, and then its header is protected: at once by
/// <see cref="ProtectHeader"/>, or, which costs less, with others by <see cref="DeferHeader"/> and
/// <see cref="FlushHeaders"/> before they leave.
/// </remarks>
internal sealed class PacketSealer : IDisposable
{
    // Packets in which a connection can still say that it is over.
    private const int UsesForClosing = 1024;

    private readonly HeaderProtector _header;
    private readonly AeadLimits _limits;
    private readonly byte[] _samples = new byte[HeaderProtector.MaxBatch * HeaderProtector.SampleLength];
    private readonly Deferred[] _deferred = new Deferred[HeaderProtector.MaxBatch];
    private PacketKey _key;
    private int _deferredCount;

    /// <param name="suite">The suite that the secret is for.</param>
    /// <param name="version">The version of the packets.</param>
    /// <param name="secret">The secret by which this end seals; not kept.</param>
    /// <param name="limits">How often the keys may be used; the suite's limits if null.</param>
    public PacketSealer(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret, AeadLimits? limits = null)
    {
        Suite = suite;
        Version = version;
        _limits = limits ?? AeadLimits.Of(suite);
        _key = PacketKey.Derive(suite, version, secret);
        _header = PacketOpener.CreateHeaderProtector(suite, version, secret);
    }

    /// <summary>The suite.</summary>
    public CipherSuite Suite { get; }

    /// <summary>The version.</summary>
    public QuicVersion Version { get; }

    /// <summary>How many packets were sealed with the key.</summary>
    public long SealedCount { get; private set; }

    /// <summary>
    /// Whether it is time for a key update: half of the uses are gone, which leaves time for a peer that is slow to
    /// acknowledge.
    /// </summary>
    public bool NeedsKeyUpdate => SealedCount >= _limits.Confidentiality / 2;

    /// <summary>
    /// Whether the key has few uses left: if it cannot be updated now, the connection is to be closed with
    /// AEAD_LIMIT_REACHED while that can still be sealed (RFC 9001, 6.6).
    /// </summary>
    public bool IsNearlyUsedUp =>
        SealedCount >= _limits.Confidentiality - Math.Min(UsesForClosing, _limits.Confidentiality / 4);

    /// <summary>Seals the payload of a packet. Its header is protected afterwards.</summary>
    /// <param name="packet">
    /// Header, payload, and <see cref="PacketAead.TagLength"/> bytes of room. Packet number and payload have at least
    /// <see cref="PacketNumber.MaxLength"/> bytes together, by PADDING if need be (RFC 9001, 5.4.2).
    /// </param>
    /// <param name="payloadOffset">Where the header, and with it the packet number, ends.</param>
    /// <param name="packetNumber">The full packet number, never one that was used before.</param>
    /// <returns>False if the key is used up; the packet is then as it was, and nothing more can be sent.</returns>
    public bool TrySeal(Span<byte> packet, int payloadOffset, long packetNumber)
    {
        Debug.Assert(
            HeaderMask.HasSample(packet.Length, PacketNumberOffset(packet, payloadOffset)), "the payload was not padded");
        if (SealedCount >= _limits.Confidentiality)
        {
            return false;
        }

        SealedCount++;
        _key.Seal(packet, payloadOffset, packetNumber);
        return true;
    }

    /// <summary>Protects the header of a packet that was sealed.</summary>
    public void ProtectHeader(Span<byte> packet, int payloadOffset)
    {
        Span<byte> mask = stackalloc byte[HeaderProtector.SampleLength];
        int packetNumberOffset = PacketNumberOffset(packet, payloadOffset);
        HeaderMask.Sample(packet, packetNumberOffset).CopyTo(mask);
        _header.Mask(mask);
        HeaderMask.Apply(packet, packetNumberOffset, mask);
    }

    /// <summary>Keeps a packet that was sealed, until its header is protected together with those of others.</summary>
    /// <param name="datagram">
    /// The datagram that it is in, which is neither released nor moved until <see cref="FlushHeaders"/>.
    /// </param>
    /// <param name="packetOffset">Where in the datagram it begins.</param>
    /// <param name="payloadOffset">Where in the packet its header ends.</param>
    public void DeferHeader(PacketBuffer datagram, int packetOffset, int payloadOffset)
    {
        if (_deferredCount == _deferred.Length)
        {
            FlushHeaders();
        }

        Span<byte> packet = datagram.Payload[packetOffset..];
        int packetNumberOffset = PacketNumberOffset(packet, payloadOffset);
        HeaderMask.Sample(packet, packetNumberOffset)
            .CopyTo(_samples.AsSpan(_deferredCount * HeaderProtector.SampleLength));
        _deferred[_deferredCount++] = new Deferred(datagram, packetOffset, packetNumberOffset);
    }

    /// <summary>Protects the headers that were deferred. Call it before the datagrams leave.</summary>
    public void FlushHeaders()
    {
        if (_deferredCount == 0)
        {
            return;
        }

        Span<byte> masks = _samples.AsSpan(0, _deferredCount * HeaderProtector.SampleLength);
        _header.Mask(masks);
        for (int i = 0; i < _deferredCount; i++)
        {
            ref Deferred deferred = ref _deferred[i];
            HeaderMask.Apply(
                deferred.Datagram.Payload[deferred.PacketOffset..], deferred.PacketNumberOffset,
                masks[(i * HeaderProtector.SampleLength)..]);
            deferred = default;
        }

        _deferredCount = 0;
    }

    /// <summary>Goes on with another key, which it owns from now on; the header key stays (RFC 9001, 6.1).</summary>
    public void Update(PacketKey key)
    {
        _key.Dispose();
        _key = key;
        SealedCount = 0;
    }

    /// <summary>Forgets the keys.</summary>
    public void Dispose()
    {
        _key.Dispose();
        _header.Dispose();
        Array.Clear(_deferred);
        _deferredCount = 0;
    }

    private static int PacketNumberOffset(ReadOnlySpan<byte> packet, int payloadOffset) =>
        payloadOffset - 1 - (packet[0] & HeaderBits.PacketNumberLength);

    private readonly record struct Deferred(PacketBuffer Datagram, int PacketOffset, int PacketNumberOffset);
}
