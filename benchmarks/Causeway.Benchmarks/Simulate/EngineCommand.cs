using System.Diagnostics;
using System.Globalization;
using Causeway.Benchmarks.Harness;
using Causeway.Quic;
using Causeway.Quic.Tests.Simulation;

namespace Causeway.Benchmarks.Simulate;

/// <summary><c>engine</c>: what the work of two QUIC sessions costs, back to back in memory.</summary>
internal static class EngineCommand
{
    private const string Help = """
        Usage: engine [options]

        A QUIC client sends to a server in the same thread, with keys and without sockets: the rate, what a packet costs each end,
        and what is left to the garbage collector. Both ends on one core.

          --size MB             payload (1000)
          --streams N           at a time (1)
          --window PACKETS      that are in flight (512)
          --datagram BYTES      of the largest datagram (1350)
          --fec STATE           forward error correction, on or off; it is idle while nothing is lost (on)
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        int datagram = options.Integer("datagram", 1350, 1200, 2048);
        int window = options.Integer("window", 512, 32, 65536);
        long size = options.Integer("size", 1000) * 1_000_000L;
        using QuicLoop loop = new((long)window * datagram, datagram, options.Choices("fec", "on", "on", "off")[0] == "off" ? QuicFecOptions.Off : null);
        loop.Open(options.Integer("streams", 1, 1, 1024));
        loop.Run(100_000, Math.Max(0, window - 64));
        (long read, long packets) = (loop.Read, loop.Packets);
        (long client, long server) = (loop.ClientTicks, loop.ServerTicks);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        while (loop.Read - read < size)
        {
            loop.Run(1000, Math.Max(0, window - 64));
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        double nanoseconds = 1e9 / Stopwatch.Frequency / (loop.Packets - packets);
        (client, server) = (loop.ClientTicks - client, loop.ServerTicks - server);
        double gigabits = (loop.Read - read) * 8.0 / ((client + server) * 1e9 / Stopwatch.Frequency);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{gigabits:F2} Gbit/s on one core; sender {client * nanoseconds:F0} ns a packet, receiver {server * nanoseconds:F0}; {allocated} bytes allocated"));
        return 0;
    }
}
