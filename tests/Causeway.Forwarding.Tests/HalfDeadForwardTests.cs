using System.Net;
using System.Net.Sockets;
using Causeway.TestKit;

namespace Causeway.Forwarding.Tests;

/// <summary>What is left of a connection whose one direction has ended when the rest of it breaks without a word.</summary>
public sealed class HalfDeadForwardTests
{
    private const int Programs = 50;

    [Fact]
    public async Task ForwardsOfProgramsThatAreGoneEndAtBothEndsThoughTheTargetSaysNothing()
    {
        using Socket listener = Sockets.Listen();
        await using Tunnel tunnel = await Tunnel.StartAsync(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!));
        List<Socket> programs = [];
        List<Socket> targets = [];
        for (int i = 0; i < Programs; i++)
        {
            Socket program = await tunnel.ConnectAsync();
            await program.SendAllAsync(new byte[2]);
            program.Shutdown(SocketShutdown.Send);
            programs.Add(program);
            targets.Add(await listener.AcceptAsync().Guarded());
        }

        // Every end was read: from here on nothing is read from the programs' sockets.
        await UntilAsync(static () => HalfOpenWatch.Shared.Count >= Programs);
        Assert.Equal(Programs, tunnel.Server.Statistics.ForwardsOpen);

        // A client also counts the place that waits for its next connection.
        Assert.Equal(Programs + 1, tunnel.Client.Statistics.ForwardsOpen);

        programs.ForEach(static program => program.CloseWithReset());

        await UntilAsync(() => tunnel.Client.Statistics.ForwardsOpen == 1 && tunnel.Server.Statistics.ForwardsOpen == 0);
        foreach (Socket target in targets)
        {
            // What was sent is still there, and then the connection is no more.
            await target.ReceiveExactlyAsync(2);
            Assert.True(target.Poll(TimeSpan.Zero, SelectMode.SelectError) || await target.ReceiveErrorAsync() == SocketError.ConnectionReset);
            target.Dispose();
        }
    }

    [Fact]
    public async Task AProgramThatHalfClosesAndWaitsIsLeftAlone()
    {
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync();
        await peers.App.SendAllAsync(new byte[2]);
        peers.App.Shutdown(SocketShutdown.Send);
        await peers.Target.ReceiveAllAsync();
        await UntilAsync(static () => HalfOpenWatch.Shared.Count > 0);

        // Long enough for the watch to have looked, if it were to mistake it.
        await Task.Delay(HalfOpenWatch.Period * 2);
        await peers.Target.SendAllAsync(new byte[100_000]);
        peers.Target.Shutdown(SocketShutdown.Send);
        Assert.Equal(100_000, (await peers.App.ReceiveAllAsync()).Length);
        Assert.Null((await peers.AppBridge.Guarded()).Failure);
        Assert.Null((await peers.TargetBridge!.Guarded()).Failure);
    }

    [Fact]
    public async Task ALimitHoldsBetweenTwoThatCanHalfClose()
    {
        VirtualTimeProvider time = new();
        await using BridgedPeers peers = await BridgedPeers.ConnectAsync(
            time: time, bridgeTarget: false, halfCloseLimit: TimeSpan.FromSeconds(5));
        await peers.ServerStream.WriteAsync(new byte[1]);
        await peers.App.ReceiveExactlyAsync(1);
        peers.App.Shutdown(SocketShutdown.Send);
        await UntilAsync(() => !time.NextTimer.IsNever);

        time.Advance(TimeSpan.FromSeconds(4));
        await peers.ServerStream.WriteAsync(new byte[1000]);
        await peers.App.ReceiveExactlyAsync(1000);
        Assert.False(peers.AppBridge.IsCompleted);

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await peers.App.ReceiveAllAsync());
        Assert.Null((await peers.AppBridge.Guarded()).Failure);
    }

    [Fact]
    public void ALimitIsNotNegative() => Assert.Throws<ArgumentOutOfRangeException>(() => ForwardClient.Start(new ForwardClientOptions
    {
        Listen = ForwardEndPoint.Parse("127.0.0.1:0"),
        Connection = static () => throw new NotSupportedException(),
        HalfCloseLimit = TimeSpan.FromSeconds(-1),
    }));

    [Fact]
    public async Task ABrokenSocketIsToldFromOneThatHasEnded()
    {
        (Socket near, Socket far) = await Sockets.PairAsync();
        using (near)
        {
            Assert.False(SocketHealth.IsBroken(near));
            far.Shutdown(SocketShutdown.Send);
            Assert.Empty(await near.ReceiveAllAsync());
            Assert.False(SocketHealth.IsBroken(near));
            far.CloseWithReset();
            await UntilAsync(() => SocketHealth.IsBroken(near));
        }

        Assert.False(SocketHealth.IsBroken(near));
    }

    [Fact]
    public async Task AUnixSocketWhosePeerHasGoneIsToldFromOneThatHasEnded()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        string path = Path.Combine(Path.GetTempPath(), $"causeway-{Guid.NewGuid():N}");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            using Socket far = await Sockets.ConnectAsync(new UnixDomainSocketEndPoint(path));
            using Socket near = await listener.AcceptAsync().Guarded();
            far.Shutdown(SocketShutdown.Send);
            Assert.Empty(await near.ReceiveAllAsync());
            Assert.False(SocketHealth.IsBroken(near));
            far.Dispose();
            await UntilAsync(() => SocketHealth.IsBroken(near));
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Waits for what comes without anything to wait on; the limit only keeps a broken test from hanging.</summary>
    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
