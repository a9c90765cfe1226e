using Causeway.Protocol;
using Causeway.Runtime;
using Causeway.TestKit;

namespace Causeway.Tests.Runtime;

public sealed class PoolKeeperTests
{
    private readonly VirtualTimeProvider _time = new();
    private readonly List<long> _collections = [];

    [Fact]
    public void ABurstIsGivenUpAfterAQuietMinuteAndCollectedOnce()
    {
        PacketPool pool = new();
        PoolKeeper keeper = NewKeeper();
        keeper.Watch(pool);
        keeper.Watch(pool);
        Burst(pool, megabytes: 20);
        _time.Advance(PoolKeeper.Interval);
        Assert.Empty(_collections);
        _time.Advance(PoolKeeper.Interval);
        _time.Advance(PoolKeeper.Interval);
        Assert.InRange(Assert.Single(_collections), 19 << 20, 20 << 20);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Single(_collections);
        Assert.Equal(0, pool.Trim());
    }

    [Fact]
    public void LittleIsNotWorthACollection()
    {
        PacketPool pool = new();
        NewKeeper().Watch(pool);
        Burst(pool, megabytes: 4);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Empty(_collections);
    }

    [Fact]
    public void WhatIsInUseAllTheTimeIsLeftAlone()
    {
        PacketPool pool = new();
        NewKeeper().Watch(pool);
        for (int i = 0; i < 20; i++)
        {
            Burst(pool, megabytes: 20);
            _time.Advance(PoolKeeper.Interval);
        }

        Assert.Empty(_collections);
    }

    private PoolKeeper NewKeeper() => new(_time, _collections.Add);

    private static void Burst(PacketPool pool, int megabytes)
    {
        PacketBuffer[] buffers = new PacketBuffer[(megabytes << 20) / PacketPool.DefaultBufferSize];
        pool.Rent(buffers);
        foreach (PacketBuffer buffer in buffers)
        {
            buffer.Release();
        }
    }
}
