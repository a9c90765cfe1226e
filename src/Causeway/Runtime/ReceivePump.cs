using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// Receives batches (opening them on the way, since ciphers are links) and posts them to the shard. While the shard is busy
/// on another thread the pump goes on receiving, up to a few batches ahead.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore whose wait handle is never asked for holds nothing to dispose.")]
internal sealed class ReceivePump
{
    // Datagrams per receive, and batches that may be under way: together they bound what waits for the shard.
    private const int BatchSize = 128;
    private const int BatchesAhead = 8;

    private readonly Shard _shard;
    private readonly IDatagramLink _link;

    // Made when one is needed and none is free: a quiet link has one.
    private readonly ConcurrentQueue<ReceivedBatch> _free = new();
    private readonly SemaphoreSlim _available = new(BatchesAhead);

    public ReceivePump(Shard shard, IDatagramLink link)
    {
        _shard = shard;
        _link = link;
    }

    /// <summary>Completes when the link has ended.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    public void Start() => Completion = Task.Run(ReceiveAsync);

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                await _available.WaitAsync().ConfigureAwait(false);
                if (!_free.TryDequeue(out ReceivedBatch? batch))
                {
                    batch = new ReceivedBatch(this);
                }

                batch.Count = await _link.ReceiveAsync(batch.Datagrams).ConfigureAwait(false);
                _shard.Post(batch);
            }
        }
        catch (Exception error)
        {
            // Links are the application's, so anything may come; the shard knows whether it disposed the link itself.
            _shard.OnLinkFailed(error);
        }
    }

    private sealed class ReceivedBatch(ReceivePump pump) : ShardItem
    {
        public PacketBuffer[] Datagrams { get; } = new PacketBuffer[BatchSize];

        public int Count { get; set; }

        internal override void Run(Timestamp now)
        {
            for (int i = 0; i < Count; i++)
            {
                pump._shard.Dispatch(Datagrams[i], now);
                Datagrams[i].Release();
                Datagrams[i] = null!;
            }

            Count = 0;
            pump._free.Enqueue(this);
            pump._available.Release();
        }
    }
}
