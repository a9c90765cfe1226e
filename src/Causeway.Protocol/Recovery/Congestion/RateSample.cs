namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// A sample of the rate at which the path delivers, made from one acknowledgement (draft-ietf-ccwg-bbr, delivery rate
/// samples; draft-cheng-iccrg-delivery-rate-estimation). The default value is an empty sample.
/// </summary>
public readonly record struct RateSample
{
    /// <summary>Payload bytes a second; 0 if the acknowledgement allows no estimate.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>
    /// The newest acknowledged segment was sent after so many bytes had been acknowledged.
    /// </summary>
    public long PriorDelivered { get; init; }

    /// <summary>
    /// Bytes acknowledged between that segment's departure and now; no more than were sent after the newest that was
    /// known to have arrived at its departure.
    /// </summary>
    public long Delivered { get; init; }

    /// <summary>Bytes deemed lost between that segment's departure and now, of those that were sent as late.</summary>
    public long Lost { get; init; }

    /// <summary>Bytes in flight when that segment was sent, its own included.</summary>
    public long InFlightAtSend { get; init; }

    /// <summary>The time that the sample covers, in microseconds.</summary>
    public long IntervalMicroseconds { get; init; }

    /// <summary>Whether the application set the pace: the path may be faster than this.</summary>
    public bool IsAppLimited { get; init; }

    /// <summary>Whether it is about a segment at all: an acknowledgement can tell too little of its transmission.</summary>
    public bool HasSegment => Delivered > 0;
}
