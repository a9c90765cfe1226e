namespace Causeway.TestKit;

/// <summary>What a <see cref="Flow"/> did up to a time, or between two.</summary>
public readonly record struct FlowCounters
{
    /// <summary>The time, from the network's origin, or how long.</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>Payload bytes that the receiver read, in order.</summary>
    public required long Read { get; init; }

    /// <summary>
    /// Payload bytes that reached the receiver, each counted once, whether in order or not: over a short time a truer measure
    /// of what the path carried than <see cref="Read"/>, which leaps when a gap closes.
    /// </summary>
    public required long Arrived { get; init; }

    /// <summary>Bytes that the sender put on the wire, IP and UDP headers included.</summary>
    public required long WireBytes { get; init; }

    /// <summary>Data segments that it sent, first time or again.</summary>
    public required long Segments { get; init; }

    /// <summary>Data segments that it sent again.</summary>
    public required long Retransmissions { get; init; }

    /// <summary>How many of them it found to have been needless.</summary>
    public required long Spurious { get; init; }

    /// <summary>Data segments that the receiver had already.</summary>
    public required long Repeated { get; init; }

    /// <summary>Bits of payload that arrived in a second; 0 if no time passed.</summary>
    public double Goodput => Time > TimeSpan.Zero ? Arrived * 8 / Time.TotalSeconds : 0;

    /// <summary>Wire bytes for each byte of payload that arrived; 0 if none did.</summary>
    public double WirePerPayload => Arrived > 0 ? (double)WireBytes / Arrived : 0;

    /// <summary>What happened between two times.</summary>
    public static FlowCounters operator -(FlowCounters later, FlowCounters earlier) => new()
    {
        Time = later.Time - earlier.Time,
        Read = later.Read - earlier.Read,
        Arrived = later.Arrived - earlier.Arrived,
        WireBytes = later.WireBytes - earlier.WireBytes,
        Segments = later.Segments - earlier.Segments,
        Retransmissions = later.Retransmissions - earlier.Retransmissions,
        Spurious = later.Spurious - earlier.Spurious,
        Repeated = later.Repeated - earlier.Repeated,
    };
}
