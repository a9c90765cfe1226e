namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>What left, for <see cref="CongestionController.OnSent"/>.</summary>
public readonly record struct SentEvent
{
    /// <summary>When.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes in this transmission.</summary>
    public required int Bytes { get; init; }

    /// <summary>Bytes in flight, these included.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>
    /// Whether less was in flight than the controller allowed, for want of data, at some time since what was then in
    /// flight has been acknowledged.
    /// </summary>
    public required bool IsAppLimited { get; init; }

    /// <summary>Whether these bytes had been sent before.</summary>
    public required bool IsRetransmission { get; init; }
}
