using Causeway.Kcp.Fec;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecArrivalMeterTests
{
    private readonly FecArrivalMeter _meter = new();

    [Fact]
    public void CountsWhatIsMissingAndInHowManyRuns()
    {
        Feed(Enumerable.Range(0, 300).Where(static i => i is not (10 or 20 or 21 or 22 or 40 or 250)));
        Assert.Equal((300 - FecArrivalMeter.Patience, 6, 4), (_meter.Judged, _meter.Missing, _meter.Runs));
    }

    [Fact]
    public void LateIsNotMissingUnlessItIsVeryLate()
    {
        List<int> order = [.. Enumerable.Range(0, 300)];
        Move(order, 50, 50 + FecArrivalMeter.Patience - 1);
        Move(order, 150, 150 + FecArrivalMeter.Patience);
        Feed(order);
        Assert.Equal((1, 1), (_meter.Missing, _meter.Runs));
    }

    [Fact]
    public void RepeatedAndAncientOnesChangeNothing()
    {
        Feed([.. Enumerable.Range(0, 100), 99, 98, 3, .. Enumerable.Range(100, 100)]);
        Assert.Equal((200 - FecArrivalMeter.Patience, 0), (_meter.Judged, _meter.Missing));
    }

    [Fact]
    public void AnOutageIsNoLoss()
    {
        Feed([.. Enumerable.Range(0, 100), .. Enumerable.Range(2000, 100)]);
        Assert.Equal(0, _meter.Missing);
        Assert.Equal(2 * (100 - FecArrivalMeter.Patience), _meter.Judged);
    }

    private static void Move(List<int> order, int shard, int behind)
    {
        order.Remove(shard);
        order.Insert(order.IndexOf(behind) + 1, shard);
    }

    private void Feed(IEnumerable<int> order)
    {
        int newest = 0;
        foreach (int shard in order)
        {
            _meter.Add(shard - newest);
            newest = Math.Max(newest, shard);
        }
    }
}
