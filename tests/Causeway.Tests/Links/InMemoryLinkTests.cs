using Causeway.Links;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

public sealed class InMemoryLinkTests
{
    private readonly PacketPool _pool = new(track: true);

    [Fact]
    public async Task CarriesDatagramsBothWays()
    {
        (InMemoryLink first, InMemoryLink second) = CreatePair();
        await first.SendAsync(_pool, [[1], [2, 2], []]);
        PacketBuffer[] received = await second.ReceiveExactlyAsync(3);
        AssertPayloads([[1], [2, 2], []], received);
        Assert.All(received, buffer => Assert.Equal(first.Address(), buffer.Peer));
        Release(received);

        Task<PacketBuffer[]> waiting = first.ReceiveExactlyAsync(1);
        await second.SendAsync(_pool, [[9]], first.Address());
        received = await waiting;
        Assert.Equal(second.Address(), received[0].Peer);
        Release(received);
        await CloseAsync(first, second);
    }

    [Fact]
    public async Task DropsWhatDoesNotFitOrIsMeantForOthers()
    {
        (InMemoryLink first, InMemoryLink second) = CreatePair(capacity: 3);
        await first.SendAsync(_pool, [[1]], first.Address());
        await first.SendAsync(_pool, [new byte[1501]]);
        Assert.Equal(2, first.Dropped);
        await first.SendAsync(_pool, [[1], [2], [3], [4], [5]]);
        Assert.Equal(4, first.Dropped);
        Release(await second.ReceiveExactlyAsync(3));
        await first.SendAsync(_pool, [[6]]);
        Release(await second.ReceiveExactlyAsync(1));

        await second.DisposeAsync();
        await first.SendAsync(_pool, [[7]]);
        Assert.Equal(5, first.Dropped);
        await CloseAsync(first, second);
    }

    [Fact]
    public async Task DisposeAndCancellationEndAReceive()
    {
        (InMemoryLink first, InMemoryLink second) = CreatePair();
        PacketBuffer[] buffers = new PacketBuffer[4];
        using CancellationTokenSource cancellation = new();
        Task<int> receive = first.ReceiveAsync(buffers, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receive.WaitAsync(Patience));

        receive = first.ReceiveAsync(buffers).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => first.ReceiveAsync(buffers).AsTask());
        Assert.False(receive.IsCompleted);
        await first.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receive.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.ReceiveAsync(buffers).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.SendAsync(default).AsTask());
        await CloseAsync(first, second);
    }

    [Fact]
    public async Task DisposeReleasesWhatIsQueued()
    {
        (InMemoryLink first, InMemoryLink second) = CreatePair();
        await first.SendAsync(_pool, [[1], [2]]);
        await CloseAsync(first, second);
    }

    [Theory]
    [InlineData("Capacity", 0, 1500)]
    [InlineData("MaxDatagramSize", 10, 63)]
    [InlineData("MaxDatagramSize", 10, 2049)]
    public void BadOptionIsNamed(string name, int capacity, int size)
    {
        InMemoryLinkOptions options = new() { Capacity = capacity, MaxDatagramSize = size };
        Assert.Equal(
            name, Assert.Throws<ArgumentOutOfRangeException>(() => InMemoryLink.CreatePair(options)).ParamName);
    }

    private (InMemoryLink First, InMemoryLink Second) CreatePair(int capacity = 100) =>
        InMemoryLink.CreatePair(new InMemoryLinkOptions { Capacity = capacity, Pool = _pool });

    private async Task CloseAsync(InMemoryLink first, InMemoryLink second)
    {
        await first.DisposeAsync();
        await second.DisposeAsync();
        _pool.ThrowIfOutstanding();
    }
}
