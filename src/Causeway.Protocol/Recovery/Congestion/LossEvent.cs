namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>What was deemed lost, for <see cref="CongestionController.OnLoss"/>.</summary>
public readonly record struct LossEvent
{
    /// <summary>When the loss was detected.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes deemed lost.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments deemed lost.</summary>
    public required int Segments { get; init; }

    /// <summary>Bytes in flight before the loss was taken off.</summary>
    public required long PriorBytesInFlight { get; init; }

    /// <summary>Whether a timer found it (no later acknowledgement did).</summary>
    public required bool IsTimeout { get; init; }

    /// <summary>
    /// Whether nothing at all got through for three probe timeouts and more: the path is not what it was (RFC 9002
    /// section 7.6).
    /// </summary>
    public required bool IsPersistentCongestion { get; init; }

    /// <summary>When the newest of the lost segments had been sent.</summary>
    public required Timestamp NewestSentAt { get; init; }

    /// <summary>Payload bytes of a full segment.</summary>
    public required int SegmentSize { get; init; }

    /// <summary>
    /// Segments sent and not passed by the peer's cumulative acknowledgement, the lost ones included.
    /// </summary>
    public required int OutstandingSegments { get; init; }

    /// <summary>The smaller of the send window and the peer's window, in segments.</summary>
    public required int WindowSegments { get; init; }
}
