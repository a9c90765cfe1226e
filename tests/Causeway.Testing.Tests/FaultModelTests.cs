using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.Testing.Tests;

public sealed class FaultModelTests
{
    private const int Size = 1350;
    private const int WireSize = Size + 28;

    private static readonly FaultModelOptions s_everything = new()
    {
        Loss = 0.02,
        BurstEnter = 0.01,
        BurstLeave = 0.3,
        BurstLoss = 0.9,
        Delay = TimeSpan.FromMilliseconds(20),
        Jitter = TimeSpan.FromMilliseconds(5),
        Reorder = 0.05,
        Duplicate = 0.03,
        Corrupt = 0.02,
        RateBitsPerSecond = 20_000_000,
    };

    [Fact]
    public void GeneratorGivesTheSequenceOfSplitMix64()
    {
        Assert.Equal(
            [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F],
            Enumerable.Range(0, 3).Select(index => SplitMix64.At(0, (ulong)index)));
        Assert.Equal(
            [6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL],
            Enumerable.Range(0, 3).Select(index => SplitMix64.At(1234567, (ulong)index)));
    }

    [Fact]
    public void PerfectLinkDeliversAtOnce()
    {
        FaultModel model = new(new FaultModelOptions(), seed: 1, direction: 0);
        for (int i = 0; i < 1000; i++)
        {
            Timestamp now = new(i * 7);
            Assert.Equal(new DatagramFate(FaultCause.None, now, Timestamp.Never, -1), model.Decide(Size, now));
        }
    }

    [Fact]
    public void SameSeedAndDirectionGiveTheSameFate()
    {
        DatagramFate[] fates = Run(s_everything, seed: 7, direction: 0, count: 5000);
        Assert.Equal(fates, Run(s_everything, seed: 7, direction: 0, count: 5000));
        Assert.NotEqual(fates, Run(s_everything, seed: 8, direction: 0, count: 5000));
        Assert.NotEqual(fates, Run(s_everything, seed: 7, direction: 1, count: 5000));
    }

    [Fact]
    public void PolicerPassesItsBurstAndThenItsRateWithoutDelay()
    {
        // A bucket of eight datagrams that fills by one in each millisecond.
        FaultModelOptions options = new()
        {
            PolicerBitsPerSecond = WireSize * 8 * 1000,
            PolicerBurstBytes = 8 * WireSize,
            RateBitsPerSecond = 1_000_000_000,
            QueueBytes = 1 << 20,
        };
        FaultModel model = new(options, seed: 1, direction: 0);
        FaultCause[] first = [.. Enumerable.Range(0, 10).Select(_ => model.Decide(Size, Timestamp.Zero).LostTo)];
        Assert.Equal([.. Enumerable.Repeat(FaultCause.None, 8), FaultCause.Policer, FaultCause.Policer], first);

        // A datagram that it drops neither waits nor takes anything from the bucket.
        Assert.Equal(8 * WireSize, model.GetQueuedBytes(Timestamp.Zero));
        Assert.Equal(FaultCause.Policer, model.Decide(Size, new Timestamp(999)).LostTo);
        Assert.Equal(FaultCause.None, model.Decide(Size, new Timestamp(1000)).LostTo);
        Assert.Equal(FaultCause.Policer, model.Decide(Size, new Timestamp(1000)).LostTo);

        // However long the pause, the bucket holds no more than its size.
        Timestamp late = new(3_600_000_000);
        Assert.Equal(8, Enumerable.Range(0, 20).Count(_ => !model.Decide(Size, late).IsLost));
        Assert.Equal(4 + 12, model.Statistics.LostToPolicer);
    }

    [Fact]
    public void MarksWhatWaitsLongEnoughAndCanBeMarked()
    {
        // One datagram in each millisecond, and room for ten.
        FaultModelOptions options = new()
        {
            RateBitsPerSecond = WireSize * 8 * 1000,
            QueueBytes = 10 * WireSize,
            MarkThreshold = TimeSpan.FromMilliseconds(3),
        };
        FaultModel model = new(options, seed: 1, direction: 0);
        DatagramFate[] fates = [.. Enumerable.Range(0, 12).Select(_ => model.Decide(Size, EcnCodepoint.Capable0, Timestamp.Zero))];
        Assert.Equal([false, false, false, true, true, true, true, true, true, true, false, false], fates.Select(static fate => fate.IsMarked));
        Assert.Equal([10, 2], [fates.Count(static fate => !fate.IsLost), fates.Count(static fate => fate.LostTo == FaultCause.Queue)]);

        // Seven have left, then eight.
        Assert.True(model.Decide(Size, EcnCodepoint.CongestionExperienced, new Timestamp(7000)).IsMarked);
        Assert.False(model.Decide(Size, new Timestamp(7000)).IsMarked);
        Assert.False(model.Decide(Size, EcnCodepoint.Capable1, new Timestamp(9500)).IsMarked);
        Assert.Equal(8, model.Statistics.Marked);
    }

