using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>Which fault took a datagram.</summary>
public enum FaultCause
{
    /// <summary>None: it arrives.</summary>
    None,

    /// <summary>The link was down.</summary>
    Blackout,

    /// <summary>The queue in front of the link was full.</summary>
    Queue,

    /// <summary>A burst of loss.</summary>
    Burst,

    /// <summary>Independent loss.</summary>
    Random,

    /// <summary>The policer in front of the link had too few tokens.</summary>
    Policer,

    /// <summary>It was longer than the link takes.</summary>
    Size,
}

/// <summary>What becomes of one datagram.</summary>
/// <param name="LostTo">Why it does not arrive, or <see cref="FaultCause.None"/>.</param>
/// <param name="Arrival">When it leaves the link at the other end; <see cref="Timestamp.Never"/> if it is lost.</param>
/// <param name="DuplicateArrival">
/// When a second copy does, never earlier; <see cref="Timestamp.Never"/> if there is none.
/// </param>
/// <param name="CorruptBit">Which bit of the payload is flipped, in all copies; -1 if none.</param>
public readonly record struct DatagramFate(
    FaultCause LostTo, Timestamp Arrival, Timestamp DuplicateArrival, int CorruptBit)
{
    /// <summary>Whether the queue was so long that its ECN bits become <see cref="EcnCodepoint.CongestionExperienced"/>.</summary>
    public bool IsMarked { get; init; }

    /// <summary>Whether it does not arrive.</summary>
    public bool IsLost => LostTo != FaultCause.None;

    /// <summary>Whether it arrives twice.</summary>
    public bool IsDuplicated => !DuplicateArrival.IsNever;

    /// <summary>Flips the bit, if one is to be flipped.</summary>
    public void Corrupt(Span<byte> payload)
    {
        if (CorruptBit >= 0)
        {
            payload[CorruptBit >> 3] ^= (byte)(1 << (CorruptBit & 7));
        }
    }

    internal static DatagramFate Lost(FaultCause cause) => new(cause, Timestamp.Never, Timestamp.Never, -1);
}
