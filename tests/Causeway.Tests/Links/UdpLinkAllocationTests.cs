using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Tests.Links;

/// <summary>Counts what the whole process allocates, so nothing else may run.</summary>
[CollectionDefinition("Alone", DisableParallelization = true)]
public sealed class AloneCollection;

[Collection("Alone")]
public sealed class UdpLinkAllocationTests
{
    private const int MaxSegments = 100;
    private const int RoundsPerSegment = 300;

    // The smallest object takes 24 bytes: this is less than one for every tenth operation, so none is made for each.
    private const double AllowedBytesPerOperation = 2.4;

    public static TheoryData<UdpEngine, bool> Engines()
    {
        TheoryData<UdpEngine, bool> engines = new() { { UdpEngine.Portable, false } };
        if (OperatingSystem.IsLinux())
        {
            engines.Add(UdpEngine.Linux, true);
            engines.Add(UdpEngine.Linux, false);
        }

        return engines;
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task NothingIsAllocatedForADatagram(UdpEngine engine, bool offload)
    {
        const int Batch = 32;
        await AssertNothingIsAllocatedAsync(engine, offload, Batch, receiveFirst: false);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public Task NothingIsAllocatedForAWait(UdpEngine engine, bool offload) =>
        AssertNothingIsAllocatedAsync(engine, offload, batch: 1, receiveFirst: true);

    // One segment has to be free of it: what is made once (a pool that grows, a method that is compiled again, a box for
    // each further thread of a busy machine) hits some of them, what is made each time hits all.
    private static async Task AssertNothingIsAllocatedAsync(UdpEngine engine, bool offload, int batch, bool receiveFirst)
    {
        double allowed = RoundsPerSegment * batch * AllowedBytesPerOperation;
        UdpLinkOptions options = new() { Engine = engine, SegmentationOffload = offload, Pool = new PacketPool() };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), options);
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, options);
        PacketBuffer[] sent = new PacketBuffer[batch];
        PacketBuffer[] received = new PacketBuffer[batch];
        FillPool(options.Pool);
        long least = long.MaxValue;
        for (int segment = 0; segment < MaxSegments && least >= allowed; segment++)
        {
            long start = GC.GetTotalAllocatedBytes(precise: true);
            for (int round = 0; round < RoundsPerSegment; round++)
            {
                options.Pool.Rent(sent);
                foreach (PacketBuffer datagram in sent)
                {
                    datagram.Append(1350);
                }

                // Awaited bare: AsTask and friends would allocate themselves.
                ValueTask<int> receive = receiveFirst ? server.ReceiveAsync(received) : default;
                await client.SendAsync(sent);
                int count = await receive;
                Release(received.AsSpan(0, count));
                while (count < batch)
                {
                    int more = await server.ReceiveAsync(received);
                    Release(received.AsSpan(0, more));
                    count += more;
                }

                Release(sent);
            }

            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - start);
        }

        Assert.True(least < allowed, $"{least} bytes in {RoundsPerSegment * batch} operations");
    }

    // Each thread caches returned buffers of its own before others get them, and any pool thread may come along.
    private static void FillPool(PacketPool pool)
    {
        PacketBuffer[] buffers = new PacketBuffer[4096];
        pool.Rent(buffers);
        Release(buffers);
    }

    private static void Release(ReadOnlySpan<PacketBuffer> buffers)
    {
        foreach (PacketBuffer buffer in buffers)
        {
            buffer.Release();
        }
    }
}
