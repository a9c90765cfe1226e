using System.Diagnostics;
using Causeway.Quic.Handshake;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// The 1-RTT keys of a connection, both ways, and their updates (RFC 9001, 6). For one thread at a time.
/// </summary>
/// <remarks>
/// <para>
/// Either end may update: <see cref="TryUpdate"/> here, or a packet of the peer that opens with the next keys. Both
/// directions change together, so that there is one key phase. The keys of the phase before are kept for packets that
/// come late, until <see cref="DiscardPreviousKeys"/>, which the caller owes three probe timeouts after the first
/// packet of a phase (6.5).
/// </para>
/// <para>
/// A packet is tried with one key, whatever its key phase says, so that the time it takes does not tell (6.3).
/// </para>
/// </remarks>
internal sealed class ApplicationKeys : IDisposable
{
    private readonly ForgeryCount _forgeries;
    private readonly AeadLimits? _limits;
    private AeadLimits _effectiveLimits;
    private PacketSealer? _sealer;
    private KeyChain? _sealing;
    private HeaderProtector? _header;
    private KeyChain? _opening;
    private PacketKey? _current;
    private PacketKey? _previous;
    private bool _isConfirmed;

    // Numbers of packets that were sealed in this phase: the first one, and whether one was acknowledged.
    private long _firstSealed = long.MaxValue;
    private bool _isAcknowledged;

    // Numbers of packets that were opened: the smallest and largest in this phase, the largest with older keys.
    private long _smallestOpened = long.MaxValue;
    private long _largestOpened = PacketNumber.None;
    private long _largestOpenedBefore = PacketNumber.None;

    // Whether an acknowledgement of a packet of this phase went out, before which the peer must not update.
    private bool _mayPeerUpdate;

    /// <param name="forgeries">The connection's count.</param>
    /// <param name="limits">How often keys may be used; the suite's limits if null.</param>
    public ApplicationKeys(ForgeryCount forgeries, AeadLimits? limits = null)
    {
        _forgeries = forgeries;
        _limits = limits;
    }

    /// <summary>Whether packets can be sealed.</summary>
    public bool CanSeal => _sealer is not null;

    /// <summary>Whether packets can be opened. Until the handshake is complete, none may be (RFC 9001, 5.7).</summary>
    public bool CanOpen => _current is not null;

    /// <summary>
    /// What seals: use it for headers, and for its counts. Payloads go through <see cref="TrySeal"/>.
    /// </summary>
    public PacketSealer? Sealer => _sealer;

    /// <summary>How many key updates there were.</summary>
    public long Generation { get; private set; }

    /// <summary>The bit of the key phase, as the header of the next packet must have it.</summary>
    public byte KeyPhaseBit => (Generation & 1) == 0 ? (byte)0 : HeaderBits.KeyPhase;

    /// <summary>Whether keys of the phase before are kept.</summary>
    public bool HasPreviousKeys => _previous is not null;

    /// <summary>
    /// Whether so many packets were sealed that <see cref="TryUpdate"/> should be called as soon as it may be.
    /// </summary>
    public bool NeedsUpdate => _sealer is { NeedsKeyUpdate: true };

    /// <summary>
    /// Whether an update may begin: the handshake is confirmed, a packet of this phase was acknowledged (RFC 9001,
    /// 6.1), and the keys before are gone, which says that the last update is long over (6.5).
    /// </summary>
    public bool CanUpdate =>
        _isConfirmed && _isAcknowledged && _previous is null && _sealer is not null && _current is not null;

    /// <summary>Takes the secret by which this end seals.</summary>
    public void SetSealingSecret(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        Debug.Assert(_sealer is null, "the secret comes once");
        _effectiveLimits = _limits ?? AeadLimits.Of(suite);
        _sealer = new PacketSealer(suite, version, secret, _effectiveLimits);
        _sealing = new KeyChain(suite, version, secret);
    }

    /// <summary>Takes the secret by which the peer seals.</summary>
    public void SetOpeningSecret(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        Debug.Assert(_current is null, "the secret comes once");
        _effectiveLimits = _limits ?? AeadLimits.Of(suite);
        _header = PacketOpener.CreateHeaderProtector(suite, version, secret);
        _current = PacketKey.Derive(suite, version, secret);
        _opening = new KeyChain(suite, version, secret);
    }

    /// <summary>The handshake is confirmed (RFC 9001, 4.1.2).</summary>
    public void OnHandshakeConfirmed() => _isConfirmed = true;

    /// <summary>
    /// Seals the payload of a packet, whose header has <see cref="KeyPhaseBit"/>; see
    /// <see cref="PacketSealer.TrySeal"/>.
    /// </summary>
    public bool TrySeal(Span<byte> packet, int payloadOffset, long packetNumber)
    {
        Debug.Assert((packet[0] & HeaderBits.KeyPhase) == KeyPhaseBit, "the header is of another key phase");
        if (!_sealer!.TrySeal(packet, payloadOffset, packetNumber))
        {
            return false;
        }

        _firstSealed = Math.Min(_firstSealed, packetNumber);
        return true;
    }

