using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Links;
using Causeway.Links.Udp.Linux;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

/// <summary>The engine of Linux; elsewhere the same tests run with whatever engine that system has.</summary>
public class LinuxUdpLinkTests : UdpLinkTests
{
    private const int SolSocket = 1;
    private const int SoNoChecksum = 11;

    protected static UdpEngine Engine => OperatingSystem.IsLinux() ? UdpEngine.Linux : UdpEngine.Portable;

    protected override UdpLinkOptions EngineOptions => new() { Engine = Engine };

    [Fact]
    public void StructuresAreThoseOf64BitLinux()
    {
        Assert.Equal(16, Unsafe.SizeOf<LinuxSocketApi.IoVector>());
        Assert.Equal(56, Unsafe.SizeOf<LinuxSocketApi.MessageHeader>());
        Assert.Equal(64, Unsafe.SizeOf<LinuxSocketApi.MultiMessageHeader>());
        Assert.Equal(16, Unsafe.SizeOf<LinuxSocketApi.ControlHeader>());
    }

    [Fact]
    public async Task BatchTakesFewSystemCalls()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        if (Engine != UdpEngine.Linux)
        {
            return;
        }

        await AssertEchoAsync(client, server, [.. Enumerable.Repeat(new byte[1350], 60)]);
        Assert.Equal(1, client.Statistics.SendCalls);
        Assert.InRange(server.Statistics.ReceiveCalls, 1, 7);
    }

    [Fact]
    public async Task RefusedSegmentationIsSwitchedOffAndNothingIsLost()
    {
        if (Engine != UdpEngine.Linux)
        {
            return;
        }

        // A socket without checksums cannot segment: the kernel says EINVAL, as a device may say EIO.
        UdpLinkOptions options = Options with
        {
            ConfigureSocket = static socket =>
                socket.SetRawSocketOption(SolSocket, SoNoChecksum, BitConverter.GetBytes(1)),
        };
        await using UdpLink server = BindLoopback();
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, options);
        Random random = new(3);
        byte[][] payloads = [.. Enumerable.Range(0, 100).Select(i => Payload(random, i < 3 ? 100 - i : 700, i))];
        await AssertEchoAsync(client, server, payloads);
        await AssertEchoAsync(client, server, payloads);
        Assert.False(client.Statistics.SendOffload);
        Assert.Equal(200, client.Statistics.DatagramsSent);
        Assert.Equal(0, client.Statistics.SendRefused);
    }

    [Fact]
    public async Task AFewDatagramsDoNotKeepABlock()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await client.SendAsync(Pool, [.. Enumerable.Range(0, 5).Select(_ => new byte[1350])]);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(5);
        Assert.All(received, buffer =>
        {
            PacketSlice slice = buffer.Slice();
            Assert.Equal(PacketPool.DefaultBufferSize, slice.RetainedBytes);
            slice.Release();
        });
        Release(received);
    }

    [Fact]
    public async Task AStalledReaderPinsNoMoreThanTheLimitAndLosesNothing()
    {
        UdpLinkOptions options = Options with { MaxReceiveBlocks = 3 };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), options);
        await using UdpLink client = Connect(server);
        Random random = new(5);
        List<byte[]> sent = [];
        List<PacketBuffer> unread = [];
        for (int burst = 0; burst < 20; burst++)
        {
            byte[][] payloads = [.. Enumerable.Range(0, 40).Select(i => Payload(random, 1350, i))];
            await client.SendAsync(Pool, payloads);
            sent.AddRange(payloads);
            unread.AddRange(await server.ReceiveExactlyAsync(40));
            Assert.InRange(server.Statistics.ReceiveBlocks, 0, 3);
        }

        if (server.Statistics.ReceiveOffload)
        {
            Assert.Equal(3, server.Statistics.ReceiveBlocks);
            Assert.InRange(server.Statistics.ReceiveBlocksCopied, 1, 20);
        }

        AssertPayloads([.. sent], [.. unread]);
        Release(unread);
    }

    [Fact]
    public async Task AReaderThatKeepsUpNeedsFewBlocks()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        for (int burst = 0; burst < 50; burst++)
        {
            await client.SendAsync(Pool, [.. Enumerable.Range(0, 40).Select(_ => new byte[1350])]);
            Release(await server.ReceiveExactlyAsync(40));
        }

        Assert.InRange(server.Statistics.ReceiveBlocks, 0, 6);
        Assert.Equal(0, server.Statistics.ReceiveBlocksCopied);
    }

    [Fact]
    public async Task ViewsOutliveTheLink()
    {
        UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        Random random = new(4);
        byte[][] payloads = [.. Enumerable.Range(0, 60).Select(i => Payload(random, 1350, i))];
        await client.SendAsync(Pool, payloads);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(60);
        await server.DisposeAsync();
        AssertPayloads(payloads, received);
        Release(received);
    }

    [Fact]
    public async Task DisposeReleasesWhatWasReceivedButNotTaken()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await client.SendAsync(Pool, [.. Enumerable.Range(0, 60).Select(_ => new byte[1350])]);
        Release(await server.ReceiveExactlyAsync(1, batch: 1));
    }

    [Fact]
    public async Task KernelDropsAreCounted()
    {
        if (Engine != UdpEngine.Linux)
        {
            return;
        }

        UdpLinkOptions options = Options with { ReceiveBufferSize = 4096, SegmentationOffload = false };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), options);
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        sender.Connect(server.LocalEndPoint);
        for (int i = 0; i < 100; i++)
        {
            sender.Send(new byte[1000]);
        }

        // The count comes with the next datagram that finds room.
        PacketBuffer[] buffers = new PacketBuffer[128];
        int before = await server.ReceiveAsync(buffers).AsTask().WaitAsync(Patience);
        Release(buffers.Take(before));
        while (server.Statistics.KernelDropped == 0)
        {
            sender.Send([1]);
            int count = await server.ReceiveAsync(buffers).AsTask().WaitAsync(Patience);
            Release(buffers.Take(count));
        }

        Assert.InRange(server.Statistics.KernelDropped, 1, 100 - before);
    }
}

/// <summary>The same without UDP_SEGMENT and UDP_GRO.</summary>
public sealed class LinuxUdpLinkWithoutOffloadTests : UdpLinkTests
{
    protected override UdpLinkOptions EngineOptions => new()
    {
        Engine = OperatingSystem.IsLinux() ? UdpEngine.Linux : UdpEngine.Portable,
        SegmentationOffload = false,
    };

    [Fact]
    public async Task OffloadIsOff()
    {
        await using UdpLink link = BindLoopback();
        Assert.False(link.Statistics.SendOffload);
        Assert.False(link.Statistics.ReceiveOffload);
    }
}
