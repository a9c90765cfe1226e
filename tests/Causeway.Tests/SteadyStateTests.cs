using System.Net;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Smux;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;

namespace Causeway.Tests;

/// <summary>A connection that has reached its steady state leaves the garbage collector nothing to do.</summary>
// Counts what the whole process allocates, so nothing else may run meanwhile.
[Collection("Alone")]
public sealed class SteadyStateTests
{
    private const int RoundTrips = 10_000;

    // One object for every thirty round trips would be more. What there is does not depend on their number: the task and the
    // timer that this test waits with, and the framework's boxes of the methods by which a link waits, one for each thread
    // and core, of which an unlucky interleaving makes another one.
    private const long Noise = 8 * 1024;

    [Theory]
    [InlineData(Wire.Kcp, null, false)]
    [InlineData(Wire.Kcp, null, true)]
    [InlineData(Wire.Kcp, UdpEngine.Auto, false)]
    [InlineData(Wire.Kcp, UdpEngine.Auto, true)]
    [InlineData(Wire.Kcp, UdpEngine.Portable, false)]
    [InlineData(Wire.Kcp, UdpEngine.Portable, true)]
    [InlineData(Wire.Quic, null, false)]
    [InlineData(Wire.Quic, null, true)]
    [InlineData(Wire.Quic, UdpEngine.Auto, false)]
    [InlineData(Wire.Quic, UdpEngine.Auto, true)]
    [InlineData(Wire.Quic, UdpEngine.Portable, false)]
    [InlineData(Wire.Quic, UdpEngine.Portable, true)]
    public async Task TenThousandRoundTripsAllocateNothing(Wire wire, UdpEngine? engine, bool inline)
    {
        await using Pair pair = await Pair.ConnectAsync(wire, engine, inline);
        Task echo = EchoAsync(pair.Server);
        byte[] buffer = new byte[3000];

        // Pools grow to what the unluckiest interleaving of threads needs: a later try finds them grown.
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 10 && allocated > Noise; attempt++)
        {
            Task requests = RequestAsync(pair.Client, buffer, RoundTrips);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await requests.Guarded();
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        pair.Client.CompleteWrites();
        await echo.Guarded();
        Assert.True(allocated <= Noise, $"{RoundTrips} round trips allocated {allocated} bytes.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TenThousandDatagramsThereAndBackAllocateNothing(bool inline)
    {
        await using Pair pair = await Pair.ConnectAsync(Wire.Quic, engine: null, inline);
        CausewayConnection server = pair.Server.Connection;
        Task echo = EchoAsync();
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 10 && allocated > Noise; attempt++)
        {
            Task requests = RequestAsync();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await requests.Guarded();
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        await pair.Connection.DisposeAsync();
        await Assert.ThrowsAsync<TransportException>(() => echo.Guarded());
        Assert.True(allocated <= Noise, $"{RoundTrips} round trips allocated {allocated} bytes.");

        async Task RequestAsync()
        {
            byte[] buffer = new byte[1000];
            for (int i = 0; i < RoundTrips; i++)
            {
                await pair.Connection.SendDatagramAsync(buffer);

                // Not Assert.Equal, which allocates.
                if (await pair.Connection.ReceiveDatagramAsync(buffer) != buffer.Length)
                {
                    Assert.Fail("A datagram came back with another length.");
                }
            }
        }

        async Task EchoAsync()
        {
            byte[] buffer = new byte[2000];
            while (true)
            {
                int length = await server.ReceiveDatagramAsync(buffer);
                await server.SendDatagramAsync(buffer.AsMemory(0, length));
            }
        }
    }

    [Theory]
    [InlineData(Wire.Kcp, UdpEngine.Auto)]
    [InlineData(Wire.Kcp, UdpEngine.Portable)]
    [InlineData(Wire.Quic, UdpEngine.Auto)]
    [InlineData(Wire.Quic, UdpEngine.Portable)]
    public async Task BulkDataCausesNoCollection(Wire wire, UdpEngine engine)
    {
        const int Megabytes = 64;
        await using Pair pair = await Pair.ConnectAsync(wire, engine, inline: true);
        byte[] sent = new byte[64 * 1024];
        byte[] received = new byte[64 * 1024];

        // The first attempts may collect: pools still grow to what the unluckiest interleaving of threads needs, and whatever ran
        // before has used up part of the budget after which the runtime collects. The bytes are the sharper measure: an object
        // for each datagram would need several attempts before it causes a collection.
        int collections = int.MaxValue;
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 20 && (collections > 0 || allocated > Noise); attempt++)
        {
            int collectionsBefore = GC.CollectionCount(0);
            long allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
            await TransferAsync(pair, sent, received, Megabytes).Guarded();
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore;
            collections = GC.CollectionCount(0) - collectionsBefore;
        }

        Assert.True(collections == 0 && allocated <= Noise, $"{Megabytes} MiB: {collections} collections, {allocated} bytes allocated.");
    }

    private static async Task RequestAsync(CausewayStream stream, byte[] buffer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await stream.WriteAsync(buffer);

            // Not ReadExactlyAsync: the framework's method takes a box for its state from a cache of the thread that it is called on,
            // and leaves it in that of the thread that it goes on on.
            for (int left = buffer.Length; left > 0;)
            {
                left -= NotTheEnd(await stream.ReadAsync(buffer.AsMemory(buffer.Length - left)));
            }
        }
    }

