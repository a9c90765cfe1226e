using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>How many acknowledgements wait for each other, and how long.</summary>
public sealed class AckListTests
{
    private const long Delay = 2_000;

    [Theory]
    [InlineData(1_200, true, 2)]
    [InlineData(400, true, 2)]
    [InlineData(250, true, 4)]
    [InlineData(125, true, 8)]
    [InlineData(10, true, 8)]
    [InlineData(125, false, 2)]
    public void AsManyShareAFlushAsArriveInAMillisecond(int gapMicroseconds, bool mayGather, int expected)
    {
        AckList acks = new(limit: 128, Delay);
        List<int> flushes = [];
        for (int i = 0; i < 1000; i++)
        {
            Timestamp now = new(i * gapMicroseconds);
            acks.Add((uint)i, time: 0, atOnce: false, mayGather, now);
            if (acks.DueAt <= now)
            {
                flushes.Add(Flush(acks, now));
            }
        }

        // The first ones do not know yet what comes.
        Assert.All(flushes.Skip(flushes.Count / 2), count => Assert.Equal(expected, count));
        Assert.All(flushes, count => Assert.InRange(count, 1, expected));
    }

    [Fact]
    public void AfterAPauseFewAreEnoughAgainAndThePeerLearnsSoon()
    {
        AckList acks = new(limit: 128, Delay);
        for (int i = 0; i < 160; i++)
        {
            Timestamp at = new(i * 100);
            acks.Add((uint)i, time: 0, atOnce: false, mayGather: true, at);
            if (acks.DueAt <= at)
            {
                Flush(acks, at);
            }
        }

        Flush(acks, new Timestamp(16_000));
        Timestamp later = new(100_000);
        acks.Add(160, time: 0, atOnce: false, mayGather: true, later);
        Assert.Equal(250, acks.DueAt.MicrosecondsSince(later));
        Flush(acks, acks.DueAt);
        acks.Add(161, time: 0, atOnce: false, mayGather: true, later);
        acks.Add(162, time: 0, atOnce: false, mayGather: true, later);
        Assert.Equal(later, acks.DueAt);
    }

    [Theory]
    [InlineData(4_999, true, Delay)]
    [InlineData(5_000, true, 250)]
    [InlineData(5_000, false, Delay)]
    public void WhatComesAloneAfterAPauseDoesNotWaitForCompany(int pause, bool mayGather, int expected)
    {
        AckList acks = new(limit: 128, Delay);
        acks.Add(0, time: 0, atOnce: true, mayGather, new Timestamp(0));
        Flush(acks, new Timestamp(0));
        Timestamp now = new(pause);
        acks.Add(1, time: 0, atOnce: false, mayGather, now);
        Assert.Equal(expected, acks.DueAt.MicrosecondsSince(now));
    }

    [Fact]
    public void WhatThePeerShouldKnowSoonTakesTheOthersAlong()
    {
        AckList acks = new(limit: 128, Delay);
        acks.Add(0, time: 0, atOnce: false, mayGather: false, new Timestamp(0));
        Assert.Equal(new Timestamp(Delay), acks.DueAt);
        acks.Add(2, time: 0, atOnce: true, mayGather: false, new Timestamp(10));
        Assert.Equal(new Timestamp(10), acks.DueAt);
        Assert.Equal(2, Flush(acks, new Timestamp(10)));
        Assert.True(acks.DueAt.IsNever);
    }

    private static int Flush(AckList acks, Timestamp now)
    {
        int count = 0;
        while (acks.TryPeek(receiveNext: 0, out _, out _))
        {
            acks.Pop();
            count++;
        }

        acks.EndFlush(now);
        return count;
    }
}
