using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Arq;
using Causeway.Protocol.Arq.Congestion;
using Causeway.Protocol.Mux;

namespace Causeway.Tests;

/// <summary>A connection that has reached its steady state leaves the garbage collector nothing to do.</summary>
// Counts what the whole process allocates, so nothing else may run meanwhile.
[Collection("Alone")]
public sealed class SteadyStateTests
{
    // Each takes at least four turns of a shard: to send and to receive, at both ends.
    private const int RoundTrips = 2500;

    // One object for each datagram would be 360 000 bytes at least. What there is does not depend on their number: the
    // framework keeps one box of a pooled async method for each thread and core, and an unlucky interleaving, more likely
    // the busier the machine, makes another one.
    private const long Noise = 64 * 1024;

    [Theory]
    [InlineData(UdpEngine.Auto)]
    [InlineData(UdpEngine.Portable)]
    public async Task TenThousandTurnsAllocateNothing(UdpEngine engine)
    {
        await using Pair pair = await Pair.ConnectAsync(engine);
        Task echo = EchoAsync(pair.Server);
        byte[] buffer = new byte[3000];
        await RequestAsync(pair.Client, buffer, RoundTrips).Guarded();

        // Pools grow to what the unluckiest interleaving of threads needs: a second try finds them grown.
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 5 && allocated > Noise; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await RequestAsync(pair.Client, buffer, RoundTrips).Guarded();
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        pair.Client.CompleteWrites();
        await echo.Guarded();
        Assert.True(allocated <= Noise, $"{RoundTrips} round trips allocated {allocated} bytes.");
    }

    [Theory]
    [InlineData(UdpEngine.Auto)]
    [InlineData(UdpEngine.Portable)]
    public async Task BulkDataCausesNoCollection(UdpEngine engine)
    {
        const int Megabytes = 64;
        await using Pair pair = await Pair.ConnectAsync(engine);
        await TransferAsync(pair, Megabytes).Guarded();
        int before = GC.CollectionCount(0);
        await TransferAsync(pair, Megabytes).Guarded();
        Assert.Equal(before, GC.CollectionCount(0));
    }

    private static async Task RequestAsync(CausewayStream stream, byte[] buffer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await stream.WriteAsync(buffer);
            await stream.ReadExactlyAsync(buffer);
        }
    }

    private static async Task EchoAsync(CausewayStream stream)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static async Task TransferAsync(Pair pair, int megabytes)
    {
        byte[] sent = new byte[64 * 1024];
        byte[] received = new byte[64 * 1024];
        Task writing = WriteAsync(pair.Client, sent, megabytes * 16);
        for (long left = megabytes * 1024L * 1024; left > 0;)
        {
            left -= await pair.Server.ReadAsync(received);
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
        public static async Task<Pair> ConnectAsync(UdpEngine engine)
        {
            // As the forwarder runs: where an application's code resumes on the pool, a box of the framework's may be made for
            // a hop of threads. Windows of fixed size: those that set themselves let the pools grow for as long as they do.
            TransportProfile profile = new()
            {
                CongestionControl = static _ => new FixedController(),
                Arq = new ArqOptions { SendWindow = 1024, ReceiveWindow = 1024 },
                Mux = new SmuxOptions { ReceiveBuffer = 4 << 20, StreamBuffer = 2 << 20 },
            };
            UdpLinkOptions udp = new() { Engine = engine };
            CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                Profile = profile,
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                Udp = udp,
                UnsafePreferInlineScheduling = true,
            });
            CausewayConnection connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
            {
                Profile = profile,
                RemoteEndPoint = listener.LocalEndPoint,
                Udp = udp,
                UnsafePreferInlineScheduling = true,
            });
            CausewayStream client = await connection.OpenStreamAsync();
            CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
            return new Pair(listener, connection, client, await server.AcceptStreamAsync().Guarded());
        }

        public async ValueTask DisposeAsync()
        {
            await Connection.DisposeAsync();
            await Listener.DisposeAsync();
        }
    }
}
