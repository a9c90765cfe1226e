using Causeway.Links;
using Causeway.Protocol;
using Causeway.Runtime;
using Causeway.TestKit;

namespace Causeway.Tests.Runtime;

public sealed class HandOverQueueTests
{
    private readonly PacketPool _pool = new(track: true);
    private readonly RecordingTable _table = new();

    [Fact]
    public async Task DatagramsReachTheOtherShardInOrderAndGoBackToTheirPool()
    {
        (Shard shard, HandOverQueue queue) = NewShard();
        for (int i = 0; i < 100; i++)
        {
            PacketBuffer datagram = Datagram(i);
            Assert.True(queue.TryPost(datagram));
            datagram.Release();
        }

        Assert.Equal(Enumerable.Range(0, 100), _table.Found);
        _pool.ThrowIfOutstanding();
        await shard.DisposeAsync();
    }

    [Fact]
    public async Task ABusyShardTakesNoMoreThanTheLimit()
    {
        (Shard shard, HandOverQueue queue) = NewShard();
        int accepted = 0;
        shard.Post(new Busy(() =>
        {
            // The shard is inside a turn: what is posted now waits.
            for (int i = 0; i < HandOverQueue.Limit + 10; i++)
            {
                PacketBuffer datagram = Datagram(i);
                accepted += queue.TryPost(datagram) ? 1 : 0;
                datagram.Release();
            }

            Assert.Empty(_table.Found);
            Assert.Equal(HandOverQueue.Limit, _pool.Outstanding);
        }));
        Assert.Equal(HandOverQueue.Limit, accepted);
        Assert.Equal(Enumerable.Range(0, HandOverQueue.Limit), _table.Found);
        _pool.ThrowIfOutstanding();

        // Taken ones make room again.
        PacketBuffer later = Datagram(7);
        Assert.True(queue.TryPost(later));
        later.Release();
        Assert.Equal(7, _table.Found[^1]);
        await shard.DisposeAsync();
    }

    private (Shard Shard, HandOverQueue Queue) NewShard()
    {
        // Of a time that stands still: after a long turn the next one is the thread pool's, and these facts look at once.
        ShardClock clock = new(new VirtualTimeProvider());
        Shard shard = new(InMemoryLink.CreatePair().First, _table, clock, resumesInline: false);
        return (shard, new HandOverQueue(shard));
    }

    private PacketBuffer Datagram(int number)
    {
        PacketBuffer datagram = _pool.Rent();
        BitConverter.TryWriteBytes(datagram.Append(4), number);
        return datagram;
    }

    private sealed class Busy(Action action) : ShardItem
    {
        internal override void Run(Timestamp now) => action();
    }

    private sealed class RecordingTable : SessionTable
    {
        public List<int> Found { get; } = [];

        public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now)
        {
            Found.Add(BitConverter.ToInt32(datagram.Payload));
            return null;
        }

        public override void Remove(IDrivenSession session, Timestamp now)
        {
        }

        public override IReadOnlyList<IDrivenSession> Snapshot() => [];
    }
}
