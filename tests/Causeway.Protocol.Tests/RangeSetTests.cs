using FsCheck.Xunit;

namespace Causeway.Protocol.Tests;

public sealed class RangeSetTests
{
    [Fact]
    public void RangesThatTouchBecomeOne()
    {
        RangeSet set = default;
        Assert.Equal(3, set.Add(10, 13));
        Assert.Equal(2, set.Add(20, 22));
        Assert.Equal(2, set.Count);
        Assert.Equal(7, set.Add(13, 20));
        Assert.Equal(new NumberRange(10, 22), set[0]);
        Assert.Equal(1, set.Count);
    }

    [Fact]
    public void AddingCountsOnlyWhatIsNew()
    {
        RangeSet set = default;
        set.Add(0, 10);
        set.Add(20, 30);
        Assert.Equal(0, set.Add(5, 5));
        Assert.Equal(0, set.Add(2, 9));
        Assert.Equal(10, set.Add(0, 30));
        Assert.Equal(5, set.Add(-5, 0));
        Assert.Equal(new NumberRange(-5, 30), Assert.Single(set.Span.ToArray()));
    }

    [Fact]
    public void RemovingFromTheMiddleSplits()
    {
        RangeSet set = default;
        set.Add(0, 10);
        set.Remove(3, 5);
        Assert.Equal([new NumberRange(0, 3), new NumberRange(5, 10)], set.Span.ToArray());
        set.Remove(0, 3);
        set.Remove(8, 20);
        Assert.Equal([new NumberRange(5, 8)], set.Span.ToArray());
    }

    [Property(MaxTest = 500)]
    public void BehavesAsASetOfNumbers((bool Add, byte Start, byte Length)[] steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        RangeSet set = default;
        SortedSet<long> model = [];
        foreach ((bool add, byte start, byte length) in steps)
        {
            long end = start + (length % 16);
            if (add)
            {
                int before = model.Count;
                model.UnionWith(Numbers(start, end));
                Assert.Equal(model.Count - before, set.Add(start, end));
            }
            else
            {
                model.ExceptWith(Numbers(start, end));
                set.Remove(start, end);
            }

            Assert.Equal(model, set.Span.ToArray().SelectMany(range => Numbers(range.Start, range.End)));
            for (int i = 1; i < set.Count; i++)
            {
                Assert.True(set[i - 1].End < set[i].Start, "neighbours touch");
            }

            Assert.Equal(model.Contains(start), set.Contains(start));
        }
    }

    private static IEnumerable<long> Numbers(long start, long end)
    {
        for (long i = start; i < end; i++)
        {
            yield return i;
        }
    }
}
