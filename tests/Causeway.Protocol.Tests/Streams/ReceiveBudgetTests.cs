using Causeway.Protocol.Streams;

namespace Causeway.Protocol.Tests.Streams;

public sealed class ReceiveBudgetTests
{
    private const long Size = 64 << 20;

    private readonly ReceiveBudget _budget = new(Size);

    [Fact]
    public void OneStreamAloneMayHaveThreeQuarters()
    {
        _budget.TakeFloor();
        Assert.Equal(Size * 3 / 4, _budget.Share(own: 0));
        _budget.Grow(1000);
        Assert.Equal(Size * 3 / 4, _budget.Share(own: 1000));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(200)]
    [InlineData(1000)]
    public void StreamsThatTakeTheirShareAndKeepItLeaveSomethingForTheNext(int streams)
    {
        for (int i = 0; i < streams; i++)
        {
            Assert.True(_budget.HasFloor);
            _budget.TakeFloor();
            _budget.Grow(_budget.Share(own: 0) / 8);
            Assert.InRange(_budget.Granted, 0, Size * 15 / 16);
        }

        // Eight parts more for each of n leave about 8/n.
        Assert.InRange(_budget.Free(own: 0), 4 * _budget.GrowthMemory / (8 + streams), _budget.GrowthMemory);
        Assert.True(_budget.HasFloor);
    }

    [Fact]
    public void FloorsComeBackAndSoDoesWhatWasGrown()
    {
        int[] floors = [.. Enumerable.Range(0, 5000).Select(_ => _budget.TakeFloor())];
        Assert.Equal(32 << 10, floors[0]);
        Assert.Equal(1 << 10, floors[^1]);
        Assert.Equal(floors.Sum(static floor => (long)floor), _budget.Granted);
        _budget.Grow(12345);
        _budget.Grow(-12345);
        foreach (int floor in floors)
        {
            _budget.ReturnFloor(floor);
        }

        Assert.Equal(0, _budget.Granted);
        Assert.Equal(_budget.GrowthMemory, _budget.Free(own: 0));
    }

    [Fact]
    public void ThereIsAFloorForTensOfThousandsAndThenForNobody()
    {
        int streams = 0;
        while (_budget.HasFloor)
        {
            _budget.TakeFloor();
            streams++;
            Assert.InRange(_budget.Granted, 0, Size * 15 / 16);
        }

        Assert.InRange(streams, 40_000, 65_536);
    }
}
