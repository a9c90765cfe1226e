namespace Causeway.Protocol.Tests;

public sealed class PacketBatchTests
{
    [Fact]
    public void BuffersThatNobodyElseHoldsCarryTheNextDatagrams()
    {
        PacketPool pool = new();
        PacketBatch batch = new(limit: 4);
        PacketBuffer[] first = Fill(batch, pool, 4);
        batch.ReleaseAll();
        PacketBuffer[] second = Fill(batch, pool, 4);
        Assert.Equal(first.ToHashSet(), second.ToHashSet());
    }

    [Fact]
    public void ReusedBufferIsAsIfJustRented()
    {
        PacketPool pool = new();
        PacketBatch batch = new(limit: 1);
        PacketBuffer used = Fill(batch, pool, 1)[0];
        used.Append(100);
        used.Prepend(10);
        used.Ecn = EcnCodepoint.CongestionExperienced;
        used.Peer = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("192.0.2.7:4000"));
        batch.ReleaseAll();
        PacketBuffer again = batch.Rent(pool, headroom: 16);
        Assert.Same(used, again);
        Assert.Equal((0, 16, 1), (again.Length, again.Headroom, again.ReferenceCount));
        Assert.Equal(EcnCodepoint.NotCapable, again.Ecn);
        Assert.True(again.Peer.IsNone);
    }

    [Fact]
    public void BufferThatALinkStillHoldsIsNotReused()
    {
        PacketPool pool = new();
        PacketBatch batch = new(limit: 2);
        PacketBuffer held = Fill(batch, pool, 1)[0];
        held.Append(3).Fill(7);
        held.Retain();
        batch.ReleaseAll();
        Assert.NotSame(held, batch.Rent(pool, headroom: 0));
        Assert.Equal([7, 7, 7], held.Payload.ToArray());
        Assert.Equal(1, held.ReferenceCount);
    }

    [Fact]
    public void BufferOfAnotherPoolIsReturnedToIt()
    {
        PacketPool one = new(bufferSize: 256);
        PacketPool other = new(bufferSize: 512);
        PacketBatch batch = new(limit: 1);
        PacketBuffer used = Fill(batch, one, 1)[0];
        batch.ReleaseAll();
        Assert.Equal(512, batch.Rent(other, headroom: 0).Capacity);
        Assert.Equal(0, used.ReferenceCount);
        Assert.Same(used, one.Rent());
    }

    [Fact]
    public void TrackingPoolSeesEveryBufferReturn()
    {
        PacketPool pool = new(track: true);
        PacketBatch batch = new(limit: 4);
        Fill(batch, pool, 4);
        batch.ReleaseAll();
        Assert.Equal(0, pool.Outstanding);
    }

    [Fact]
    public void SpareOfABurstIsGivenBackWhileLittleIsSent()
    {
        PacketPool pool = new();
        PacketBatch batch = new(limit: 64);
        PacketBuffer[] burst = Fill(batch, pool, 64);
        batch.ReleaseAll();
        Assert.Equal(64, burst.Count(static buffer => buffer.ReferenceCount == 1));
        for (int i = 0; i < 20; i++)
        {
            Fill(batch, pool, 1);
            batch.ReleaseAll();
        }

        Assert.InRange(burst.Count(static buffer => buffer.ReferenceCount == 1), 1, 2);
        batch.Trim();
        Assert.All(burst, static buffer => Assert.Equal(0, buffer.ReferenceCount));
    }

    private static PacketBuffer[] Fill(PacketBatch batch, PacketPool pool, int count)
    {
        for (int i = 0; i < count; i++)
        {
            batch.Add(batch.Rent(pool, headroom: 64));
        }

        return batch.Span.ToArray();
    }
}
