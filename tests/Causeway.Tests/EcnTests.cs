using System.Net;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.Tests;

/// <summary>Congestion marks from one end to the other, over real sockets.</summary>
public sealed class EcnTests
{
    private static readonly KcpProfile s_asking = new() { Arq = new ArqOptions { Ecn = true } };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OneEndAsksAndItsDataCanBeMarked(bool marking)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Marks what finds half a millisecond of queue or more.
        FaultInjectionOptions bottleneck = new()
        {
            Send = new FaultModelOptions
            {
                RateBitsPerSecond = marking ? 50_000_000 : 0,
                MarkThreshold = marking ? TimeSpan.FromMicroseconds(500) : TimeSpan.Zero,
            },
        };
        await using TestPeers peers = await TestPeers.ConnectAsync(
            s_asking,
            serverProfile: new KcpProfile(),
            clientLink: link => link.Use(next => new FaultInjectionLink(next, bottleneck)));
        byte[] data = new byte[2 << 20];
        Task writing = peers.ClientStream.WriteAsync(data).AsTask();
        await peers.ServerStream.ReadExactlyAsync(new byte[data.Length]).Guarded();
        await writing.Guarded();
        Assert.Equal(EcnState.Capable, peers.Client.Statistics.Kcp().Ecn);
        Assert.Equal(EcnState.Off, peers.Server.Statistics.Kcp().Ecn);
        Assert.Equal(marking, peers.Client.Statistics.Kcp().Arq.CongestionMarks > 0);
    }

    [Fact]
    public async Task AnEngineThatCannotReadThemIsFoundOut()
    {
        PacketPool pool = new(track: true);
        await using (CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = s_asking,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            BufferPool = pool,
            Udp = new UdpLinkOptions { Engine = UdpEngine.Portable },
        }))
        await using (CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = s_asking,
            RemoteEndPoint = listener.LocalEndPoint,
            BufferPool = pool,
        }))
        await using (CausewayStream stream = await client.OpenStreamAsync().Guarded())
        await using (CausewayConnection server = await listener.AcceptConnectionAsync().Guarded())
        await using (CausewayStream accepted = await server.AcceptStreamAsync().Guarded())
        {
            byte[] data = new byte[2 << 20];
            Task writing = stream.WriteAsync(data).AsTask();
            await accepted.ReadExactlyAsync(new byte[data.Length]).Guarded();
            await writing.Guarded();
            Assert.NotEqual(EcnState.Capable, client.Statistics.Kcp().Ecn);
        }

        pool.ThrowIfOutstanding();
    }
}
