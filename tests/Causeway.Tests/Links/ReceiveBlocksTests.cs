using Causeway.Links.Udp;
using Causeway.Protocol;

namespace Causeway.Tests.Links;

public sealed class ReceiveBlocksTests : IDisposable
{
    private readonly PacketPool _pool = new(bufferSize: 65536, track: true);
    private readonly ReceiveBlocks _blocks;

    public ReceiveBlocksTests() => _blocks = new ReceiveBlocks(_pool, limit: 8);

    public void Dispose()
    {
        _blocks.Dispose();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void NothingIsHeldBeforeItIsNeeded() => Assert.Equal(0, _blocks.Count);

    [Fact]
    public void ABlockIsUsedAgainOnceItsLastViewIsGone()
    {
        PacketBuffer block = _blocks.TryTake()!;
        block.Append(3000);
        PacketBuffer view = _pool.RentView(block, 0, 1500, isBounded: true);
        block.Release();
        PacketBuffer other = _blocks.TryTake()!;
        Assert.NotSame(block, other);
        view.Release();
        PacketBuffer again = _blocks.TryTake()!;
        Assert.Same(block, again);
        Assert.Equal(0, again.Length);
        Assert.Equal(2, _blocks.Count);
        other.Release();
        again.Release();
    }

    [Fact]
    public void NoMoreThanTheLimitAreOut()
    {
        PacketBuffer[] taken = Take(8);
        Assert.Null(_blocks.TryTake());
        Assert.Equal(8, _blocks.Count);
        Assert.Equal(8, taken.Distinct().Count());
        taken[5].Release();
        Assert.Same(taken[5], _blocks.TryTake());
        Release(taken);
    }

    [Fact]
    public void QuietTimeGivesBackAllButTheLeast()
    {
        Release(Take(8));
        _blocks.Trim();
        Assert.Equal(8, _blocks.Count);
        _blocks.Trim();
        Assert.Equal(ReceiveBlocks.Least, _blocks.Count);
        Assert.Equal(ReceiveBlocks.Least, _pool.Outstanding);
    }

    [Fact]
    public void WhatIsInUseStays()
    {
        PacketBuffer[] taken = Take(6);
        _blocks.Trim();
        Release(taken[..4]);
        taken[5].Release();
        _blocks.Trim();
        Assert.Equal(5, _blocks.Count);
        taken[4].Release();
        _blocks.Trim();
        Assert.Equal(ReceiveBlocks.Least, _blocks.Count);
    }

    [Fact]
    public void ViewsOutliveTheBlocks()
    {
        PacketBuffer block = _blocks.TryTake()!;
        block.Append(1500).Fill(9);
        PacketBuffer view = _pool.RentView(block, 0, 1500, isBounded: true);
        block.Release();
        _blocks.Dispose();
        Assert.Equal(9, view.Payload[1499]);
        view.Release();
    }

    private PacketBuffer[] Take(int count) => [.. Enumerable.Range(0, count).Select(_ => _blocks.TryTake()!)];

    private static void Release(IEnumerable<PacketBuffer> blocks)
    {
        foreach (PacketBuffer block in blocks)
        {
            block.Release();
        }
    }
}
