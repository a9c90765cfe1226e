namespace Causeway.Protocol.Recovery;

/// <summary>What the sender knew when a transmission left, for the <see cref="DeliveryRateSampler"/>.</summary>
internal struct TransmissionRecord
{
    /// <summary>Bytes acknowledged until then.</summary>
    public long Delivered;

    /// <summary>When the last of them were.</summary>
    public Timestamp DeliveredAt;

    /// <summary>When the flight that it belongs to began.</summary>
    public Timestamp FirstSentAt;

    /// <summary>Bytes of all transmissions up to this one, its own included.</summary>
    public long Sent;

    /// <summary>Bytes of all transmissions up to the newest that was known to have arrived.</summary>
    public long SentUntilArrived;

    /// <summary>Bytes in flight, its own included.</summary>
    public long InFlight;

    /// <summary>Bytes deemed lost until then.</summary>
    public long Lost;

    /// <summary>Whether the application set the pace.</summary>
    public bool IsAppLimited;
}
