using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>Applications that asked to be resumed on the thread that runs the protocol.</summary>
public sealed class InlineSchedulingTests
{
    [Fact]
    public async Task AnswerSharesADatagramWithTheAcknowledgementOfItsRequest()
    {
        await using MemoryPeers peers = await ConnectAsync(inline: true);
        (CausewayStream client, CausewayStream server, CausewayConnection connection) = await peers.OpenFirstAsync();
        await using CausewayStream ownedClient = client;
        await using CausewayStream ownedServer = server;
        Task echoing = EchoTwiceAsync();

        // The acknowledgement of the opening may be on its way until the first answer has come.
        await AskAsync();
        long before = connection.Statistics.Transport.OutPackets;
        await AskAsync();
        Assert.Equal(1, connection.Statistics.Transport.OutPackets - before);
        await echoing.Guarded();

        async Task AskAsync()
        {
            await client.WriteAsync("request"u8.ToArray()).Guarded();
            await client.ReadExactlyAsync(new byte[7]).Guarded();
        }

        async Task EchoTwiceAsync()
        {
            byte[] buffer = new byte[7];
            for (int i = 0; i < 2; i++)
            {
                await server.ReadExactlyAsync(buffer);
                await server.WriteAsync(buffer);
            }
        }
    }

    [Fact]
    public async Task AcceptingAndReadingGoOnOnTheThreadThatReceived()
    {
        await using MemoryPeers peers = await ConnectAsync(inline: true);
        (CausewayStream first, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        Task<(int Accepting, int Reading)> serving = ServeAsync();
        await using CausewayStream second = await peers.Client.OpenStreamAsync().Guarded();
        await second.WriteAsync("x"u8.ToArray()).Guarded();
        (int accepting, int reading) = await serving.Guarded();
        Assert.Equal(accepting, reading);
        await first.DisposeAsync();
        await accepted.DisposeAsync();

        async Task<(int Accepting, int Reading)> ServeAsync()
        {
            await using CausewayStream stream = await server.AcceptStreamAsync();
            int thread = Environment.CurrentManagedThreadId;
            await stream.ReadExactlyAsync(new byte[1]);
            return (thread, Environment.CurrentManagedThreadId);
        }
    }

    [Fact]
    public async Task EchoOfManySizesOnManyStreamsArrivesWhole()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(inline: true);
        (CausewayStream first, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        Task serving = AcceptAllAsync();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(EchoAsync)).Guarded();
        await first.DisposeAsync();
        await accepted.DisposeAsync();
        await peers.Client.CloseAsync().Guarded();
        await serving.Guarded();

        async Task EchoAsync(int number)
        {
            byte[] message = new byte[1 << number];
            new Random(number).NextBytes(message);
            byte[] answer = new byte[message.Length];
            await using CausewayStream stream = await peers.Client.OpenStreamAsync();
            Task reading = stream.ReadExactlyAsync(answer).AsTask();
            await stream.WriteAsync(message);
            await reading;
            Assert.Equal(message, answer);
        }

        async Task AcceptAllAsync()
        {
            List<Task> echoes = [];
            for (int i = 0; i < 16; i++)
            {
                echoes.Add(EchoBackAsync(await server.AcceptStreamAsync(), i));
            }

            await Task.WhenAll(echoes);
        }

        async Task EchoBackAsync(CausewayStream stream, int number)
        {
            await using CausewayStream owned = stream;
            byte[] buffer = new byte[1 + (number * 4000)];
            for (int count; (count = await stream.ReadAsync(buffer)) > 0;)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count));
            }
        }
    }

    // A clock that stands still, so that nothing leaves but by what the test does.
    private static Task<MemoryPeers> ConnectAsync(bool inline) =>
        MemoryPeers.ConnectAsync(time: new VirtualTimeProvider(), closeTimeout: TimeSpan.Zero, inline: inline);
}
