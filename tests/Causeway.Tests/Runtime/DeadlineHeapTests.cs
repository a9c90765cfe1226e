using Causeway.Protocol;
using Causeway.Runtime;

namespace Causeway.Tests.Runtime;

/// <summary>The heap of deadlines against a plain list.</summary>
public sealed class DeadlineHeapTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TheSoonestIsAlwaysFirst(int seed)
    {
        Random random = new(seed);
        DeadlineHeap<Item> heap = new();
        Item[] items = [.. Enumerable.Range(0, 50).Select(_ => new Item())];
        for (int i = 0; i < 5_000; i++)
        {
            Item item = items[random.Next(items.Length)];
            switch (random.Next(4))
            {
                case 0:
                    heap.Remove(item);
                    break;
                case 1 when !heap.Next.IsNever:
                    heap.Remove(heap.First);
                    break;
                case 2 when random.Next(10) == 0:
                    heap.Set(item, Timestamp.Never);
                    break;
                default:
                    heap.Set(item, new Timestamp(random.Next(1_000)));
                    break;
            }

            Timestamp soonest = items.Min(each => each.Deadline);
            Assert.True(soonest == heap.Next, $"seed {seed}, step {i}: {heap.Next} in front of {soonest}");
            Assert.True(soonest.IsNever || heap.First.Deadline == soonest);
            Assert.All(items, each => Assert.Equal(each.Deadline.IsNever, each.HeapIndex < 0));
        }
    }

    private sealed class Item : IDeadlineItem
    {
        public Timestamp Deadline { get; set; } = Timestamp.Never;

        public int HeapIndex { get; set; } = -1;
    }
}
