namespace Causeway.TestKit.Tests;

public sealed class AllocationTests
{
    private static object? s_kept;

    [Fact]
    public void AnAllocationInEveryPassIsSeen()
    {
        int passes = 0;
        long least = Allocation.Least(5, () =>
        {
            passes++;
            s_kept = new object();
        });

        Assert.True(least > 0);
        Assert.Equal(5, passes);
    }

    [Fact]
    public void StopsAtTheFirstPassWithoutAllocation()
    {
        int passes = 0;
        long least = Allocation.Least(5, () =>
        {
            if (++passes < 3)
            {
                s_kept = new byte[1000];
            }
        });

        Assert.Equal(0, least);

        // A collection by another test's thread may spoil one of the passes.
        Assert.InRange(passes, 3, 5);
    }

    [Fact]
    public void AtLeastOnePassIsAskedFor()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Allocation.Least(0, static () => { }));
    }
}
