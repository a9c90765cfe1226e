using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;
using Causeway.Forwarding;
using Causeway.Kcp.Arq;
using Causeway.Kcptun;

namespace Causeway.Benchmarks.Heap;

/// <summary><c>heap</c>: what bulk transfers through a tunnel leave to the garbage collector.</summary>
internal static class HeapCommand
{
    private const string Help = $"""
        Usage: heap [options]

        Runs both ends of a tunnel in this process, since only from inside can one see its heap, and shows what is allocated
        and how often each generation is collected while that much goes through. The load allocates nothing.

          --size MB             payload that is measured (1000)
          --warm-up MB          payload before it (200)
          --streams N           TCP connections at a time (1)
          --direction DIR       down or up (down)
        {TunnelSettings.Help}
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        TunnelSettings settings = TunnelSettings.From(options);
        long size = options.Integer("size", 1000) * 1_000_000L;
        long warmUp = options.Integer("warm-up", 200) * 1_000_000L;
        int streams = options.Integer("streams", 1, 1, 1000);
        bool upload = options.Choices("direction", "down", "down", "up")[0] == "up";
        RunAsync(settings, size, warmUp, streams, upload).GetAwaiter().GetResult();
        return 0;
    }

    private static async Task RunAsync(TunnelSettings settings, long size, long warmUp, int streams, bool upload)
    {
        using TcpTarget target = new(streams);
        using KcptunProfile profile = new(settings.ToConfig("heap"));
        await using ForwardServer server = await ForwardServer.StartAsync(new ForwardServerOptions
        {
            Listeners =
            [
                new CausewayListenerOptions
                {
                    Profile = profile.Transport,
                    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                    UnsafePreferInlineScheduling = true,
                },
            ],
            Target = ForwardEndPoint.From(target.EndPoint),
        });
        await using ForwardClient client = ForwardClient.Start(new ForwardClientOptions
        {
            Listen = ForwardEndPoint.From(new IPEndPoint(IPAddress.Loopback, 0)),
            Connection = () => new CausewayClientOptions
            {
                Profile = profile.Transport,
                RemoteEndPoint = server.LocalEndPoints[0],
                UnsafePreferInlineScheduling = true,
            },
        });

        List<Socket> sockets = [];
        List<Thread> threads = [];
        long drained = 0;
        try
        {
            for (int i = 0; i < streams; i++)
            {
                Socket socket = TcpLoad.Connect((IPEndPoint)client.LocalEndPoint);
                sockets.Add(socket);
                socket.Send([upload ? TcpLoad.DrainRequest : TcpLoad.FloodRequest]);
                threads.Add(TcpLoad.Start(upload ? () => TcpLoad.Flood(socket) : () => TcpLoad.Drain(socket, ref drained)));
            }

            long Received() => upload ? target.Received : Interlocked.Read(ref drained);
            WaitFor(Received, warmUp);
            HeapCounters before = HeapCounters.Now();
            long begun = Received();
            WaitFor(Received, begun + size);
            HeapCounters used = HeapCounters.Now() - before;
            double moved = Received() - begun;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"moved {moved / 1e6:0} MB; allocated {used.Allocated / 1e3:0} KB ({used.Allocated / (moved / 1e9) / 1e3:0} KB/GB); "
                + $"collections: generation 0 {used.Generation0}, 1 {used.Generation1}, 2 {used.Generation2}"));
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
            threads.ForEach(static thread => thread.Join());
        }
    }

    private static void WaitFor(Func<long> received, long bytes)
    {
        long last = -1;
        for (int quiet = 0; received() < bytes;)
        {
            Thread.Sleep(5);
            long now = received();
            quiet = now == last ? quiet + 1 : 0;
            last = now;
            if (quiet > 2000)
            {
                throw new MeasureException("no byte came through for ten seconds");
            }
        }
    }
}
