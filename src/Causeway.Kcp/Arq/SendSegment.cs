using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Where a written segment is: <c>Unsent -> InFlight -> (Lost -> InFlight)* -> Acknowledged</c>, and from Lost straight
/// to Acknowledged when the loss was none.
/// </summary>
internal enum SendState : byte
{
    Unsent,
    InFlight,
    Lost,
    Acknowledged,
}

/// <summary>Which rule deemed a segment lost (docs/wire/kcptun.md 5.7.6).</summary>
internal enum LossReason : byte
{
    None,
    Fast,
    Early,
    Timeout,
}

/// <summary>
/// One data segment from the write to the cumulative acknowledgement. Reused by its <see cref="SendRing"/>.
/// </summary>
internal sealed class SendSegment : SentPacket
{
    /// <summary>The payload; null once it was acknowledged.</summary>
    public PacketBuffer? Buffer { get; set; }

    public uint Sequence { get; set; }

    public SendState State { get; set; }

    /// <summary>How often it was sent.</summary>
    public int Transmissions { get; set; }

    /// <summary>When it was first sent.</summary>
    public Timestamp FirstSentAt { get; set; }

    /// <summary>The wire's timestamp of the newest transmission.</summary>
    public uint SentTicks { get; set; }

    /// <summary>The wire's timestamp of the first transmission.</summary>
    public uint FirstTicks { get; set; }

    /// <summary>Why it was last deemed lost.</summary>
    public LossReason LostBy { get; set; }

    /// <summary>Once acknowledged: everything from this one up to there is, too.</summary>
    public uint SkipTo { get; set; }

    public SendSegment? Previous { get; set; }

    public SendSegment? Next { get; set; }

    /// <inheritdoc/>
    public override int Length => Buffer!.Length;
}
