using System.Net.Sockets;
using Causeway.TestKit;

namespace Causeway.Forwarding.Tests;

public sealed class StreamBridgeTests
{
    private static readonly byte[] s_request = Bytes.Random(300_000, seed: 1);
    private static readonly byte[] s_answer = Bytes.Random(700_001, seed: 2);

    [Fact]
    public async Task AnswersArriveAfterTheRequestsEnd()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync();

        await peers.App.SendAllAsync(s_request);
        peers.App.Shutdown(SocketShutdown.Send);
        Assert.Equal(s_request, await peers.Target.ReceiveAllAsync());
        await peers.Target.SendAllAsync(s_answer);
        peers.Target.Shutdown(SocketShutdown.Send);
        Assert.Equal(s_answer, await peers.App.ReceiveAllAsync());

        StreamBridgeResult result = await peers.AppBridge.Guarded();
        Assert.Equal(new StreamBridgeResult(s_request.Length, s_answer.Length, null), result);
        result = await peers.TargetBridge!.Guarded();
        Assert.Equal(new StreamBridgeResult(s_answer.Length, s_request.Length, null), result);
    }

    [Fact]
    public async Task RequestsGoOnAfterTheAnswersEnd()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync();

        await peers.Target.SendAllAsync(s_answer);
        peers.Target.Shutdown(SocketShutdown.Send);
        Assert.Equal(s_answer, await peers.App.ReceiveAllAsync());
        await peers.App.SendAllAsync(s_request);
        peers.App.Shutdown(SocketShutdown.Send);

        Assert.Equal(s_request, await peers.Target.ReceiveAllAsync());
    }

    [Fact]
    public async Task AResetOfTheApplicationReachesTheTargetAsAReset()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync();
        await peers.App.SendAllAsync(new byte[100]);
        await peers.Target.ReceiveExactlyAsync(100);

        peers.App.CloseWithReset();

        Assert.Equal(SocketError.ConnectionReset, await peers.Target.ReceiveErrorAsync());
        Assert.IsType<SocketException>((await peers.AppBridge.Guarded()).Failure);
        Assert.IsType<TransportException>((await peers.TargetBridge!.Guarded()).Failure);
    }

    [Fact]
    public async Task AnAbortedStreamResetsTheSocket()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(bridgeTarget: false);
        await peers.App.SendAllAsync(new byte[1]);
        Assert.True(await peers.ClientStream.Connection.SupportsHalfCloseAsync().Guarded());

        peers.ServerStream.Abort();

        Assert.Equal(SocketError.ConnectionReset, await peers.App.ReceiveErrorAsync());
        TransportException failure = Assert.IsType<TransportException>((await peers.AppBridge.Guarded()).Failure);
        Assert.Equal(TransportError.StreamReset, failure.Error);
    }

    [Fact]
    public async Task CancellationCutsBothSides()
    {
        using CancellationTokenSource cut = new();
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(cut: cut.Token);
        await peers.App.SendAllAsync(new byte[1]);
        await peers.Target.ReceiveExactlyAsync(1);

        await cut.CancelAsync();

        Assert.Equal(SocketError.ConnectionReset, await peers.App.ReceiveErrorAsync());
        Assert.Equal(SocketError.ConnectionReset, await peers.Target.ReceiveErrorAsync());
        await peers.AppBridge.Guarded();
    }

    [Fact]
    public async Task WithAKcptunPeerTheAnswerMayTakeCloseWait()
    {
        VirtualTimeProvider time = new();
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(
            halfClose: false, closeWait: TimeSpan.FromSeconds(30), time, bridgeTarget: false);
        await peers.ServerStream.WriteAsync(new byte[1]);
        await peers.App.ReceiveExactlyAsync(1);

        peers.App.Shutdown(SocketShutdown.Send);
        await UntilTimerIsArmedAsync(time);
        time.Advance(TimeSpan.FromSeconds(29));
        await peers.ServerStream.WriteAsync(s_answer);
        Assert.Equal(s_answer, await peers.App.ReceiveExactlyAsync(s_answer.Length));
        Assert.False(peers.AppBridge.IsCompleted);

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await peers.App.ReceiveAllAsync());
        Assert.Null((await peers.AppBridge.Guarded()).Failure);
    }

    [Fact]
    public async Task WithAKcptunPeerAndNoCloseWaitTheFirstEndClosesBoth()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(halfClose: false, bridgeTarget: false);
        await peers.ServerStream.WriteAsync(new byte[1]);
        await peers.App.ReceiveExactlyAsync(1);

        peers.App.Shutdown(SocketShutdown.Send);

        Assert.Empty(await peers.App.ReceiveAllAsync());
        Assert.Null((await peers.AppBridge.Guarded()).Failure);
        Assert.Equal(0, await peers.ServerStream.ReadAsync(new byte[1]).Guarded());
    }

    [Fact]
    public async Task AKcptunPeersEndReachesTheApplicationAtOnceWithAllThatCameBefore()
    {
        VirtualTimeProvider time = new();
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(
            halfClose: false, closeWait: TimeSpan.FromSeconds(30), time, bridgeTarget: false);
        await peers.ServerStream.WriteAsync(s_answer);
        await peers.ServerStream.DisposeAsync();

        Assert.Equal(s_answer, await peers.App.ReceiveAllAsync());

        // The application may still say what it has to; when it has ended as well, nothing waits any longer.
        await peers.App.SendAllAsync(s_request);
        peers.App.Shutdown(SocketShutdown.Send);
        await peers.AppBridge.Guarded();
    }

    [Fact]
    public async Task ShortMessagesGoBackAndForth()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync();

        for (int i = 0; i < 100; i++)
        {
            byte[] message = Bytes.Random(10, seed: i);
            await peers.App.SendAllAsync(message);
            Assert.Equal(message, await peers.Target.ReceiveExactlyAsync(10));
            await peers.Target.SendAllAsync(message);
            Assert.Equal(message, await peers.App.ReceiveExactlyAsync(10));
        }
    }

    private static async Task UntilTimerIsArmedAsync(VirtualTimeProvider time)
    {
        while (time.NextTimer.IsNever)
        {
            await Task.Yield();
        }
    }
}
