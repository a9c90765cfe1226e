using System.Collections.Concurrent;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.Tests;

/// <summary>
/// Many streams at once over a link that loses and reorders, used from many threads in every way there is, until a number
/// of operations is done: every byte that is read is the right one, everything ends, nothing stays out of the pool.
/// </summary>
public sealed class StressTests
{
    private const int Workers = 24;
    private const int RoundsOfAWorker = 12;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public async Task StreamsInEveryKindOfTroubleKeepTheirBytes(int seed, bool smallWindows)
    {
        PacketPool held = new(track: true, stackTraces: false);
        int links = 0;
        KcpProfile profile = ((KcpProfile)(smallWindows ? Wire.Kcp.SmallWindows() : Wire.Kcp.Profile())) with
        {
            Arq = new() { NoDelay = true, FastResend = 2, Interval = TimeSpan.FromMilliseconds(10) },
            StreamCipher = smallWindows ? static () => new Rotating() : null,
        };
        FaultModelOptions faults = new() { Loss = 0.01, Reorder = 0.02, ReorderGap = TimeSpan.FromMilliseconds(2), Duplicate = 0.005 };
        ConcurrentQueue<string> errors = new();
        await using (MemoryPeers peers = await MemoryPeers.ConnectAsync(profile, decorate: link => new FaultInjectionLink(
            link, new FaultInjectionOptions { Send = faults, Seed = (ulong)(seed * 10 + links++), Pool = held })))
        {
            CausewayStream opener = await peers.Client.OpenStreamAsync().Guarded();
            CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
            await (await server.AcceptStreamAsync().Guarded()).DisposeAsync();
            await opener.DisposeAsync();

            using CancellationTokenSource stop = new();
            List<Task> serving = [];
            Task accepting = Task.Run(() => AcceptAsync(server, seed, serving, errors, stop.Token));
            await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(
                () => WorkAsync(peers.Client, new Random((seed * 1000) + worker), errors)))).Guarded();

            // With writes under way at both ends.
            await peers.Client.CloseAsync().Guarded();
            await stop.CancelAsync();
            await RunAsync(errors, () => server.CloseAsync(stop.Token).Guarded());
            Assert.True(server.Closed.IsCompletedSuccessfully);
            await accepting.Guarded();
            await Task.WhenAll(serving).Guarded();
            Assert.Null(peers.Client.Failure);

