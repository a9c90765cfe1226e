using Causeway.Protocol;
using Causeway.Runtime;

namespace Causeway.Tests.Runtime;

public sealed class ShardInboxTests
{
    [Fact]
    public void ItemsComeOutTogetherAndInOrder()
    {
        ShardInbox inbox = default;
        Assert.True(inbox.IsEmpty);
        Assert.Null(inbox.TakeAll());
        Item[] items = [.. Enumerable.Range(0, 5).Select(i => new Item(0, i))];
        foreach (Item item in items)
        {
            inbox.Push(item);
            Assert.False(inbox.IsEmpty);
        }

        Assert.Equal(items, Take(ref inbox));
        Assert.True(inbox.IsEmpty);
        inbox.Push(items[3]);
        Assert.Equal([items[3]], Take(ref inbox));
    }

    [Fact]
    public async Task NothingIsLostBetweenThreadsAndEachKeepsItsOrder()
    {
        const int Threads = 4;
        const int PerThread = 20_000;
        Holder holder = new();
        Task[] writers =
        [
            .. Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
            {
                for (int i = 0; i < PerThread; i++)
                {
                    holder.Inbox.Push(new Item(thread, i));
                }
            })),
        ];
        int[] next = new int[Threads];
        int taken = 0;
        Task all = Task.WhenAll(writers);
        while (taken < Threads * PerThread)
        {
            bool isOver = all.IsCompleted;
            List<Item> items = Take(ref holder.Inbox);
            foreach (Item item in items)
            {
                Assert.Equal(next[item.Thread]++, item.Number);
            }

            taken += items.Count;
            Assert.False(isOver && items.Count == 0 && taken < Threads * PerThread, $"{taken} items came out");
        }

        await all.Guarded();
        Assert.True(holder.Inbox.IsEmpty);
    }

    [Fact]
    public void AnItemIsQueuedOnceUntilItIsTaken()
    {
        Item item = new(0, 0);
        Assert.True(item.TryQueue());
        Assert.False(item.TryQueue());
        item.Dequeued();
        Assert.True(item.TryQueue());
    }

    // As the shard does it: the link is taken off before the item may be posted again.
    private static List<Item> Take(ref ShardInbox inbox)
    {
        List<Item> items = [];
        for (ShardItem? item = inbox.TakeAll(); item is not null;)
        {
            ShardItem current = item;
            item = current.Next;
            current.Next = null;
            items.Add((Item)current);
        }

        return items;
    }

    private sealed class Holder
    {
        public ShardInbox Inbox;
    }

    private sealed class Item(int thread, int number) : ShardItem
    {
        public int Thread => thread;

        public int Number => number;

        internal override void Run(Timestamp now)
        {
        }
    }
}