    [Fact]
    public void SwitchingOneFaultLeavesTheDiceOfTheOthers()
    {
        FaultModelOptions lossOnly = new() { Loss = 0.1 };
        FaultModelOptions more = lossOnly with
        {
            Duplicate = 0.5,
            Corrupt = 0.5,
            Reorder = 0.5,
            Jitter = TimeSpan.FromMilliseconds(3),
            Delay = TimeSpan.FromMilliseconds(9),
        };
        Assert.Equal(
            Run(lossOnly, seed: 3, direction: 0, count: 5000).Select(fate => fate.LostTo),
            Run(more, seed: 3, direction: 0, count: 5000).Select(fate => fate.LostTo));
    }

    [Fact]
    public void FateAfterABlackoutIsWhatItWouldHaveBeen()
    {
        FaultModelOptions options = new() { Loss = 0.1, BurstEnter = 0.05, BurstLeave = 0.2, Corrupt = 0.1 };
        DatagramFate[] undisturbed = Run(options, seed: 5, direction: 0, count: 3000);

        FaultModel model = new(options, seed: 5, direction: 0);
        for (int i = 0; i < 3000; i++)
        {
            model.Blackout = i is >= 1000 and < 2000;
            DatagramFate fate = model.Decide(Size, At(i));
            Assert.Equal(model.Blackout ? DatagramFate.Lost(FaultCause.Blackout) : undisturbed[i], fate);
        }

        Assert.Equal(1000, model.Statistics.LostToBlackout);
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.05)]
    [InlineData(0.5)]
    public void LossRateIsAsAsked(double loss)
    {
        const int Count = 200_000;
        int lost = Run(new FaultModelOptions { Loss = loss }, seed: 11, direction: 0, Count).Count(fate => fate.IsLost);
        double deviation = Math.Sqrt(Count * loss * (1 - loss));
        Assert.InRange(lost, (Count * loss) - (5 * deviation), (Count * loss) + (5 * deviation));
    }

    [Fact]
    public void BurstsHaveTheLengthAndShareOfTheGilbertElliottModel()
    {
        const int Count = 400_000;
        const double Enter = 0.01;
        const double Leave = 0.25;
        FaultModelOptions options = new() { BurstEnter = Enter, BurstLeave = Leave };
        bool[] lost = [.. Run(options, seed: 2, direction: 0, Count).Select(fate => fate.LostTo == FaultCause.Burst)];
        int total = lost.Count(isLost => isLost);
        int bursts = lost.Where((isLost, i) => isLost && (i == 0 || !lost[i - 1])).Count();

        Assert.InRange((double)total / bursts, (1 / Leave) * 0.95, (1 / Leave) * 1.05);
        double share = Enter / (Enter + Leave);
        Assert.InRange((double)total / Count, share * 0.95, share * 1.05);
    }

    [Fact]
    public void RateSpacesDatagramsExactly()
    {
        // 1378 bytes x 8 at this rate take exactly 1 ms.
        FaultModelOptions options = new()
        {
            RateBitsPerSecond = WireSize * 8 * 1000,
            Delay = TimeSpan.FromMilliseconds(10),
            QueueBytes = 1 << 20,
        };
        FaultModel model = new(options, seed: 1, direction: 0);
        for (int i = 1; i <= 100; i++)
        {
            Assert.Equal(Timestamp.FromMilliseconds(i + 10), model.Decide(Size, Timestamp.Zero).Arrival);
        }

        // After the queue has run empty the next one starts at once.
        Assert.Equal(new Timestamp(200_500 + 1000 + 10_000), model.Decide(Size, new Timestamp(200_500)).Arrival);
    }

    [Fact]
    public void RoundingDoesNotAddUp()
    {
        const long Rate = 999_999_937;
        FaultModelOptions options = new() { RateBitsPerSecond = Rate, QueueBytes = 1L << 33 };
        FaultModel model = new(options, seed: 1, direction: 0);
        for (int i = 1; i <= 100_000; i++)
        {
            Int128 bitMicroseconds = (Int128)i * WireSize * 8 * 1_000_000;
            long expected = (long)((bitMicroseconds + Rate - 1) / Rate);
            Assert.Equal(expected, model.Decide(Size, Timestamp.Zero).Arrival.Microseconds);
        }
    }

    [Fact]
    public void FullQueueDropsUntilTheLinkHasSent()
    {
        FaultModelOptions options = new() { RateBitsPerSecond = WireSize * 8 * 1000, QueueBytes = 10 * WireSize };
        FaultModel model = new(options, seed: 1, direction: 0);
        FaultCause[] fates = [.. Enumerable.Range(0, 12).Select(_ => model.Decide(Size, Timestamp.Zero).LostTo)];
        Assert.Equal([.. Enumerable.Repeat(FaultCause.None, 10), FaultCause.Queue, FaultCause.Queue], fates);
        Assert.Equal(10 * WireSize, model.GetQueuedBytes(Timestamp.Zero));

        Assert.Equal(FaultCause.Queue, model.Decide(Size, new Timestamp(999)).LostTo);
        Assert.Equal(FaultCause.None, model.Decide(Size, new Timestamp(1000)).LostTo);
        Assert.Equal(FaultCause.Queue, model.Decide(Size, new Timestamp(1000)).LostTo);
        Assert.Equal(0, model.GetQueuedBytes(new Timestamp(11_000)));
        Assert.Equal(10 * WireSize, model.Statistics.QueueMaxBytes);
        Assert.Equal(4, model.Statistics.LostToQueue);
    }

    [Fact]
    public void IdleLinkTakesADatagramLargerThanItsQueue()
    {
        FaultModelOptions options = new() { RateBitsPerSecond = 1_000_000, QueueBytes = 100 };
        FaultModel model = new(options, seed: 1, direction: 0);
        Assert.Equal(FaultCause.None, model.Decide(Size, Timestamp.Zero).LostTo);
        Assert.Equal(FaultCause.Queue, model.Decide(10, Timestamp.Zero).LostTo);
    }

    [Theory]
    [InlineData(100_000_000, 50, 0, 1_250_000)]
    [InlineData(1_000_000, 10, 0, 32 * 1024)]
    [InlineData(100_000_000, 50, 5000, 5000)]
    public void QueueIsOneRoundTripUnlessTold(long rate, int delay, long queue, long expected)
    {
        FaultModelOptions options = new()
        {
            RateBitsPerSecond = rate,
            Delay = TimeSpan.FromMilliseconds(delay),
            QueueBytes = queue,
        };
        Assert.Equal(expected, options.EffectiveQueueBytes);
    }

    [Fact]
    public void JitterStaysInItsBoundsAndReorders()
    {
        FaultModelOptions options = new()
        {
            Delay = TimeSpan.FromMilliseconds(20),
            Jitter = TimeSpan.FromMilliseconds(5),
        };
        long[] delays = Delays(options);
        Assert.All(delays, delay => Assert.InRange(delay, 15_000, 25_000));
        Assert.InRange(delays.Average(), 19_800, 20_200);
        Assert.True(delays.Min() < 15_100 && delays.Max() > 24_900);

        DatagramFate[] fates = Run(options, seed: 1, direction: 0, count: 10_000);
        Assert.Contains(fates.Zip(fates.Skip(1)), pair => pair.Second.Arrival < pair.First.Arrival);
    }

    [Fact]
    public void KeptOrderSurvivesJitterButNotReordering()
    {
        FaultModelOptions options = new()
        {
            Delay = TimeSpan.FromMilliseconds(20),
            Jitter = TimeSpan.FromMilliseconds(20),
            KeepOrder = true,
        };
        DatagramFate[] fates = Run(options, seed: 1, direction: 0, count: 10_000);
        Assert.All(fates.Zip(fates.Skip(1)), pair => Assert.True(pair.First.Arrival <= pair.Second.Arrival));

        DatagramFate[] reordered = Run(options with { Reorder = 0.1 }, seed: 1, direction: 0, count: 10_000);
        int held = fates.Zip(reordered).Count(pair => pair.Second.Arrival != pair.First.Arrival);
        Assert.InRange(held, 850, 1150);
        Assert.All(
            fates.Zip(reordered, (plain, other) => other.Arrival.MicrosecondsSince(plain.Arrival)),
            hold => Assert.True(hold is 0 or 5000));
    }

    [Fact]
    public void DuplicatesComeNoEarlierAndCorruptionFlipsOneBit()
    {
        FaultModelOptions options = new()
        {
            Delay = TimeSpan.FromMilliseconds(1),
            Jitter = TimeSpan.FromMilliseconds(1),
            Duplicate = 0.2,
            Corrupt = 0.2,
        };
        FaultModel model = new(options, seed: 1, direction: 0);
        int duplicated = 0;
        int corrupted = 0;
        for (int i = 0; i < 10_000; i++)
        {
            int size = i % 50;
            DatagramFate fate = model.Decide(size, At(i));
            duplicated += fate.IsDuplicated ? 1 : 0;
            Assert.True(fate.DuplicateArrival >= fate.Arrival);

            byte[] payload = new byte[size];
            fate.Corrupt(payload);
            int flipped = payload.Sum(octet => int.PopCount(octet));
            Assert.Equal(fate.CorruptBit >= 0 ? 1 : 0, flipped);
            corrupted += flipped;
        }

        Assert.InRange(duplicated, 1800, 2200);
        Assert.InRange(corrupted, 1750, 2150);
        Assert.Equal(duplicated, model.Statistics.Duplicated);
        Assert.Equal(corrupted, model.Statistics.Corrupted);
    }

    [Fact]
    public void CountersAddUp()
    {
        FaultModel model = new(s_everything, seed: 9, direction: 0);
        for (int i = 0; i < 20_000; i++)
        {
            model.Decide(Size, At(i));
        }

        FaultStatistics statistics = model.Statistics;
        Assert.Equal(20_000, statistics.Sent);
        Assert.Equal(20_000L * Size, statistics.SentBytes);
        Assert.Equal(
            statistics.Sent,
            statistics.Delivered + statistics.LostToQueue + statistics.LostToBurst + statistics.LostToRandom);
        Assert.True(statistics is { LostToQueue: > 0, LostToBurst: > 0, LostToRandom: > 0, Reordered: > 0 });
    }

    [Fact]
    public void OptionsMayChangeInBetween()
    {
        FaultModel model = new(new FaultModelOptions(), seed: 1, direction: 0);
        Assert.False(model.Decide(Size, Timestamp.Zero).IsLost);
        model.Options = new FaultModelOptions { Loss = 1 };
        Assert.True(model.Decide(Size, Timestamp.Zero).IsLost);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Options = new FaultModelOptions { Loss = 2 });
    }

    public static TheoryData<string, FaultModelOptions> BadOptions() => new()
    {
        { "Loss", new FaultModelOptions { Loss = -0.1 } },
        { "Loss", new FaultModelOptions { Loss = double.NaN } },
        { "BurstEnter", new FaultModelOptions { BurstEnter = 1.1 } },
        { "BurstLeave", new FaultModelOptions { BurstLeave = 1.1 } },
        { "BurstLoss", new FaultModelOptions { BurstLoss = -1 } },
        { "Reorder", new FaultModelOptions { Reorder = 2 } },
        { "Duplicate", new FaultModelOptions { Duplicate = 2 } },
        { "Corrupt", new FaultModelOptions { Corrupt = 2 } },
        { "Delay", new FaultModelOptions { Delay = TimeSpan.FromSeconds(-1) } },
        { "Jitter", new FaultModelOptions { Jitter = TimeSpan.FromDays(1) } },
        { "ReorderGap", new FaultModelOptions { ReorderGap = TimeSpan.FromSeconds(-1) } },
        { "RateBitsPerSecond", new FaultModelOptions { RateBitsPerSecond = -1 } },
        { "QueueBytes", new FaultModelOptions { QueueBytes = long.MaxValue } },
        { "OverheadBytes", new FaultModelOptions { OverheadBytes = -1 } },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void BadOptionIsNamed(string name, FaultModelOptions options)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(
            () => new FaultModel(options, seed: 1, direction: 0));
        Assert.Equal(name, e.ParamName);
    }

    // A datagram every half millisecond: 22 Mbit/s with headers.
    private static Timestamp At(int index) => new(index * 500L);

    private static DatagramFate[] Run(FaultModelOptions options, ulong seed, int direction, int count)
    {
        FaultModel model = new(options, seed, direction);
        return [.. Enumerable.Range(0, count).Select(i => model.Decide(Size, At(i)))];
    }

    private static long[] Delays(FaultModelOptions options)
    {
        DatagramFate[] fates = Run(options, seed: 1, direction: 0, count: 10_000);
        return [.. fates.Select((fate, i) => fate.Arrival.MicrosecondsSince(At(i)))];
    }
}
