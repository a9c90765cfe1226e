using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Causeway.Kcp;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Tests;

/// <summary>What streams promise, whatever the wire.</summary>
public abstract class StreamContractTests
{
    private readonly Wire _wire;

    private protected StreamContractTests(Wire wire) => _wire = wire;

    [Fact]
    public async Task EchoesInBothDirections()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await peers.ClientStream.WriteAsync("request"u8.ToArray()).Guarded();
        byte[] buffer = new byte[7];
        await peers.ServerStream.ReadExactlyAsync(buffer).Guarded();
        Assert.Equal("request", Text(buffer));
        await peers.ServerStream.WriteAsync("answer"u8.ToArray()).Guarded();
        await peers.ClientStream.ReadExactlyAsync(buffer.AsMemory(0, 6)).Guarded();
        Assert.Equal("answer", Text(buffer[..6]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(65536)]
    public async Task ConcurrentReadsAndWritesKeepEveryByteInOrder(int step)
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        int size = step == 1 ? 20_000 : 3_000_000;
        byte[] up = RandomNumberGenerator.GetBytes(size);
        byte[] down = RandomNumberGenerator.GetBytes(size);
        Task<byte[]> upReceived = ReceiveAsync(peers.ServerStream, size);
        Task<byte[]> downReceived = ReceiveAsync(peers.ClientStream, size);
        Task sending = SendAsync(peers.ClientStream, up, step);
        await SendAsync(peers.ServerStream, down, step).Guarded();
        await sending.Guarded();
        Assert.True(Same(up, await upReceived.Guarded()));
        Assert.True(Same(down, await downReceived.Guarded()));
    }

