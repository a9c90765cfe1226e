namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>What was acknowledged, for <see cref="CongestionController.OnAck"/>.</summary>
public readonly record struct AckEvent
{
    /// <summary>When the acknowledgement arrived.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes newly acknowledged.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments newly acknowledged.</summary>
    public required int Segments { get; init; }

    /// <summary>Whether the oldest unacknowledged sequence number moved.</summary>
    public required bool IsCumulativeAdvance { get; init; }

    /// <summary>
    /// Payload bytes acknowledged since the session began, these included. With <see cref="RateSample.PriorDelivered"/>
    /// it counts round trips: one has passed when data is acknowledged that was sent after the last one ended.
    /// </summary>
    public required long Delivered { get; init; }

    /// <summary>Payload bytes deemed lost since the session began.</summary>
    public required long Lost { get; init; }

    /// <summary>The delivery rate that this acknowledgement shows.</summary>
    public required RateSample Rate { get; init; }

    /// <summary>
    /// Whether the controller's window or pacing rate, and nothing else, has held data back since the last event; if
    /// nothing could leave since, as that event said. A window that was not used up proves nothing about the path and
    /// should not grow (RFC 9438 section 5.8).
    /// </summary>
    public required bool IsCongestionLimited { get; init; }

    /// <summary>Bytes still in flight.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>
    /// The round-trip sample of the datagram's last acknowledgement in microseconds, or -1 if there is none.
    /// </summary>
    public required long RttMicroseconds { get; init; }

    /// <summary>The smoothed round-trip time in microseconds, 0 before the first sample.</summary>
    public required long SmoothedRttMicroseconds { get; init; }

    /// <summary>The peer's advertised window in segments.</summary>
    public required int PeerWindowSegments { get; init; }

    /// <summary>Payload bytes of a full segment.</summary>
    public required int SegmentSize { get; init; }
}