    // A test that has failed disposes its streams: reading on would never end, and on the shard keep the process from ending.
    private static int NotTheEnd(int count) => count > 0 ? count : throw new EndOfStreamException("The stream ended before everything had come.");

    private static async Task EchoAsync(CausewayStream stream)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static async Task TransferAsync(Pair pair, byte[] sent, byte[] received, int megabytes)
    {
        Task writing = WriteAsync(pair.Client, sent, megabytes * 16);
        for (long left = megabytes * 1024L * 1024; left > 0;)
        {
            left -= NotTheEnd(await pair.Server.ReadAsync(received));
        }

        await writing;

        static async Task WriteAsync(CausewayStream stream, byte[] block, int count)
        {
            for (int i = 0; i < count; i++)
            {
                await stream.WriteAsync(block);
            }
        }
    }

    /// <summary>Two connections over real sockets, with one stream.</summary>
    private sealed record Pair(CausewayListener Listener, CausewayConnection Connection, CausewayStream Client, CausewayStream Server)
        : IAsyncDisposable
    {
        /// <param name="wire">The profile's kind.</param>
        /// <param name="engine">How datagrams go through sockets; null for a link in memory.</param>
        /// <param name="inline">Whether applications resume on the shard, as the forwarder's do.</param>
        public static async Task<Pair> ConnectAsync(Wire wire, UdpEngine? engine, bool inline)
        {
            // Windows of fixed size: those that set themselves let the pools grow for as long as they do.
            TransportProfile profile = wire == Wire.Quic ? Wires.Quic with { CongestionControl = static _ => new FixedController() } : new KcpProfile
            {
                CongestionControl = static _ => new FixedController(),
                Arq = new ArqOptions { SendWindow = 1024, ReceiveWindow = 1024 },
                Mux = new SmuxOptions { ReceiveBuffer = 4 << 20, StreamBuffer = 2 << 20 },
            };
            UdpLinkOptions udp = new() { Engine = engine ?? UdpEngine.Auto };
            (InMemoryLink First, InMemoryLink Second)? links = engine is null ? InMemoryLink.CreatePair() : null;
            CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                Profile = profile,
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                Udp = udp,
                CreateLink = links is { } server ? _ => server.Second : null,
                UnsafePreferInlineScheduling = inline,
            });
            CausewayConnection connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
            {
                Profile = profile,
                RemoteEndPoint = listener.LocalEndPoint,
                Udp = udp,
                CreateLink = links is { } client ? _ => client.First : null,
                UnsafePreferInlineScheduling = inline,
            });
            CausewayStream stream = await connection.OpenStreamAsync();
            CausewayConnection accepted = await listener.AcceptConnectionAsync().Guarded();
            return new Pair(listener, connection, stream, await accepted.AcceptStreamAsync().Guarded());
        }

        public async ValueTask DisposeAsync()
        {
            await Connection.DisposeAsync();
            await Listener.DisposeAsync();
        }
    }
}