            // The client's goodbye may find the server closing already.
            Assert.True(server.Failure is null or { Error: TransportError.ClosedByPeer, IsByPeer: true }, $"Seed {seed}: {server.Failure}");
        }

        held.ThrowIfOutstanding();
        Assert.True(errors.IsEmpty, $"Seed {seed}: {string.Join("; ", errors.Take(5))}");
    }

    private static async Task WorkAsync(CausewayConnection connection, Random random, ConcurrentQueue<string> errors)
    {
        for (int round = 0; round < RoundsOfAWorker; round++)
        {
            CausewayStream stream = await connection.OpenStreamAsync();
            await UseAsync(stream, random, errors);
        }
    }

    private static async Task AcceptAsync(
        CausewayConnection connection, int seed, List<Task> serving, ConcurrentQueue<string> errors, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                CausewayStream stream = await connection.AcceptStreamAsync(stop);
                Random random = new((seed * 77777) + (int)stream.Id);
                serving.Add(Task.Run(() => UseAsync(stream, random, errors), CancellationToken.None));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or TransportException)
        {
            // The end.
        }
    }

    /// <summary>Reads on one thread and writes on another, and ends the stream in one of the ways.</summary>
    private static async Task UseAsync(CausewayStream stream, Random random, ConcurrentQueue<string> errors)
    {
        int readerSeed = random.Next();
        int writerSeed = random.Next();
        Task reading = Task.Run(() => ReadAsync(stream, new Random(readerSeed), errors));
        Task writing = Task.Run(() => WriteAsync(stream, new Random(writerSeed), errors));
        switch (random.Next(4))
        {
            case 0:
                // The other end may do the same: who waits for its writes has to read on, or both wait for each other.
                reading = DrainAfterAsync(reading, stream, errors);
                await writing;
                break;
            case 1:
                await Task.WhenAny(reading, writing);
                stream.Abort();
                break;
            default:
                await Task.WhenAny(writing, reading);
                break;
        }

        await stream.DisposeAsync();
        await writing;
        await reading;
    }

    private static async Task DrainAfterAsync(Task reading, CausewayStream stream, ConcurrentQueue<string> errors)
    {
        await reading;
        await RunAsync(errors, () => stream.CopyToAsync(Stream.Null));
    }

    private static Task ReadAsync(CausewayStream stream, Random random, ConcurrentQueue<string> errors) => RunAsync(
        errors,
        async () =>
        {
            byte[] buffer = new byte[random.Next(1, 20_000)];
            long position = 0;
            for (int operation = random.Next(1, 200); operation > 0; operation--)
            {
                using CancellationTokenSource cancel = new();
                ValueTask<int> read = stream.ReadAsync(buffer.AsMemory(0, random.Next(buffer.Length + 1)), cancel.Token);
                if (random.Next(4) == 0)
                {
                    await cancel.CancelAsync();
                }

                try
                {
                    int count = await read;
                    for (int i = 0; i < count; i++, position++)
                    {
                        if (buffer[i] != ByteAt(stream.Id, position))
                        {
                            errors.Enqueue($"stream {stream.Id} has a wrong byte at {position}");
                            return;
                        }
                    }
                }
                catch (OperationCanceledException)
                {
                    // Nothing was taken: the next read goes on at the same place.
                }
            }
        });

    // A cancelled write may have sent a part of its bytes, so it is the last one of its stream.
    private static Task WriteAsync(CausewayStream stream, Random random, ConcurrentQueue<string> errors) => RunAsync(
        errors,
        async () =>
        {
            byte[] buffer = new byte[random.Next(1, 40_000)];
            long position = 0;
            bool cancels = random.Next(3) == 0;
            for (int operation = random.Next(1, 20); operation > 0; operation--)
            {
                int start = random.Next(buffer.Length);
                int count = random.Next(buffer.Length - start + 1);
                for (int i = 0; i < count; i++)
                {
                    buffer[start + i] = ByteAt(stream.Id, position + i);
                }

                using CancellationTokenSource cancel = new();
                ValueTask write = stream.WriteAsync(buffer.AsMemory(start, count), cancel.Token);
                if (cancels && operation == 1)
                {
                    await cancel.CancelAsync();
                }

                await write;
                position += count;

                // The memory is the application's again.
                Array.Fill(buffer, (byte)0xEE);
            }

            if (random.Next(2) == 0)
            {
                stream.CompleteWrites();
            }
        });

    private static async Task RunAsync(ConcurrentQueue<string> errors, Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception e) when (e is TransportException or ObjectDisposedException or OperationCanceledException)
        {
            // What the other end, or the other half of the worker, did to the stream.
        }
        catch (Exception e)
        {
            errors.Enqueue(e.ToString());
        }
    }

    private static byte ByteAt(long stream, long position) => (byte)((position * 31) + (position >> 8) + (stream * 7));

    /// <summary>Adds the position to each byte: a byte that is lost or repeated spoils all that follow.</summary>
    private sealed class Rotating : StreamCipher
    {
        private long _sent;
        private long _received;

        public override void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination)
        {
            for (int i = 0; i < source.Length; i++)
            {
                destination[i] = unchecked((byte)(source[i] + _sent++));
            }
        }

        public override void Decrypt(ReadOnlySpan<byte> source, Span<byte> destination)
        {
            for (int i = 0; i < source.Length; i++)
            {
                destination[i] = unchecked((byte)(source[i] - _received++));
            }
        }
    }
}
