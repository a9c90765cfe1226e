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
    private readonly PeerAddress _name;

    // Made when one is needed and none is free: a quiet link has one.
    private readonly ConcurrentQueue<ReceivedBatch> _free = new();
    private readonly SemaphoreSlim _available = new(BatchesAhead);

    /// <param name="shard">Whose datagrams they are.</param>
    /// <param name="link">Where they come from.</param>
    /// <param name="name">What their paths call the link (<see cref="DatagramPath.Local"/>); none if the link knows better.</param>
    public ReceivePump(Shard shard, IDatagramLink link, PeerAddress name = default)
    {
        _shard = shard;
        _link = link;
        _name = name;
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
                if (!_name.IsNone)
                {
                    batch.Name(_name);
                }

                _shard.Post(batch);
            }
        }
        catch (Exception error)
        {
            // Links are the application's, so anything may come; the shard knows whether it disposed the link itself.
            _shard.OnLinkFailed(_link, error);
        }
    }

    private sealed class ReceivedBatch(ReceivePump pump) : ShardItem
    {
        public PacketBuffer[] Datagrams { get; } = new PacketBuffer[BatchSize];

        public int Count { get; set; }

        public void Name(PeerAddress local)
        {
            foreach (PacketBuffer datagram in Datagrams.AsSpan(0, Count))
            {
                datagram.Path = new DatagramPath(datagram.Path.Remote, local);
            }
        }

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
