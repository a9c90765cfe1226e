namespace Causeway.Testing;

/// <summary>What a <see cref="FaultModel"/> did so far: counts of datagrams unless named otherwise.</summary>
public readonly record struct FaultStatistics
{
    /// <summary>Datagrams that entered.</summary>
    public long Sent { get; init; }

    /// <summary>Bytes of payload that entered.</summary>
    public long SentBytes { get; init; }

    /// <summary>Datagrams that arrive at the other end, second copies not counted.</summary>
    public long Delivered { get; init; }

    /// <summary>Lost while the link was down.</summary>
    public long LostToBlackout { get; init; }

    /// <summary>Lost to the policer.</summary>
    public long LostToPolicer { get; init; }

    /// <summary>Lost because they were too long.</summary>
    public long LostToSize { get; init; }

    /// <summary>Lost because the queue was full.</summary>
    public long LostToQueue { get; init; }

    /// <summary>Lost in bursts.</summary>
    public long LostToBurst { get; init; }

    /// <summary>Lost independently.</summary>
    public long LostToRandom { get; init; }

    /// <summary>Held back on purpose.</summary>
    public long Reordered { get; init; }

    /// <summary>Delivered twice.</summary>
    public long Duplicated { get; init; }

    /// <summary>Delivered with a flipped bit.</summary>
    public long Corrupted { get; init; }

    /// <summary>Delivered with a congestion mark that the link set.</summary>
    public long Marked { get; init; }

    /// <summary>The most bytes, overhead included, that waited for the link at one time.</summary>
    public long QueueMaxBytes { get; init; }
}
