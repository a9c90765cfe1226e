using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ReceivedRangesTests
{
    private const int MostSent = 4;
    private const int MostKept = 16;

    private readonly ReceivedRanges _ranges = new();

    [Fact]
    public void TheRangeThatChangedLastComesFirst()
    {
        Add(next: 0, 2, 3, 7, 10);
        Assert.Equal([(10, 1), (7, 1), (2, 2)], Told(0));
        Add(next: 0, 3);
        Assert.Equal([(2, 2), (10, 1), (7, 1)], Told(0));
        Add(next: 0, 8);
        Assert.Equal([(7, 2), (2, 2), (10, 1)], Told(0));

        // The last one missing between two makes one of them.
        Add(next: 0, 9);
        Assert.Equal([(7, 4), (2, 2)], Told(0));
        Assert.Equal([(3, 4)], Told(4));
        Assert.Empty(Told(11));
    }

    [Fact]
    public void ARangeMayReachBackBehindTheCumulativeAcknowledgement()
    {
        Add(next: 1, 2, 3, 4, 5);
        Assert.Equal([(0, 3)], Told(3));
    }

    [Fact]
    public void TheLargestWindowCanBeTold()
    {
        Add(next: 0, [.. Enumerable.Range(0, 65535).Select(static i => (uint)i)]);
        Add(next: 0, 65534);
        Assert.Equal([(0, 65535)], Told(0));
    }

    [Fact]
    public void OldRangesAreNotSeenAheadWhenNumbersComeRound()
    {
        Add(next: 0, 5);
        Assert.Empty(Told(6));
        Assert.Empty(Told(0x9000_0000));
    }

    /// <summary>With few gaps all is known and told in order, and with many nothing false is.</summary>
    [Theory]
    [InlineData(1, 0u, 30)]
    [InlineData(2, 0xFFFF_FF00u, 30)]
    [InlineData(3, 0x7FFF_FF00u, 600)]
    [InlineData(4, 0xFFFF_FF00u, 600)]
    public void WhatIsToldIsWhatANaiveMapOfArrivalsHolds(int seed, uint start, int window)
    {
        SeededRandom random = new((ulong)seed);
        Dictionary<uint, int> arrivals = [];
        uint next = start;
        for (int step = 0; step < 5_000; step++)
        {
            uint sequence = unchecked(next + (uint)(random.Chance(0.1) ? 0 : random.Next(window)));
            arrivals[sequence] = step;
            while (arrivals.Remove(next))
            {
                next++;
            }

            if (!Sequence.IsBefore(sequence, next))
            {
                _ranges.Add(sequence, next);
            }

            (int Offset, int Length)[] expected = Naive(arrivals, next, window);
            (int Offset, int Length)[] told = Told(next);
            string where = $"seed {seed}, step {step}: {string.Join(' ', told)} of {string.Join(' ', expected)}";
            if (window < 2 * MostKept)
            {
                Assert.True(expected.Take(MostSent).SequenceEqual(told), where);
            }

            Assert.True(told.Length == Math.Min(expected.Length, MostSent) || expected.Length > MostKept, where);
            Assert.All(told, range => Assert.True(
                Enumerable.Range(range.Offset, range.Length).All(i => arrivals.ContainsKey(unchecked(next + (uint)i))), where));
        }
    }

    // Ranges without a gap in them, the one of the latest arrival first.
    private static (int Offset, int Length)[] Naive(Dictionary<uint, int> arrivals, uint next, int window)
    {
        List<(int Offset, int Length, int Latest)> ranges = [];
        for (int i = 0; i < window; i++)
        {
            if (!arrivals.TryGetValue(unchecked(next + (uint)i), out int step))
            {
                continue;
            }

            if (ranges.Count > 0 && ranges[^1].Offset + ranges[^1].Length == i)
            {
                ranges[^1] = (ranges[^1].Offset, ranges[^1].Length + 1, Math.Max(ranges[^1].Latest, step));
            }
            else
            {
                ranges.Add((i, 1, step));
            }
        }

        return [.. ranges.OrderByDescending(static range => range.Latest).Select(static range => (range.Offset, range.Length))];
    }

    private (int Offset, int Length)[] Told(uint next)
    {
        byte[] payload = new byte[ReceivedRanges.MostBytes];
        int length = _ranges.Write(next, payload);
        return [.. (AckRangesTests.Read(payload.AsSpan(0, length)) ?? []).Select(static range => ((int)range.Offset, (int)range.Length))];
    }

    private void Add(uint next, params uint[] sequences)
    {
        foreach (uint sequence in sequences)
        {
            _ranges.Add(sequence, next);
        }
    }
}
