namespace Causeway.Protocol.Tests.Windows;

public sealed class WindowTunerTests
{
    private const long RoundTrip = 50_000;
    private const long First = 512;
    private const long Least = 128;
    private const long Most = 50_000;

    private readonly WindowTuner _tuner = new(First, Least, Most);
    private Timestamp _now = Timestamp.Zero;

    /// <summary>A reader that takes at once whatever comes, evenly over a round trip.</summary>
    private void KeepUp(long eachRoundTrip, int roundTrips, long roundTrip = RoundTrip, long told = RoundTrip)
    {
        const int Turns = 50;
        for (int turn = 0; turn < roundTrips * Turns; turn++)
        {
            _tuner.OnArrived(eachRoundTrip / Turns);
            _tuner.OnTaken(eachRoundTrip / Turns);
            _tuner.Update(_now, told, unread: 0);
            _now = _now.AddMicroseconds(roundTrip / Turns);
        }
    }

    /// <summary>A reader behind whom the window stays full.</summary>
    private void FallBehind(long eachRoundTrip, int roundTrips)
    {
        const int Turns = 10;
        for (int turn = 0; turn < roundTrips * Turns; turn++)
        {
            _tuner.OnArrived(eachRoundTrip / Turns);
            _tuner.OnTaken(eachRoundTrip / Turns);
            _tuner.Update(_now, RoundTrip, _tuner.Window);
            _now = _now.AddMicroseconds(RoundTrip / Turns);
        }
    }

    [Theory]
    [InlineData(50)]
    [InlineData(1000)]
    [InlineData(5000)]
    public void SettlesAtEightToSixteenTimesWhatARoundTripBrings(long eachRoundTrip)
    {
        KeepUp(eachRoundTrip, 40);
        long settled = _tuner.Window;
        Assert.InRange(settled, Math.Min(Math.Max(First, 7 * eachRoundTrip), Most), Math.Max(First, 17 * eachRoundTrip));
        KeepUp(eachRoundTrip, 40);
        Assert.Equal(settled, _tuner.Window);
    }

    [Fact]
    public void StaysAheadOfASenderThatNearlyTriplesEachRoundTrip()
    {
        double rate = 50;
        for (int i = 0; i < 7; i++)
        {
            KeepUp((long)rate, 1);
            rate *= 2.77;

            // What arrives now left half a round trip ago: by the time the peer hears of the window it sends the square of it.
            Assert.True(_tuner.Window == Most || _tuner.Window >= Math.Min(2 * rate, Most), $"{_tuner.Window} at {rate:F0} a round trip");
        }
    }

    [Fact]
    public void NeverPassesTheMost()
    {
        KeepUp(1_000_000, 100);
        Assert.Equal(Most, _tuner.Window);
    }

    [Fact]
    public void BurstBehindAFilledGapGrowsItAtOnce()
    {
        _tuner.Update(_now, RoundTrip, 0);
        _tuner.OnArrived(1000);
        _tuner.Update(_now.AddMicroseconds(1), RoundTrip, 0);
        Assert.Equal(8192, _tuner.Window);
    }

    [Fact]
    public void SlowTrickleDoesNotGrowIt()
    {
        KeepUp(60, 10_000);
        Assert.Equal(First, _tuner.Window);
    }

    [Fact]
    public void NeedIsWhatIsTakenInARoundTripAndFallsSlowly()
    {
        KeepUp(1000, 40);
        Assert.InRange(_tuner.Need, 900, 1100);

        // A pause of one round trip or of a hundred is one period.
        _now = _now.AddMicroseconds(100 * RoundTrip);
        _tuner.Update(_now, RoundTrip, unread: 0);
        Assert.InRange(_tuner.Need, 750, 1000);
        KeepUp(100, 60);
        Assert.InRange(_tuner.Need, 90, 130);
    }

    [Fact]
    public void ReaderThatIsBehindDoesNotGrowIt()
    {
        FallBehind(5000, 40);
        Assert.Equal(First, _tuner.Window);
    }

    [Fact]
    public void UnknownRoundTripIsTakenForALongOne()
    {
        KeepUp(1000, 40, told: 0);
        Assert.InRange(_tuner.Window, 4 * 7 * 1000, 4 * 17 * 1000);
    }

    [Fact]
    public void ShortRoundTripsAreJudgedOverTenMilliseconds()
    {
        KeepUp(50, 400, roundTrip: 1000, told: 1000);
        Assert.InRange(_tuner.Window, 7 * 500, 17 * 500);
    }

    [Fact]
    public void ShrinksToFourRoundTripsOfASlowReader()
    {
        KeepUp(5000, 40);
        Assert.True(_tuner.Window > 30_000);
        FallBehind(200, 100);
        Assert.InRange(_tuner.Window, 2 * 200, 4 * 200);
    }

    [Fact]
    public void ShrinksToTheLeastBehindAReaderThatStops()
    {
        KeepUp(5000, 40);
        FallBehind(0, 60);
        Assert.Equal(Least, _tuner.Window);
    }

    [Fact]
    public void OneLookAfterALongStopShrinksAsManyWould()
    {
        KeepUp(5000, 40);
        _tuner.Update(_now, RoundTrip, _tuner.Window);
        FallBehind(0, 5);
        _tuner.Update(_now.AddMicroseconds(100 * RoundTrip), RoundTrip, _tuner.Window);
        Assert.Equal(Least, _tuner.Window);
    }

    [Fact]
    public void PauseOfTheSenderDoesNotShrinkIt()
    {
        KeepUp(1000, 40);
        long settled = _tuner.Window;
        _now = _now.AddMicroseconds(1000 * RoundTrip);

        // A whole window comes at once, for a reader that waited for it.
        _tuner.OnEmpty();
        _tuner.OnArrived(settled);
        _tuner.Update(_now, RoundTrip, settled);
        Assert.Equal(settled, _tuner.Window);
    }

    [Fact]
    public void GrowsAgainOnceTheReaderKeepsUp()
    {
        KeepUp(1000, 40);
        FallBehind(0, 100);
        KeepUp(1000, 40);
        Assert.InRange(_tuner.Window, 7 * 1000, 17 * 1000);
    }

    [Fact]
    public void LimitsBelowTheFirstWindowHold()
    {
        WindowTuner tiny = new(First, Least, most: 32);
        Assert.Equal(32, tiny.Window);
        tiny.OnArrived(1_000_000);
        tiny.Update(_now, RoundTrip, 0);
        Assert.Equal(32, tiny.Window);
    }
}
