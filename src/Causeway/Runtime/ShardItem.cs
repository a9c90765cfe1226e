namespace Causeway.Runtime;

/// <summary>
/// Something for a shard to do on its turn. It is its own node of the inbox, so that posting allocates nothing, and it
/// is in the inbox at most once: whatever changes between posting and running is seen by that one run.
/// </summary>
internal abstract class ShardItem
{
    private int _queued;

    internal ShardItem? Next { get; set; }

    /// <summary>The connection that fails if <see cref="Run"/> throws; null for all of the shard.</summary>
    internal virtual IDrivenSession? Connection => null;

    /// <summary>Runs on the shard's turn.</summary>
    internal abstract void Run(Timestamp now);

    internal bool TryQueue() => Interlocked.Exchange(ref _queued, 1) == 0;

    // Before Run reads any state: a change that comes after this line posts again.
    internal void Dequeued() => Interlocked.Exchange(ref _queued, 0);
}
