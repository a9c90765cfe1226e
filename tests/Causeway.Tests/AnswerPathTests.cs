using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Tests.Links;

namespace Causeway.Tests;

/// <summary>A listener that is bound to any address, dialled at another than the system would answer from.</summary>
public sealed class AnswerPathTests
{
    private static readonly TimeSpan s_never = Timeout.InfiniteTimeSpan;

    [Theory]
    [InlineData(UdpEngine.Auto, 1)]
    [InlineData(UdpEngine.Auto, 4)]
    [InlineData(UdpEngine.Portable, 1)]
    public async Task TheListenerAnswersFromTheAddressSpokenTo(UdpEngine client, int shards)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using CausewayListener listener = await ListenAsync(IPAddress.Any, UdpEngine.Linux, shards);
        for (int i = 2; i < 10; i++)
        {
            IPAddress dialled = new([127, 0, 0, (byte)i]);
            await using CausewayConnection connection = await ConnectAsync(listener, dialled, client, s_never);
            CausewayConnection peer = await AssertEchoAsync(listener, connection);
            Assert.Equal(new IPEndPoint(dialled, ((IPEndPoint)listener.LocalEndPoint).Port), peer.LocalEndPoint);
            await peer.DisposeAsync();
        }
    }

    [Fact]
    public async Task TheListenerAnswersFromASecondIPv6Address()
    {
        Task<CausewayListener>? listening = null;
        Task<CausewayConnection>? connecting = null;
        IPAddress dialled = IPAddress.Parse("fd00:6::2");

        // Both open their sockets before they first wait, on the thread that has the network.
        if (!NetworkNamespace.TryRun(["fd00:6::1", "fd00:6::2"], () =>
        {
            listening = ListenAsync(IPAddress.IPv6Any, UdpEngine.Linux).AsTask();
            connecting = ConnectAsync(listening.Result, dialled, UdpEngine.Linux, s_never).AsTask();
        }))
        {
            // LocalAddressTests has what can be seen without.
            return;
        }

        await using CausewayListener listener = await listening!;
        await using CausewayConnection connection = await connecting!;
        CausewayConnection peer = await AssertEchoAsync(listener, connection);
        Assert.Equal(dialled, ((IPEndPoint)peer.LocalEndPoint).Address);
    }

    [Theory]
    [InlineData(UdpEngine.Linux)]
    [InlineData(UdpEngine.Portable)]
    public async Task AClientFindsAServerThatAnswersFromAnotherAddress(UdpEngine client)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using CausewayListener listener = await ListenAsync(IPAddress.Any, UdpEngine.Portable);
        await using CausewayConnection connection = await ConnectAsync(
            listener, IPAddress.Parse("127.0.0.2"), client, TimeSpan.FromMilliseconds(50));
        await AssertEchoAsync(listener, connection);

        // The same port all along: else the server would have taken the client for another.
        Assert.Equal(1, listener.ConnectionCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public async Task TheWaitMustBePositive(int milliseconds)
    {
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () =>
            await CausewayConnection.ConnectAsync(new CausewayClientOptions
            {
                Profile = new KcpProfile(),
                RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
                AcceptAnySourceAfter = TimeSpan.FromMilliseconds(milliseconds),
            }));
        Assert.Equal("AcceptAnySourceAfter", error.ParamName);
    }

    private static ValueTask<CausewayListener> ListenAsync(IPAddress address, UdpEngine engine, int shards = 1) =>
        CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(address, 0),
            Udp = new UdpLinkOptions { Engine = engine },
            Shards = shards,
            CloseTimeout = TimeSpan.Zero,
        });

    private static ValueTask<CausewayConnection> ConnectAsync(
        CausewayListener listener, IPAddress address, UdpEngine engine, TimeSpan acceptAnySourceAfter) =>
        CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = new IPEndPoint(address, ((IPEndPoint)listener.LocalEndPoint).Port),
            Udp = new UdpLinkOptions { Engine = engine },
            AcceptAnySourceAfter = acceptAnySourceAfter,
            CloseTimeout = TimeSpan.Zero,
        });

    private static async Task<CausewayConnection> AssertEchoAsync(CausewayListener listener, CausewayConnection client)
    {
        byte[] sent = new byte[300_000];
        new Random(1).NextBytes(sent);
        CausewayStream stream = await client.OpenStreamAsync().Guarded();
        Task writing = stream.WriteAsync(sent).AsTask();
        CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        Task echoing = accepted.CopyToAsync(accepted);
        byte[] received = new byte[sent.Length];
        await stream.ReadExactlyAsync(received).Guarded();
        await writing.Guarded();
        Assert.True(sent.AsSpan().SequenceEqual(received));
        stream.Dispose();
        await echoing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return server;
    }
}
