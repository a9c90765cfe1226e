using Causeway.Kcp;
using Causeway.Runtime;

namespace Causeway.Tests.Runtime;

public sealed class OpeningMemoryTests
{
    private const int Seed = 20261129;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void ASetRemembersAtLeastItsCapacityAndAtMostTwice(int capacity)
    {
        RollingSet set = new(capacity);
        for (ulong key = 0; key < (ulong)(5 * capacity); key++)
        {
            Assert.False(set.Contains(key));
            Assert.True(set.TryAdd(key));
            Assert.False(set.TryAdd(key));
            ulong oldest = key + 1 < (ulong)capacity ? 0 : key + 1 - (ulong)capacity;
            Assert.True(set.Contains(oldest), $"{oldest} of {key}");
            if (key >= (ulong)(2 * capacity))
            {
                Assert.False(set.Contains(key - (ulong)(2 * capacity)));
            }
        }

        Assert.InRange(set.Size, 0, Math.Max(2 * 64 * 8, 2 * 32L * capacity));
    }

    [Fact]
    public void ASetIsWhatAModelOfItIs()
    {
        Random random = new(Seed);
        RollingSet set = new(10_000);
        HashSet<ulong> model = [];
        for (int i = 0; i < 20_000; i++)
        {
            // Few keys, so that removing leaves holes between those that fell on each other; keys of both ends too.
            ulong key = (ulong)random.Next(500) - 250;
            if (random.Next(3) == 0)
            {
                set.Remove(key);
                model.Remove(key);
            }
            else
            {
                Assert.Equal(model.Add(key), set.TryAdd(key));
            }

            ulong other = (ulong)random.Next(500) - 250;
            Assert.True(model.Contains(other) == set.Contains(other), $"step {i}, seed {Seed}");
        }
    }

    [Fact]
    public void ASessionOpensOnceAndANonceOpensOneSession()
    {
        OpeningMemory memory = new(window: 4);
        Assert.True(memory.TryOpen(routingId: 1, fingerprint: 100));
        Assert.True(memory.IsKnown(1, 101));
        Assert.True(memory.IsKnown(2, 100));
        Assert.False(memory.IsKnown(2, 101));
        Assert.False(memory.TryOpen(1, 101));
        Assert.False(memory.TryOpen(2, 100));

        // A crypt without nonces has no fingerprints.
        Assert.True(memory.TryOpen(2, 0));
        Assert.True(memory.TryOpen(3, 0));
    }

    [Fact]
    public void WhatCouldNotBeOpenedIsForgotten()
    {
        OpeningMemory memory = new(window: 4);
        Assert.True(memory.TryOpen(1, 100));
        memory.Forget(1, 100);
        Assert.True(memory.TryOpen(1, 100));
    }

    [Fact]
    public void TheFirstDatagramOfASessionIsKnownLongerThanTheSession()
    {
        OpeningMemory memory = new(window: 4);
        Assert.True(memory.TryOpen(1, 100));
        for (uint i = 2; i < 12; i++)
        {
            Assert.True(memory.TryOpen(i, 100 + i));
        }

        Assert.False(memory.IsKnown(1, 0));
        Assert.True(memory.IsKnown(1, 100));
        Assert.False(memory.TryNoteFirst(100));
        Assert.True(memory.TryNoteFirst(99));
        Assert.True(memory.IsKnown(1, 99));
    }

    [Fact]
    public void ListenersOfAProfileShareOneUntilTheLastEnds()
    {
        KcpProfile profile = new();
        OpeningMemory first = OpeningMemory.Lease(profile, 8)!;
        Assert.Same(first, OpeningMemory.Lease(profile, 16));
        Assert.NotSame(first, OpeningMemory.Lease(new KcpProfile(), 8));
        Assert.Null(OpeningMemory.Lease(new KcpProfile(), 0));
        first.Release(profile);
        Assert.Same(first, OpeningMemory.Lease(profile, 8));
        first.Release(profile);
        first.Release(profile);
        Assert.NotSame(first, OpeningMemory.Lease(profile, 8));
    }

    [Fact]
    public void ARecordingSentForEverTakesNoMemory()
    {
        OpeningMemory memory = new(window: 16384);
        for (uint i = 0; i < 6; i++)
        {
            memory.TryOpen(i, 100 + i);
        }

        long size = memory.Size;
        for (uint i = 0; i < 1_000_000; i++)
        {
            Assert.True(memory.IsKnown(i % 6, 100 + (i % 6)));
        }

        Assert.Equal(size, memory.Size);
    }
}