    [Fact]
    public async Task ZeroByteReadWaitsForDataAndTakesNone()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        Task<int> waiting = peers.ServerStream.ReadAsync(Memory<byte>.Empty).AsTask();
        Assert.False(waiting.IsCompleted);
        await peers.ClientStream.WriteAsync(new byte[] { 42 }).Guarded();
        Assert.Equal(0, await waiting.Guarded());
        byte[] one = new byte[1];
        Assert.Equal(1, await peers.ServerStream.ReadAsync(one).Guarded());
        Assert.Equal(42, one[0]);
    }

    [Fact]
    public async Task CancelledReadLosesNothing()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        using CancellationTokenSource cancel = new();
        byte[] buffer = new byte[4];
        Task<int> waiting = peers.ServerStream.ReadAsync(buffer, cancel.Token).AsTask();
        await cancel.CancelAsync();
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Guarded());
        Assert.Equal(cancel.Token, error.CancellationToken);
        await peers.ClientStream.WriteAsync("data"u8.ToArray()).Guarded();
        await peers.ServerStream.ReadExactlyAsync(buffer).Guarded();
        Assert.Equal("data", Text(buffer));
    }

    [Fact]
    public async Task ReaderThatStopsStopsTheWriterWithinTheWindows()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows());
        long written = 0;
        byte[] block = new byte[16 * 1024];
        using CancellationTokenSource cancel = new();
        Task writing = Task.Run(async () =>
        {
            while (true)
            {
                await peers.ClientStream.WriteAsync(block, cancel.Token);
                Interlocked.Add(ref written, block.Length);
            }
        });

        // Give the writer every chance to write too much: a slow machine makes the test weaker, never red.
        long seen = -1;
        for (int still = 0; still < 10 || Interlocked.Read(ref written) < 64 * 1024;)
        {
            still = seen == Interlocked.Read(ref written) ? still + 1 : 0;
            seen = Interlocked.Read(ref written);
            await Task.Delay(20);
        }

        // KCP: first send window (docs/wire/kcptun.md 7.5) or stream buffer, send queue, both ARQ windows, and what is under
        // way in the stream. QUIC: what the whole connection may hold.
        long most = _wire == Wire.Quic ? TransportProfile.LeastMemoryBudget : (256 + 64 + 64 + 64) * 1024;
        Assert.InRange(seen, 64 * 1024, most);
        Assert.False(writing.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.Guarded());
        seen = Interlocked.Read(ref written);

        // The stream lives on: what had been accepted arrives, and so does more.
        Task<int> draining = DrainAsync(peers.ServerStream);
        await peers.ClientStream.WriteAsync(block).Guarded();
        peers.ClientStream.CompleteWrites();
        Assert.InRange(await draining.Guarded(), seen + block.Length, seen + (2 * block.Length));
    }

    [Fact]
    public async Task StalledStreamDoesNotStallItsNeighbours()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows() switch
        {
            KcpProfile kcp => kcp with { Mux = new() { ReceiveBuffer = 1024 * 1024, StreamBuffer = 64 * 1024 } },
            TransportProfile other => other,
        });
        Task stalled = peers.ClientStream.WriteAsync(new byte[600 * 1024]).AsTask();
        await using CausewayStream second = await peers.Client.OpenStreamAsync().Guarded();
        await using CausewayStream secondAccepted = await peers.Server.AcceptStreamAsync().Guarded();
        byte[] data = RandomNumberGenerator.GetBytes(2_000_000);
        Task<byte[]> receiving = ReceiveAsync(secondAccepted, data.Length);
        await SendAsync(second, data, 50_000).Guarded();
        Assert.True(Same(data, await receiving.Guarded()));
        Assert.False(stalled.IsCompleted);
        Task<byte[]> late = ReceiveAsync(peers.ServerStream, 600 * 1024);
        await stalled.Guarded();
        await late.Guarded();
    }

    [Fact]
    public async Task HalfCloseLeavesTheOtherDirectionOpen()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await peers.ClientStream.WriteAsync("question"u8.ToArray()).Guarded();
        peers.ClientStream.CompleteWrites();
        await Assert.ThrowsAsync<InvalidOperationException>(() => peers.ClientStream.WriteAsync(new byte[1]).AsTask());
        Assert.Equal("question", Text(await ReadToEndAsync(peers.ServerStream).Guarded()));
        byte[] answer = RandomNumberGenerator.GetBytes(500_000);
        Task<byte[]> reading = ReadToEndAsync(peers.ClientStream);
        await peers.ServerStream.WriteAsync(answer).Guarded();
        await peers.ServerStream.DisposeAsync();
        Assert.True(Same(answer, await reading.Guarded()));
        Assert.True(await peers.Client.SupportsHalfCloseAsync().Guarded());
    }

    [Fact]
    public async Task AbortReachesThePeerAsReset()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await peers.ServerStream.WriteAsync(new byte[1]).Guarded();
        await peers.ClientStream.ReadExactlyAsync(new byte[1]).Guarded();
        Task<int> reading = peers.ServerStream.ReadAsync(new byte[10]).AsTask();
        peers.ClientStream.Abort();
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => reading.Guarded());
        Assert.Equal(TransportError.StreamReset, error.Error);
        error = await Assert.ThrowsAsync<TransportException>(async () =>
        {
            while (true)
            {
                await peers.ServerStream.WriteAsync(new byte[1000]).Guarded();
            }
        });
        Assert.Equal(_wire.WhenPeerGaveUp(), error.Error);
    }

    [Fact]
    public async Task DisposeEndsPendingReadAndWrite()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows());
        Task<int> reading = peers.ClientStream.ReadAsync(new byte[10]).AsTask();
        Task writing = peers.ClientStream.WriteAsync(new byte[4_000_000]).AsTask();
        await peers.ClientStream.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading.Guarded());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => writing.Guarded());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => peers.ClientStream.ReadAsync(new byte[1]).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => peers.ClientStream.WriteAsync(new byte[1]).AsTask());
        await peers.ClientStream.DisposeAsync();
        Assert.False(peers.ClientStream.CanRead);
    }

    [Fact]
    public async Task SecondReadOrWriteAtATimeIsRefused()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows());
        Task<int> reading = peers.ClientStream.ReadAsync(new byte[10]).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = peers.ClientStream.ReadAsync(new byte[10]).AsTask(); });
        Task writing = peers.ClientStream.WriteAsync(new byte[4_000_000]).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = peers.ClientStream.WriteAsync(new byte[10]).AsTask(); });
        peers.ClientStream.Abort();
        await Assert.ThrowsAnyAsync<Exception>(() => reading.Guarded());
        await Assert.ThrowsAnyAsync<Exception>(() => writing.Guarded());
    }

    [Fact]
    public async Task ClosingTheConnectionDeliversWhatWasWritten()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        byte[] data = RandomNumberGenerator.GetBytes(2_000_000);
        Task<byte[]> reading = ReadToEndAsync(peers.ServerStream);
        await peers.ClientStream.WriteAsync(data).Guarded();
        await peers.Client.CloseAsync().Guarded();
        Assert.True(Same(data, await reading.Guarded()));
        Assert.True(peers.Client.Closed.IsCompleted);
        Assert.Null(peers.Client.Failure);
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => peers.Client.OpenStreamAsync().Guarded());
        Assert.Equal(TransportError.ConnectionClosed, error.Error);
    }

    [Fact]
    public async Task PipesCarryBytesAndCompletion()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        CausewayStream client = peers.ClientStream;
        CausewayStream server = peers.ServerStream;
        Assert.IsAssignableFrom<IDuplexPipe>(client);
        byte[] data = RandomNumberGenerator.GetBytes(300_000);
        Task writing = Task.Run(async () =>
        {
            await client.Output.WriteAsync(data);
            await client.Output.CompleteAsync();
        });
        ArrayBufferWriter<byte> received = new();
        while (true)
        {
            ReadResult result = await server.Input.ReadAsync().Guarded();
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                received.Write(part.Span);
            }

            server.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        await writing.Guarded();
        Assert.True(data.AsSpan().SequenceEqual(received.WrittenSpan));
        await server.Output.WriteAsync("ok"u8.ToArray()).Guarded();
        await server.Output.CompleteAsync();
        Assert.Equal("ok", Text(await ReadToEndAsync(peers.ClientStream).Guarded()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(500_000)]
    public async Task ALastWriteEndsTheDirection(int size)
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        byte[] data = RandomNumberGenerator.GetBytes(size);
        Task<byte[]> reading = ReadToEndAsync(peers.ServerStream);
        await peers.ClientStream.WriteAsync(data, completeWrites: true).Guarded();
        Assert.True(Same(data, await reading.Guarded()));
        await peers.ClientStream.WritesClosed.Guarded();
        Assert.Throws<InvalidOperationException>(() => { _ = peers.ClientStream.WriteAsync(data, completeWrites: true).AsTask(); });
    }

    [Fact]
    public async Task ALastWriteThatIsCancelledDoesNotPassForAWhole()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.SmallWindows());
        using CancellationTokenSource cancel = new();
        Task writing = peers.ClientStream.WriteAsync(new byte[4_000_000], completeWrites: true, cancel.Token).AsTask();
        Assert.False(writing.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.Guarded());
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => ReadToEndAsync(peers.ServerStream).Guarded());
        Assert.Equal(TransportError.StreamReset, error.Error);
        await Assert.ThrowsAsync<TransportException>(() => peers.ClientStream.WritesClosed.Guarded());
    }

    [Fact]
    public async Task SynchronousCallsWork()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(_wire.Profile());
        await Task.Run(() =>
        {
            peers.ClientStream.Write("sync"u8);
            peers.ClientStream.Flush();
            byte[] buffer = new byte[4];
            peers.ServerStream.ReadExactly(buffer);
            Assert.Equal("sync", Text(buffer));
        }).Guarded();
        Assert.False(peers.ClientStream.CanSeek);
        Assert.Throws<NotSupportedException>(() => peers.ClientStream.Length);
        Assert.Throws<NotSupportedException>(() => peers.ClientStream.Seek(0, SeekOrigin.Begin));
    }

    private static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes);

    private static bool Same(byte[] expected, byte[] actual) => expected.AsSpan().SequenceEqual(actual);

    private static async Task SendAsync(CausewayStream stream, byte[] data, int step)
    {
        for (int offset = 0; offset < data.Length; offset += step)
        {
            await stream.WriteAsync(data.AsMemory(offset, Math.Min(step, data.Length - offset)));
        }
    }

    private static async Task<byte[]> ReceiveAsync(CausewayStream stream, int size)
    {
        byte[] received = new byte[size];
        await stream.ReadExactlyAsync(received);
        return received;
    }

    private static async Task<byte[]> ReadToEndAsync(CausewayStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    private static async Task<int> DrainAsync(CausewayStream stream)
    {
        byte[] buffer = new byte[65536];
        int total = 0;
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            total += count;
        }

        return total;
    }
}

/// <summary>The contract over KCP.</summary>
public sealed class KcpStreamContractTests() : StreamContractTests(Wire.Kcp);

/// <summary>The contract over QUIC.</summary>
public sealed class QuicStreamContractTests() : StreamContractTests(Wire.Quic);
