namespace Causeway.Tests;

/// <summary>Reads and writes that wait are kept by the stream itself: what callers may do with their value tasks, and when.</summary>
public abstract class StreamOperationTests
{
    private readonly Wire _wire;

    private protected StreamOperationTests(Wire wire) => _wire = wire;

    private const int Rounds = 300;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ResultOfAReadIsTakenOnce(bool inline)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.Profile(), inline: inline);
        (CausewayStream client, CausewayStream server, _) = await peers.OpenFirstAsync();
        byte[] buffer = new byte[2];
        ValueTask<int> reading = server.ReadAsync(buffer.AsMemory(0, 1));
        Assert.False(reading.IsCompleted);
        await client.WriteAsync("ab"u8.ToArray()).Guarded();
        Assert.Equal(1, await reading);
        Assert.Throws<InvalidOperationException>(() => TakeAgain(reading));
        Assert.Equal(1, await server.ReadAsync(buffer.AsMemory(1, 1)).Guarded());
        Assert.Equal("ab"u8.ToArray(), buffer);
    }

    [Fact]
    public async Task BlockingOnAReadThatWaitsIsRefusedAndLeavesItUnderWay()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.Profile());
        (CausewayStream client, CausewayStream server, _) = await peers.OpenFirstAsync();
        byte[] buffer = new byte[1];
        ValueTask<int> reading = server.ReadAsync(buffer);
        Assert.Throws<InvalidOperationException>(() => TakeAgain(reading));
        Assert.Throws<InvalidOperationException>(() => { _ = server.ReadAsync(buffer).AsTask(); });
        await client.WriteAsync("a"u8.ToArray()).Guarded();
        Assert.Equal(1, await reading.Guarded());
        Assert.Equal((byte)'a', buffer[0]);
    }

    [Fact]
    public async Task BlockingOnAWriteThatWaitsIsRefusedAndLeavesItUnderWay()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.SmallWindows());
        (CausewayStream client, CausewayStream server, _) = await peers.OpenFirstAsync();
        byte[] sent = new byte[1 << 20];
        ValueTask writing = client.WriteAsync(sent);
        Assert.Throws<InvalidOperationException>(() => TakeAgain(writing));
        Assert.Throws<InvalidOperationException>(() => { _ = client.WriteAsync(new byte[1]).AsTask(); });
        await server.ReadExactlyAsync(new byte[sent.Length]).Guarded();
        await writing.Guarded();
        Assert.Throws<InvalidOperationException>(() => TakeAgain(writing));
        await client.WriteAsync(new byte[1]).Guarded();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancellationThatRacesWithArrivalLosesNoByte(bool inline)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.Profile(), inline: inline);
        (CausewayStream client, CausewayStream server, _) = await peers.OpenFirstAsync();
        byte[] one = new byte[1];
        for (int round = 0; round < Rounds; round++)
        {
            using CancellationTokenSource cancel = new();
            Task<int> reading = server.ReadAsync(one, cancel.Token).AsTask();
            Task cancelling = Task.Run(cancel.Cancel);
            await client.WriteAsync(new[] { (byte)round }).Guarded();
            await cancelling;
            try
            {
                Assert.Equal(1, await reading.Guarded());
            }
            catch (OperationCanceledException error)
            {
                Assert.Equal(cancel.Token, error.CancellationToken);
                Assert.Equal(1, await server.ReadAsync(one, CancellationToken.None).Guarded());
            }

            Assert.Equal((byte)round, one[0]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancellationThatRacesWithAWriteLeavesTheNextOneAlone(bool inline)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.Profile(), inline: inline);
        (CausewayStream client, CausewayStream server, _) = await peers.OpenFirstAsync();
        Task<int> counting = CountAsync(server);
        int written = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using CancellationTokenSource cancel = new();
            Task cancelling = Task.Run(cancel.Cancel);
            try
            {
                await client.WriteAsync(new byte[1], cancel.Token);
                written++;
            }
            catch (OperationCanceledException error)
            {
                Assert.Equal(cancel.Token, error.CancellationToken);
            }

            await client.WriteAsync(new byte[1]).Guarded();
            written++;
            await cancelling;
        }

        client.CompleteWrites();
        Assert.Equal(written, await counting.Guarded());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DisposalThatRacesWithArrivalEndsTheReadEitherWay(bool inline)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(_wire.Profile(), inline: inline);
        (CausewayStream first, _, CausewayConnection connection) = await peers.OpenFirstAsync();
        byte[] one = new byte[1];
        for (int round = 0; round < Rounds; round++)
        {
            await using CausewayStream client = await peers.Client.OpenStreamAsync().Guarded();
            await client.FlushAsync();
            await using CausewayStream server = await connection.AcceptStreamAsync().Guarded();
            Task<int> reading = server.ReadAsync(one).AsTask();
            Task disposing = Task.Run(server.Dispose);
            try
            {
                await client.WriteAsync("x"u8.ToArray()).Guarded();
                await disposing;
                Assert.Equal(1, await reading.Guarded());
            }
            catch (Exception error) when (error is ObjectDisposedException or TransportException { Error: TransportError.StreamClosedByPeer })
            {
                // The disposal was faster, here or even at the writer.
                await Assert.ThrowsAsync<ObjectDisposedException>(() => reading.Guarded());
            }

            await Assert.ThrowsAsync<ObjectDisposedException>(() => server.ReadAsync(one).AsTask());
        }

        await first.DisposeAsync();
    }

    private static void TakeAgain(ValueTask<int> task) => task.GetAwaiter().GetResult();

    private static void TakeAgain(ValueTask task) => task.GetAwaiter().GetResult();

    private static async Task<int> CountAsync(CausewayStream stream)
    {
        byte[] buffer = new byte[100];
        int total = 0;
        for (int count; (count = await stream.ReadAsync(buffer)) > 0;)
        {
            total += count;
        }

        return total;
    }
}

/// <summary>The contract over KCP.</summary>
public sealed class KcpStreamOperationTests() : StreamOperationTests(Wire.Kcp);

/// <summary>The contract over QUIC.</summary>
public sealed class QuicStreamOperationTests() : StreamOperationTests(Wire.Quic);
