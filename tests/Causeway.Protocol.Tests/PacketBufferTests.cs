using Causeway.Protocol;

namespace Causeway.Protocol.Tests;

public sealed class PacketBufferTests
{
    [Fact]
    public void HeadersGrowIntoHeadroomAndTailroom()
    {
        PacketPool pool = new(track: true);
        PacketBuffer buffer = pool.Rent(headroom: 10);
        "payload"u8.CopyTo(buffer.Append(7));
        "head"u8.CopyTo(buffer.Prepend(4));
        "tail"u8.CopyTo(buffer.Append(4));
        Assert.Equal("headpayloadtail"u8, buffer.Payload);
        Assert.Equal(6, buffer.Headroom);
        buffer.Advance(4);
        buffer.Truncate(7);
        Assert.Equal("payload"u8, buffer.Payload);
        Assert.Throws<InvalidOperationException>(() => buffer.Prepend(11).Length);
        Assert.Throws<InvalidOperationException>(() => buffer.Append(buffer.Capacity).Length);
        buffer.Release();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void APathIsBothAddressesAndASetPeerLeavesTheLocalOneOut()
    {
        PeerAddress remote = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("192.0.2.7:4000"));
        PeerAddress local = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("[2001:db8::1]:29900"));
        PacketPool pool = new(track: true);
        PacketBuffer block = pool.Rent();
        Assert.Equal(default, block.Path);
        block.Path = new DatagramPath(remote, local);
        block.Append(10);
        PacketBuffer view = pool.RentView(block, 0, 5);
        Assert.Equal(new DatagramPath(remote, local), view.Path);
        Assert.Equal(remote, view.Peer);
        Assert.Equal("[2001:db8::1]:29900 -> 192.0.2.7:4000", view.Path.ToString());
        view.Peer = local;
        Assert.Equal(new DatagramPath(local), view.Path);
        Assert.NotEqual(block.Path, new DatagramPath(remote));
        Assert.NotEqual(block.Path, new DatagramPath(local, local));
        view.Release();
        block.Release();
        block = pool.Rent();
        Assert.Equal(default, block.Path);
        block.Release();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void SlicesKeepTheBufferUntilTheLastIsReleased()
    {
        PacketPool pool = new(track: true);
        PacketBuffer buffer = pool.Rent();
        "0123456789"u8.CopyTo(buffer.Append(10));
        PacketSlice slice = buffer.Slice(2, 6);
        PacketSlice shared = slice.Share(1, 2);
        buffer.Release();
        slice = slice.Skip(3);
        Assert.Equal("567"u8, slice.Span);
        slice.Release();
        Assert.Equal(1, pool.Outstanding);
        Assert.Equal("34"u8, shared.Span);
        shared.Release();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ViewsHoldTheirBlock()
    {
        PacketPool blocks = new(65536, track: true);
        PacketPool pool = new(track: true);
        PacketBuffer block = blocks.Rent(headroom: 0);
        block.Append(3000).Fill(7);
        PacketBuffer view = pool.RentView(block, 1350, 1350);
        block.Release();
        Assert.Equal(1, blocks.Outstanding);
        view.Payload.Fill(9);
        view.Advance(1000);
        Assert.Equal(350, view.Length);
        view.Release();
        blocks.ThrowIfOutstanding();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(false, 65536)]
    [InlineData(true, 1350)]
    public void AViewOfABoundedBlockRetainsOnlyItself(bool isBounded, int retained)
    {
        PacketPool pool = new(65536, track: true);
        PacketBuffer block = pool.Rent(headroom: 0);
        block.Append(3000);
        PacketBuffer view = pool.RentView(block, 0, 1350, isBounded);
        PacketSlice slice = view.Slice(24, 100);
        Assert.Equal(retained, slice.RetainedBytes);
        view.Release();
        block.Release();
        slice.Release();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void LeaksAndDoubleReturnsAreReported()
    {
        PacketPool pool = new(track: true);
        PacketBuffer buffer = pool.Rent();
        InvalidOperationException leak = Assert.Throws<InvalidOperationException>(pool.ThrowIfOutstanding);
        Assert.Contains(nameof(LeaksAndDoubleReturnsAreReported), leak.Message, StringComparison.Ordinal);
        buffer.Release();
        Assert.Throws<InvalidOperationException>(buffer.Release);
    }

    [Fact]
    public void PeerAddressesCompareByValueAndUnmapIPv4()
    {
        PeerAddress plain = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("192.0.2.7:4000"));
        PeerAddress mapped = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("[::ffff:192.0.2.7]:4000"));
        PeerAddress six = PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("[2001:db8::1]:4000"));
        Assert.Equal(plain, mapped);
        Assert.NotEqual(plain, six);
        Assert.Equal("192.0.2.7:4000", mapped.ToString());
        Assert.Equal("[2001:db8::1]:4000", six.ToString());
        Assert.True(default(PeerAddress).IsNone);
    }
}
