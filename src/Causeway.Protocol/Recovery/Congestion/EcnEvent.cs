namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>Congestion marks, for <see cref="CongestionController.OnEcnMarks"/>.</summary>
public readonly record struct EcnEvent
{
    /// <summary>When the report arrived.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Datagrams newly reported as marked.</summary>
    public required int Marked { get; init; }

    /// <summary>Datagrams newly reported as arrived, marked or not.</summary>
    public required int Received { get; init; }

    /// <summary>Bytes in flight.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>The smoothed round-trip time in microseconds, 0 before the first sample.</summary>
    public required long SmoothedRttMicroseconds { get; init; }

    /// <summary>Payload bytes of a full segment.</summary>
    public required int SegmentSize { get; init; }
}
