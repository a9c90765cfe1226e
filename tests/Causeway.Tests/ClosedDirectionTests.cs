using System.IO.Pipelines;
using Causeway.Protocol;

namespace Causeway.Tests;

/// <summary>How streams tell of the end of their directions to those who do not read or write just then.</summary>
public abstract class ClosedDirectionTests
{
    private readonly Wire _wire;

    private protected ClosedDirectionTests(Wire wire) => _wire = wire;

    [Fact]
    public async Task BothDirectionsOfAnOrderlyStreamCompleteInOrder()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        Task reads = peers.ServerStream.ReadsClosed;
        Task writes = peers.ClientStream.WritesClosed;
        await peers.ClientStream.WriteAsync(new byte[1000]);
        Assert.False(writes.IsCompleted);
        peers.ClientStream.CompleteWrites();
        await writes.Guarded();

        Assert.False(reads.IsCompleted);
        await peers.ServerStream.ReadExactlyAsync(new byte[1000]).Guarded();
        Assert.Equal(0, await peers.ServerStream.ReadAsync(new byte[1]).Guarded());
        await reads.Guarded();
        Assert.True(peers.ServerStream.ReadsClosed.IsCompletedSuccessfully);
        Assert.False(peers.ServerStream.WritesClosed.IsCompleted);

        await peers.ServerStream.DisposeAsync();
        await peers.ServerStream.WritesClosed.Guarded();
        Assert.Equal(0, await peers.ClientStream.ReadAsync(new byte[1]).Guarded());
        Assert.True(peers.ClientStream.ReadsClosed.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task WhoWaitsHearsThatThePeerGaveTheStreamUp()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await HalfCloseKnownAsync(peers);
        Task reads = peers.ClientStream.ReadsClosed;
        Task writes = peers.ClientStream.WritesClosed;

        peers.ServerStream.Abort();

        Assert.Equal(TransportError.StreamReset, (await Assert.ThrowsAsync<TransportException>(() => reads.Guarded())).Error);
        Assert.Equal(_wire.WhenPeerGaveUp(), (await Assert.ThrowsAsync<TransportException>(() => writes.Guarded())).Error);

        // Who asks later hears the same; who gave it up, that it did.
        Assert.Equal(_wire.WhenPeerGaveUp(), (await Assert.ThrowsAsync<TransportException>(() => peers.ClientStream.WritesClosed)).Error);
        Assert.Equal(TransportError.StreamReset, (await Assert.ThrowsAsync<TransportException>(() => peers.ServerStream.ReadsClosed)).Error);
        Assert.Equal(TransportError.StreamReset, (await Assert.ThrowsAsync<TransportException>(() => peers.ServerStream.WritesClosed)).Error);
    }

    [Fact]
    public async Task AfterThePeersEndItsGivingUpIsStillHeardOf()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await HalfCloseKnownAsync(peers);
        peers.ServerStream.CompleteWrites();
        Assert.Equal(0, await peers.ClientStream.ReadAsync(new byte[1]).Guarded());
        Task writes = peers.ClientStream.WritesClosed;
        Assert.False(writes.IsCompleted);

        peers.ServerStream.Abort();

        Assert.Equal(TransportError.StreamClosedByPeer, (await Assert.ThrowsAsync<TransportException>(() => writes.Guarded())).Error);
        Assert.True(peers.ClientStream.ReadsClosed.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task TheEndOfTheConnectionIsTheEndOfBoth()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        Task reads = peers.ServerStream.ReadsClosed;
        Task writes = peers.ServerStream.WritesClosed;
        await peers.Listener.DisposeAsync();
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => reads.Guarded())).Error);
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => writes.Guarded())).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFlushTowardAPeerThatHasGoneCompletesWithoutAnException(bool dispose)
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows());
        await HalfCloseKnownAsync(peers);
        PipeWriter output = peers.ClientStream.Output;

        // More than windows hold: this flush waits, and ends because of the peer.
        output.GetMemory(1_000_000);
        output.Advance(1_000_000);
        Task<FlushResult> flushing = output.FlushAsync().AsTask();
        Assert.False(flushing.IsCompleted);
        if (dispose)
        {
            await peers.ServerStream.DisposeAsync();
        }
        else
        {
            peers.ServerStream.Abort();
        }

        Assert.True((await flushing.Guarded()).IsCompleted);
        await AssertDropsAllAsync(output);
        await output.CompleteAsync();
        await Assert.ThrowsAsync<TransportException>(() => peers.ClientStream.WritesClosed.Guarded());
    }

    [Fact]
    public async Task AFlushAfterTheConnectionsEndCompletesWithoutAnException()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        PipeWriter output = peers.ServerStream.Output;
        await peers.Listener.DisposeAsync();
        await peers.Server.Closed.Guarded();
        output.GetSpan(10);
        output.Advance(10);
        Assert.True((await output.FlushAsync().Guarded()).IsCompleted);
        await AssertDropsAllAsync(output);
        output.Complete();

        TransportException end = await Assert.ThrowsAsync<TransportException>(() => peers.ServerStream.Input.ReadAsync().AsTask().Guarded());
        Assert.Equal(TransportError.ConnectionClosed, end.Error);
    }

    private static async Task AssertDropsAllAsync(PipeWriter output)
    {
        for (int i = 0; i < 3; i++)
        {
            Memory<byte> memory = output.GetMemory(100_000);
            Assert.True(memory.Length >= 100_000);
            output.Advance(memory.Length);
            Assert.Equal(0, output.UnflushedBytes);
            Assert.True((await output.FlushAsync().Guarded()).IsCompleted);
            Assert.True((await output.WriteAsync(new byte[100]).Guarded()).IsCompleted);
        }
    }

    private static async Task HalfCloseKnownAsync(TestPeers peers)
    {
        await peers.ClientStream.WriteAsync(new byte[1]);
        await peers.ServerStream.ReadExactlyAsync(new byte[1]).Guarded();
        await peers.ServerStream.WriteAsync(new byte[1]);
        await peers.ClientStream.ReadExactlyAsync(new byte[1]).Guarded();
        Assert.True(await peers.Client.SupportsHalfCloseAsync().Guarded());
    }
}

/// <summary>The contract over KCP.</summary>
public sealed class KcpClosedDirectionTests() : ClosedDirectionTests(Wire.Kcp);

/// <summary>The contract over QUIC.</summary>
public sealed class QuicClosedDirectionTests() : ClosedDirectionTests(Wire.Quic);
