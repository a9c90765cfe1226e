using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Benchmarks.Tunnel;

/// <summary>What one run measured.</summary>
internal sealed record TunnelResult(double MegabitsPerSecond, double CpuSecondsPerGigabyte, double PeakMegabytes);

/// <summary>One bulk transfer through a fresh tunnel: a warm-up, then a measured interval.</summary>
internal static class TunnelRun
{
    private const int BufferSize = 256 * 1024;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1.5);

    public static async Task<TunnelResult> MeasureAsync(TunnelProgram program, int streams, bool upload, double seconds)
    {
        using Socket target = new(SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen(512);
        using CancellationTokenSource end = new();
        Counter received = new();
        Task serving = ServeAsync(target, upload, received, end.Token);
        using RunningTunnel tunnel = await program.StartAsync((IPEndPoint)target.LocalEndPoint!);
        List<Task> clients = [];
        for (int i = 0; i < streams; i++)
        {
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(tunnel.Entrance);

            // A byte that says "begin" opens the stream at the far end, which a silent connection need not do.
            await socket.SendAsync(new byte[] { 1 });
            clients.Add(Task.Run(() => upload ? FloodAsync(socket, end.Token) : DrainAsync(socket, received, end.Token)));
        }

        await Task.Delay(s_warmUp);
        long bytes = received.Value;
        double cpu = tunnel.CpuSeconds;
        long begun = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        double elapsed = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        bytes = received.Value - bytes;
        cpu = tunnel.CpuSeconds - cpu;
        double peak = tunnel.PeakMegabytes;
        await end.CancelAsync();
        await Task.WhenAll([.. clients, serving]);
        return new TunnelResult(bytes * 8 / 1e6 / elapsed, cpu / (bytes / 1e9), peak);
    }

    private static async Task ServeAsync(Socket target, bool upload, Counter received, CancellationToken end)
    {
        List<Task> all = [];
        try
        {
            while (true)
            {
                Socket socket = await target.AcceptAsync(end);
                all.Add(Task.Run(() => upload ? DrainAsync(socket, received, end) : AnswerAsync(socket, end), CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(all);
        }
    }

    private static async Task AnswerAsync(Socket socket, CancellationToken end)
    {
        try
        {
            if (await socket.ReceiveAsync(new byte[1], end) == 1)
            {
                await FloodAsync(socket, end);
            }
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            socket.Dispose();
        }
    }

    private static async Task FloodAsync(Socket socket, CancellationToken end)
    {
        using (socket)
        {
            byte[] buffer = new byte[BufferSize];
            Random.Shared.NextBytes(buffer);
            try
            {
                while (true)
                {
                    await socket.SendAsync(buffer, end);
                }
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                // The run is over, or the tunnel cut the connection: the bytes received tell which.
            }
        }
    }

    private static async Task DrainAsync(Socket socket, Counter received, CancellationToken end)
    {
        using (socket)
        {
            byte[] buffer = new byte[BufferSize];
            try
            {
                int count;
                while ((count = await socket.ReceiveAsync(buffer, end)) > 0)
                {
                    received.Add(count);
                }
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                // As above.
            }
        }
    }

    private sealed class Counter
    {
        private long _value;

        public long Value => Interlocked.Read(ref _value);

        public void Add(int count) => Interlocked.Add(ref _value, count);
    }
}
