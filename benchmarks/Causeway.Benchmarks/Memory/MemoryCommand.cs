using System.Globalization;
using System.Net;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;
using Causeway.Kcptun;

namespace Causeway.Benchmarks.Memory;

/// <summary><c>memory</c>: what idle sessions cost a server, and what a burst leaves behind.</summary>
internal static class MemoryCommand
{
    private const string Help = $"""
        Usage: memory [options]

        Runs a server in this process and its clients in another. Each client opens a session, exchanges a byte and falls silent:
        shows the heap that a session takes after a collection, right then and when pools have given back what a quiet minute did
        not need. Then some of them download at the same time: shows what is resident before, at most meanwhile, right after, and
        after the same time of quiet, without a collection that this command asked for.

          --sessions N          idle sessions (1000)
          --settle S            time of quiet; pools have given back after 90 at the latest (100)
          --burst N             sessions that download together (40)
          --size MB             what each downloads (4)
          --times N             how often they do, one after the other (3)
          --clients-of PORT     be the clients of such a server; the command starts this by itself
        {TunnelSettings.Help}

        Linux: resident memory is read from /proc.
        """;

    // Of the runtime, the listener and its first pools, before sessions are counted.
    private const int FirstSessions = 3;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        TunnelSettings settings = TunnelSettings.From(options);
        int sessions = options.Integer("sessions", 1000, 1, 20_000);
        int burst = Math.Min(options.Integer("burst", 40, 1, 20_000), sessions);
        using KcptunProfile profile = new(settings.ToConfig("memory"));
        if (options.Has("clients-of"))
        {
            int port = options.Integer("clients-of", 0, 1, 65535);
            MemoryClients.RunAsync(profile, port, sessions).GetAwaiter().GetResult();
            return 0;
        }

        Server server = new(profile, [.. args], TimeSpan.FromSeconds(options.Number("settle", 100)));
        server.RunAsync(sessions, burst, options.Integer("size", 4), options.Integer("times", 3)).GetAwaiter().GetResult();
        return 0;
    }

    private static double Resident() => ProcFile.Megabytes("/proc/self/status", "VmRSS:");

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private sealed class Server(KcptunProfile profile, string[] args, TimeSpan settle)
    {
        private readonly List<CausewayConnection> _connections = [];

        public async Task RunAsync(int sessions, int burst, int megabytes, int times)
        {
            await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                Profile = profile.Transport,
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            });
            int port = ((IPEndPoint)listener.LocalEndPoint).Port;
            using Child first = StartClients(port, FirstSessions);
            await AcceptAsync(listener, FirstSessions, first);
            long heap = Heap();
            double resident = Resident();

            using Child clients = StartClients(port, sessions);
            await AcceptAsync(listener, sessions, clients);
            double then = (Heap() - heap) / 1024.0 / sessions;
            double residentThen = Resident();
            await Task.Delay(settle);
            double later = (Heap() - heap) / 1024.0 / sessions;
            Print($"idle: {sessions} sessions; heap {then:0.0} KB each right after they came, {later:0.0} KB each after {settle.TotalSeconds:0} s");
            Print($"      resident {resident:0} MB before, {residentThen:0} MB right after, {Resident():0} MB after {settle.TotalSeconds:0} s");

            double before = Resident();
            double most = before;
            for (int i = 0; i < times; i++)
            {
                Task downloads = Task.WhenAll(_connections.Skip(FirstSessions).Take(burst).Select(one => SendAsync(one, megabytes)));
                while (!downloads.IsCompleted)
                {
                    await Task.WhenAny(downloads, Task.Delay(20));
                    most = Math.Max(most, Resident());
                }

                await downloads;
            }

            double after = Resident();
            await Task.Delay(settle);
            Print($"burst: {burst} sessions download {megabytes} MB each, {times} times; resident {before:0} MB before, {most:0} MB at most, {after:0} MB right after, {Resident():0} MB after {settle.TotalSeconds:0} s");
        }

        private static long Heap() => GC.GetTotalMemory(forceFullCollection: true);

        private static async Task SendAsync(CausewayConnection connection, int megabytes)
        {
            byte[] block = new byte[64 * 1024];
            await using CausewayStream stream = await connection.OpenStreamAsync();
            for (int i = 0; i < megabytes * 16; i++)
            {
                await stream.WriteAsync(block);
            }
        }

        private Child StartClients(int port, int sessions)
        {
            // As this process was started: by its own program, or as a library of dotnet.
            string program = Environment.ProcessPath!;
            string library = Environment.GetCommandLineArgs()[0];
            string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, library] : [program];
            return ChildProcesses.Start(
                [.. self, "memory", .. args, "--clients-of", port.ToString(CultureInfo.InvariantCulture), "--sessions", sessions.ToString(CultureInfo.InvariantCulture)]);
        }

        private async Task AcceptAsync(CausewayListener listener, int sessions, Child clients)
        {
            byte[] one = new byte[1];
            for (int i = 0; i < sessions; i++)
            {
                Task<CausewayConnection> accepting = listener.AcceptConnectionAsync().AsTask();
                if (await Task.WhenAny(accepting, Task.Delay(TimeSpan.FromSeconds(10))) != accepting)
                {
                    throw new MeasureException($"{i} of {sessions} sessions came: {clients.LastLine}");
                }

                CausewayConnection connection = await accepting;
                _connections.Add(connection);
                await using CausewayStream stream = await connection.AcceptStreamAsync();
                await stream.ReadExactlyAsync(one);
                await stream.WriteAsync(one);
            }
        }
    }
}
