using System.Collections.Concurrent;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>Datagrams that other shards received for a session of this one.</summary>
internal sealed class HandOverQueue(Shard shard) : ShardItem
{
    /// <summary>The most that wait: as many as a receive pump may be ahead of its own shard.</summary>
    public const int Limit = 1024;

    private readonly ConcurrentQueue<PacketBuffer> _datagrams = new();
    private int _count;

    /// <summary>Takes a reference on a datagram and passes it on to the shard; false if too many wait.</summary>
    public bool TryPost(PacketBuffer datagram)
    {
        if (Interlocked.Increment(ref _count) > Limit)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        datagram.Retain();
        _datagrams.Enqueue(datagram);
        shard.Post(this);
        return true;
    }

    internal override void Run(Timestamp now)
    {
        // A turn must end: what is posted meanwhile comes with the next one, which that posts.
        for (int left = Limit; left > 0 && _datagrams.TryDequeue(out PacketBuffer? datagram); left--)
        {
            Interlocked.Decrement(ref _count);
            shard.Dispatch(datagram, now);
            datagram.Release();
        }
    }
}
