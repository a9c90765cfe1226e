using Causeway.Protocol.Recovery;

namespace Causeway.Quic.Recovery;

/// <summary>Where a sent packet is: <c>InFlight -> Acknowledged</c>, or <c>InFlight -> Lost</c>, and from there to Acknowledged
/// when the loss was none.</summary>
internal enum SentPacketState : byte
{
    /// <summary>Neither acknowledged nor deemed lost.</summary>
    InFlight,

    /// <summary>Deemed lost, and remembered for a while, since it may turn out to have arrived.</summary>
    Lost,
}

/// <summary>A packet that was sent, with what its frames carried. Reused by its <see cref="LossRecovery"/>.</summary>
internal sealed class QuicSentPacket : SentPacket
{
    private SentFrame[] _frames = new SentFrame[4];
    private int _count;

    /// <summary>Its packet number.</summary>
    public long Number { get; set; }

    /// <summary>The space of its number.</summary>
    public PacketSpaceId Space { get; set; }

    /// <summary>Bytes of the packet, header and tag included, as congestion control counts them (RFC 9002, 2).</summary>
    public int Size { get; set; }

    /// <summary>Whether the peer has to acknowledge it (RFC 9002, 2).</summary>
    public bool IsAckEliciting { get; set; }

    /// <summary>Whether it counts as bytes in flight (RFC 9002, 2).</summary>
    public bool IsInFlight { get; set; }

    /// <summary>Whether it only measures the MTU, so that its loss says nothing of congestion (RFC 9000, 14.4).</summary>
    public bool IsMtuProbe { get; set; }

    /// <summary>Whether it only asks for a sign of life, without moving the probe timeout.</summary>
    public bool IsSilenceProbe { get; set; }

    /// <summary>Whether it left marked as capable of ECN.</summary>
    public bool IsEcnCapable { get; set; }

    /// <summary>The key phase's generation under which it was sealed.</summary>
    public int KeyGeneration { get; set; }

    /// <summary>Where it is.</summary>
    public SentPacketState State { get; set; }

    /// <summary>When it was deemed lost.</summary>
    public Timestamp LostAt { get; set; }

    /// <summary>The neighbour in the list of packets in flight that left before.</summary>
    public QuicSentPacket? Previous { get; set; }

    /// <summary>The neighbour in the list of packets in flight that left after.</summary>
    public QuicSentPacket? Next { get; set; }

    /// <inheritdoc/>
    public override int Length => Size;

    /// <summary>What it carried.</summary>
    public ReadOnlySpan<SentFrame> Frames => _frames.AsSpan(0, _count);

    /// <summary>The frames, for who settles some of them before the packet's own fate is known.</summary>
    public Span<SentFrame> FramesToSettle => _frames.AsSpan(0, _count);

    /// <summary>Notes a frame.</summary>
    public void Add(in SentFrame frame)
    {
        if (_count == _frames.Length)
        {
            Array.Resize(ref _frames, 2 * _count);
        }

        _frames[_count++] = frame;
    }

    /// <inheritdoc/>
    public override void Shift(long microseconds)
    {
        base.Shift(microseconds);
        LostAt = LostAt.AddMicroseconds(microseconds);
    }

    /// <summary>Forgets everything, to be used again.</summary>
    public void Clear()
    {
        _frames.AsSpan(0, _count).Clear();
        _count = 0;
        IsAckEliciting = false;
        IsInFlight = false;
        IsMtuProbe = false;
        IsEcnCapable = false;
        IsSilenceProbe = false;
        State = SentPacketState.InFlight;
        Previous = null;
        Next = null;
    }
}