    /// <summary>Opens a packet with a short header; see <see cref="PacketOpener.TryOpen"/>.</summary>
    public OpenStatus TryOpen(Span<byte> packet, int packetNumberOffset, long largestReceived, out OpenedPacket opened)
    {
        opened = default;
        if (_current is null || !HeaderMask.HasSample(packet.Length, packetNumberOffset))
        {
            return OpenStatus.Dropped;
        }

        if (_forgeries.Value > _effectiveLimits.Integrity)
        {
            return OpenStatus.LimitReached;
        }

        long number = PacketOpener.Unmask(_header!, packet, packetNumberOffset, largestReceived, out int payloadOffset);
        bool isOfThisPhase = (packet[0] & HeaderBits.KeyPhase) == KeyPhaseBit;
        bool isOfPrevious = !isOfThisPhase && _previous is not null && number < _smallestOpened;

        // With another phase than ours it is of the one before, if it is older than what is of ours, or else of the
        // next (6.5). The next keys may not be there for a while after an update: the work is done all the same, with
        // keys that do not fit.
        PacketKey? fitting = isOfThisPhase ? _current : isOfPrevious ? _previous : _opening!.Next;
        bool isOpen = (fitting ?? _current).TryOpen(packet, payloadOffset, number);
        if (!isOpen || fitting is null)
        {
            return ++_forgeries.Value > _effectiveLimits.Integrity ? OpenStatus.LimitReached : OpenStatus.Dropped;
        }

        if (!TryTrack(number, isOfThisPhase, isOfPrevious, out bool isFirst))
        {
            return OpenStatus.KeyUpdateError;
        }

        opened = new OpenedPacket(
            number, payloadOffset, packet.Length - payloadOffset - PacketAead.TagLength,
            isOfPrevious ? Generation - 1 : Generation, isFirst);
        return (packet[0] & HeaderBits.ShortReserved) == 0 ? OpenStatus.Opened : OpenStatus.ReservedBits;
    }

    /// <summary>The peer acknowledged packets.</summary>
    /// <param name="largestAcknowledged">The largest number in its ACK frame.</param>
    /// <param name="generation">The <see cref="OpenedPacket.KeyGeneration"/> of the packet that had the frame.</param>
    /// <returns>
    /// False if the peer saw a packet of this phase but still seals with older keys: KEY_UPDATE_ERROR (RFC 9001, 6.2).
    /// </returns>
    public bool OnAcknowledged(long largestAcknowledged, long generation)
    {
        if (largestAcknowledged < _firstSealed)
        {
            return true;
        }

        _isAcknowledged = true;
        return generation >= Generation;
    }

    /// <summary>An acknowledgement was sealed: from the first packet of this phase on, the peer may update.</summary>
    /// <param name="largestAcknowledged">The largest number in the ACK frame.</param>
    public void OnAcknowledgementSealed(long largestAcknowledged) =>
        _mayPeerUpdate |= largestAcknowledged >= _smallestOpened;

    /// <summary>Begins an update.</summary>
    /// <returns>Whether it may begin: <see cref="CanUpdate"/>.</returns>
    public bool TryUpdate()
    {
        if (!CanUpdate)
        {
            return false;
        }

        Advance();
        return true;
    }

    /// <summary>
    /// Forgets the keys of the phase before, and prepares those of the next. Due three probe timeouts after the first
    /// packet of a phase was opened (RFC 9001, 6.5).
    /// </summary>
    public void DiscardPreviousKeys()
    {
        _previous?.Dispose();
        _previous = null;
        PrepareNextKeys();
    }

    /// <summary>
    /// Derives the next keys where an update took them. Call it when packets are done with, not between them: the time
    /// it takes tells of the update (RFC 9001, 6.3). Until it is called, the peer's next update is not understood.
    /// </summary>
    public void PrepareNextKeys()
    {
        _sealing?.Prepare();
        _opening?.Prepare();
    }

    /// <summary>Forgets everything.</summary>
    public void Dispose()
    {
        _sealer?.Dispose();
        _sealing?.Dispose();
        _header?.Dispose();
        _opening?.Dispose();
        _current?.Dispose();
        _previous?.Dispose();
        _sealer = null;
        _current = null;
        _previous = null;
    }

    private bool TryTrack(long number, bool isOfThisPhase, bool isOfPrevious, out bool isFirst)
    {
        isFirst = false;
        if (isOfPrevious)
        {
            _largestOpenedBefore = Math.Max(_largestOpenedBefore, number);
            return true;
        }

        if (!isOfThisPhase)
        {
            // The peer updates. It must not before it knows that we have the keys of this phase (6.2).
            if (!_mayPeerUpdate)
            {
                return false;
            }

            Advance();
        }

        isFirst = _largestOpened == PacketNumber.None;
        _smallestOpened = Math.Min(_smallestOpened, number);
        _largestOpened = Math.Max(_largestOpened, number);

        // Newer keys than those of a packet behind it (6.4).
        return number > _largestOpenedBefore;
    }

    // To the next generation, both ways.
    private void Advance()
    {
        _previous?.Dispose();
        _previous = _current;
        _current = _opening!.TakeNext();
        _sealer?.Update(_sealing!.TakeNext());
        Generation++;
        _firstSealed = long.MaxValue;
        _isAcknowledged = false;
        _largestOpenedBefore = Math.Max(_largestOpenedBefore, _largestOpened);
        _smallestOpened = long.MaxValue;
        _largestOpened = PacketNumber.None;
        _mayPeerUpdate = false;
    }
}
