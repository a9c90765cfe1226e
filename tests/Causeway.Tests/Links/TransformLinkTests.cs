using System.Text;
using Causeway.Links;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

public sealed class TransformLinkTests
{
    private readonly PacketPool _pool = new(track: true);

    [Fact]
    public async Task FirstAddedIsNearestToTheSession()
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = _pool });
        DatagramLinkBuilder recipe = DatagramLinkBuilder.Empty
            .UseTransform(() => new MarkTransform('a'))
            .UseTransform(() => new MarkTransform('b'))
            .UseTransform(() => new MarkTransform('c', tailroom: 3));
        await using (IDatagramLink link = recipe.Build(near))
        {
            Assert.Equal(near.LocalEndPoint, link.LocalEndPoint);
            await link.SendAsync(_pool, ["payload"u8.ToArray()]);
            PacketBuffer[] wire = await far.ReceiveExactlyAsync(1);
            Assert.Equal("cbapayloadabccc", Encoding.ASCII.GetString(wire[0].Payload));

            await far.SendAsync(wire);
            Release(wire);
            PacketBuffer[] opened = await link.ReceiveExactlyAsync(1);
            Assert.Equal("payload", Encoding.ASCII.GetString(opened[0].Payload));
            Release(opened);
        }

        await far.DisposeAsync();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public async Task RoomAddsUp()
    {
        (InMemoryLink near, _) = InMemoryLink.CreatePair();
        IDatagramLink link = DatagramLinkBuilder.Empty
            .UseTransform(() => new MarkTransform('a'))
            .UseTransform(() => new MarkTransform('b', tailroom: 16))
            .Build(near);
        DatagramLinkCapabilities expected = near.Capabilities with
        {
            Headroom = 2,
            Tailroom = 17,
            MaxDatagramSize = 1500 - 19,
        };
        Assert.Equal(expected, link.Capabilities);
        await link.DisposeAsync();
        MarkTransform shared = new('a');
        MarkTransform wide = new('a', tailroom: 1499);
        Assert.Throws<ArgumentException>(() => new TransformLink(near, wide, shared));
        Assert.Throws<ArgumentException>(() => new TransformLink(near, shared, shared));
    }

    [Fact]
    public async Task RecipeCanBeBuiltOftenAndIsNotChangedByAdding()
    {
        List<string> order = [];
        DatagramLinkBuilder one = DatagramLinkBuilder.Empty.Use(next => Note("first", next));
        DatagramLinkBuilder two = one.Use(next => Note("second", next));
        (InMemoryLink link, _) = InMemoryLink.CreatePair();
        Assert.Same(link, one.Build(link));
        Assert.Equal(["first"], order);
        two.Build(link);
        two.Build(link);
        Assert.Equal(["first", "second", "first", "second", "first"], order);
        Assert.Same(link, DatagramLinkBuilder.Empty.Build(link));
        Assert.Throws<InvalidOperationException>(() => two.Use(_ => null!).Build(link));
        await link.DisposeAsync();

        IDatagramLink Note(string name, IDatagramLink next)
        {
            order.Add(name);
            return next;
        }
    }

    [Fact]
    public async Task RefusedDatagramsAreReleasedAndCounted()
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = _pool });
        MarkTransform receive = new('a');
        await using (TransformLink link = new(near, new MarkTransform('a'), receive))
        {
            await far.SendAsync(_pool, [[1, 2, 3], "a1a"u8.ToArray(), [], "a2a"u8.ToArray(), [4]]);
            PacketBuffer[] buffers = new PacketBuffer[8];
            Assert.Equal(2, await link.ReceiveAsync(buffers));
            Assert.Equal("12", Encoding.ASCII.GetString([buffers[0].Payload[0], buffers[1].Payload[0]]));
            Assert.All(buffers.Skip(2), Assert.Null);
            Release(buffers.Take(2));

            Task<int> waiting = link.ReceiveAsync(buffers).AsTask();
            await far.SendAsync(_pool, [[5]]);
            Assert.Equal(0, await waiting.WaitAsync(Patience));
            Assert.Equal(4, link.Refused);
            Assert.Equal(4, receive.NotAuthentic);
        }

        await far.DisposeAsync();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public async Task TransformIsDisposedWhenItHasFinished()
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair();
        MarkTransform send = new('a');
        MarkTransform receive = new('a');
        TransformLink link = new(near, send, receive);
        Task<int> waiting = link.ReceiveAsync(new PacketBuffer[4]).AsTask();
        Assert.False(waiting.IsCompleted);
        await link.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Patience));
        Assert.True(send.IsDisposed);
        Assert.True(receive.IsDisposed);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => link.SendAsync(default).AsTask());
        await link.DisposeAsync();
        await far.DisposeAsync();
    }
}
