using System.Runtime.CompilerServices;

namespace Causeway.Protocol.Tests;

/// <summary>What a pool keeps after a burst. A thread's own 64 buffers stay with it.</summary>
public sealed class PacketPoolTests
{
    private const int PerThread = 64;

    [Fact]
    public void APoolThatEverybodyLeftIsCollectedThoughItsThreadsLive()
    {
        WeakReference pool = UsedPool();
        for (int i = 0; i < 10 && pool.IsAlive; i++)
        {
            // The first collection finds the pool, the next what its thread-local variables held.
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(pool.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference UsedPool()
    {
        PacketPool pool = new();
        PacketBuffer block = pool.Rent();
        block.Append(10);
        pool.RentView(block, 2, 3).Release();
        block.Release();
        return new WeakReference(pool);
    }

    [Fact]
    public void WhatNobodyNeededBetweenTwoTrimsIsGivenUp()
    {
        PacketPool pool = new();
        Burst(pool, 10 * PerThread);
        Assert.Equal(0, pool.Trim());
        Assert.Equal(9 * PerThread * PacketPool.DefaultBufferSize, pool.Trim());
        Assert.Equal(0, pool.Trim());
    }

    [Fact]
    public void WhatIsUsedNowAndThenStays()
    {
        PacketPool pool = new();
        Burst(pool, 10 * PerThread);
        pool.Trim();
        for (int i = 0; i < 5; i++)
        {
            Burst(pool, 4 * PerThread);
            pool.Trim();
        }

        // Nothing is made anew for as much as is used all the time: the same buffers come back.
        HashSet<PacketBuffer> known = [.. Burst(pool, 4 * PerThread)];
        Assert.All(Burst(pool, 4 * PerThread), buffer => Assert.Contains(buffer, known));
    }

    private static PacketBuffer[] Burst(PacketPool pool, int count)
    {
        PacketBuffer[] buffers = new PacketBuffer[count];
        pool.Rent(buffers);
        foreach (PacketBuffer buffer in buffers)
        {
            buffer.Release();
        }

        return buffers;
    }
}
