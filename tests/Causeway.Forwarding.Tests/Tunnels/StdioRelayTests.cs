using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Causeway.PortForwarder.Forward;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class StdioRelayTests
{
    [Fact]
    public async Task InputAndOutputGoThrough()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("*"));
        byte[] bytes = Bytes.Random(500_000, seed: 1);
        using MemoryStream input = new(bytes);
        using MemoryStream output = new();

        await StdioRelay.RunAsync(input, output, await pair.Client.ConnectAsync(target.EndPoint).Guarded(), default).Guarded();

        Assert.True(bytes.AsSpan().SequenceEqual(output.ToArray()));
    }

    [Fact]
    public async Task AnInputThatStaysOpenIsNotWaitedFor()
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("*"));
        using MemoryStream output = new();
        Task relay = StdioRelay.RunAsync(
            new Pipe().Reader.AsStream(), output, await ConnectAsync(pair, listener), default);
        using Socket accepted = await listener.AcceptAsync().Guarded();
        await accepted.SendAllAsync("bye"u8.ToArray());
        accepted.Shutdown(SocketShutdown.Send);

        await relay.Guarded();

        Assert.Equal("bye", Encoding.ASCII.GetString(output.ToArray()));
    }

    [Fact]
    public async Task AResetIsNoOrderlyEnd()
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("*"));
        using MemoryStream output = new();
        Task relay = StdioRelay.RunAsync(
            new Pipe().Reader.AsStream(), output, await ConnectAsync(pair, listener), default);
        Socket accepted = await listener.AcceptAsync().Guarded();
        accepted.CloseWithReset();
        await Assert.ThrowsAsync<TransportException>(() => relay.Guarded());
    }

    private static async Task<CausewayStream> ConnectAsync(TunnelPair pair, Socket listener) =>
        await pair.Client.ConnectAsync(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!)).Guarded();
}
