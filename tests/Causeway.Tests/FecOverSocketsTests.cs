using Causeway.Links;
using Causeway.Quic;
using Causeway.Testing;

namespace Causeway.Tests;

/// <summary>Forward error correction of QUIC through the whole stack, over real sockets that lose.</summary>
public sealed class FecOverSocketsTests
{
    private static readonly FaultInjectionOptions s_losses = new() { Send = new FaultModelOptions { Loss = 0.1 }, Seed = 5 };

    /// <summary>It goes on until one was rebuilt, however busy the machine is.</summary>
    [Fact]
    public async Task LostDatagramsAreRebuiltAtTheOtherEnd()
    {
        await using TestPeers peers = await ConnectAsync(Wires.Quic);
        while (peers.Client.MaxDatagramLength == 0)
        {
            await Task.Delay(1).Guarded();
        }

        byte[] bytes = new byte[500];
        Task reading = Task.Run(async () =>
        {
            byte[] buffer = new byte[1000];
            while (Counters(peers.Server).PacketsRebuilt == 0)
            {
                Assert.Equal(bytes.Length, await peers.Server.ReceiveDatagramAsync(buffer).Guarded());
            }
        });
        while (!reading.IsCompleted)
        {
            await peers.Client.SendDatagramAsync(bytes).Guarded();
            await Task.Delay(1).Guarded();
        }

        await reading;
        Assert.InRange(Counters(peers.Client).RepairsSent, 1, long.MaxValue);

        // A close of one's own drops what was not read.
        await peers.Server.CloseAsync().Guarded();
    }

    [Fact]
    public async Task SwitchedOffItDoesNothing()
    {
        await using TestPeers peers = await ConnectAsync(Wires.Quic with { Fec = QuicFecOptions.Off });
        byte[] data = new byte[200];
        for (int i = 0; i < 100; i++)
        {
            await peers.ClientStream.WriteAsync(data).Guarded();
            await peers.ServerStream.ReadExactlyAsync(new byte[data.Length]).Guarded();
        }

        Assert.Equal((0, 0), (Counters(peers.Client).SourcesSent, Counters(peers.Server).PacketsRebuilt));
        Assert.InRange(Counters(peers.Client).PacketsLost, 1, long.MaxValue);
    }

    private static Task<TestPeers> ConnectAsync(QuicProfile profile) =>
        TestPeers.ConnectAsync(profile, clientLink: static link => link.Use(static next => new FaultInjectionLink(next, s_losses)));

    private static QuicStatistics Counters(CausewayConnection connection) => (QuicStatistics)connection.Statistics.Transport;
}
