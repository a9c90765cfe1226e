namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// One lost segment with what the sender knew when it left, for <see cref="CongestionController.OnSegmentLost"/>
/// (draft-ietf-ccwg-bbr, per-packet state).
/// </summary>
public readonly record struct SegmentLoss
{
    /// <summary>When the loss was detected.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>
    /// Number of the lost transmission: they are counted over the session, and neighbours in number left one after the
    /// other.
    /// </summary>
    public required long Transmission { get; init; }

    /// <summary>Payload bytes of the segment.</summary>
    public required int Bytes { get; init; }

    /// <summary>Bytes in flight when it was sent, its own included.</summary>
    public required long InFlightAtSend { get; init; }

    /// <summary>Bytes deemed lost since it was sent, its own included.</summary>
    public required long LostSinceSend { get; init; }

    /// <summary>Whether it was sent while the application, not the network, set the pace.</summary>
    public required bool IsAppLimited { get; init; }
}
