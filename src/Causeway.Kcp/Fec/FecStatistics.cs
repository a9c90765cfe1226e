namespace Causeway.Kcp.Fec;

/// <summary>Counters of one decoder, or of several that share them. Written by the decoder's thread alone.</summary>
public sealed class FecStatistics
{
    /// <summary>Groups whose data arrived complete. kcptun's <c>FECFullShardSet</c>.</summary>
    public long FullShardSets { get; internal set; }

    /// <summary>
    /// Data datagrams that were rebuilt, before their size was checked. kcptun's <c>FECRecovered</c>.
    /// </summary>
    public long Recovered { get; internal set; }

    /// <summary>
    /// Groups that could not be rebuilt because they are larger than the pool's buffers. kcptun's <c>FECErrs</c>.
    /// </summary>
    public long Errors { get; internal set; }

    /// <summary>
    /// Parity datagrams that arrived for an open group, each counted once, needed or not. kcptun's
    /// <c>FECParityShards</c>.
    /// </summary>
    public long ParityShards { get; internal set; }

    /// <summary>Groups that are open now, at most four. A gauge, kcptun's <c>FECShardSet</c>.</summary>
    public long ShardSets { get; internal set; }

    /// <summary>The number of the newest group. A gauge, kcptun's <c>FECShardMin</c>.</summary>
    public long NewestGroup { get; internal set; }

    /// <summary>Out-of-band datagrams, which are ignored.</summary>
    public long OutOfBand { get; internal set; }

    /// <summary>Times that the decoder took over other shard counts from the peer's datagrams.</summary>
    public long Retunes { get; internal set; }

    /// <summary>
    /// Times that the sequence ids jumped too far to be the same stream and the decoder started over at them.
    /// </summary>
    public long Restarts { get; internal set; }

    /// <summary>Datagrams that were not stored because the shard counts were in doubt.</summary>
    public long IgnoredWhileTuning { get; internal set; }

    /// <summary>Datagrams too short for an FEC header and a size field.</summary>
    public long MalformedTooShort { get; internal set; }

    /// <summary>Datagrams whose sequence id lies at or behind the wrap.</summary>
    public long MalformedSequence { get; internal set; }

    /// <summary>
    /// Datagrams of groups that were closed before, or that lie too far ahead to be believed at once.
    /// </summary>
    public long OutsideWindow { get; internal set; }

    /// <summary>Rebuilt datagrams that were dropped because their size field cannot be true.</summary>
    public long MalformedRebuiltSize { get; internal set; }

    /// <summary>Everything that was dropped as malformed.</summary>
    public long Malformed => MalformedTooShort + MalformedSequence + MalformedRebuiltSize;
}
