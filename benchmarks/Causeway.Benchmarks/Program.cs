using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Heap;
using Causeway.Benchmarks.Link;
using Causeway.Benchmarks.Load;
using Causeway.Benchmarks.Memory;
using Causeway.Benchmarks.Micro;
using Causeway.Benchmarks.Plots;
using Causeway.Benchmarks.Report;
using Causeway.Benchmarks.Simulate;
using Causeway.Benchmarks.Tunnel;

const string Help = """
    Usage: Causeway.Benchmarks COMMAND [options]

      tunnel   our forwarder and any peer's over loopback: throughput, connections, latency, memory
      link     the same programs through an emulated link: goodput, cost on the wire, latency of requests
      heap     what a tunnel leaves to the garbage collector
      memory   what idle sessions cost a server, and what a burst leaves behind
      micro    the parts by themselves, with BenchmarkDotNet
      plot     images of what tunnel and link measured
      engine   two QUIC sessions back to back in memory: rate, cost of a packet, allocation
      fec      forward error correction for requests, datagrams and bulk, in virtual time
      simulate an engine over random networks in virtual time, by the thousand
      report   measures all that docs/performance.md shows and rewrites its tables and images

    COMMAND --help lists its options.
    """;

try
{
    switch (args)
    {
        case ["tunnel", ..]:
            return TunnelCommand.Run(args.AsSpan(1));
        case ["link", ..]:
            return LinkCommand.Run(args.AsSpan(1));
        case ["heap", ..]:
            return HeapCommand.Run(args.AsSpan(1));
        case ["memory", ..]:
            return MemoryCommand.Run(args.AsSpan(1));
        case ["micro", ..]:
            return MicroCommand.Run(args.AsSpan(1));
        case ["engine", ..]:
            return EngineCommand.Run(args.AsSpan(1));
        case ["simulate", ..]:
            return SimulateCommand.Run(args.AsSpan(1));
        case ["fec", ..]:
            return FecCommand.Run(args.AsSpan(1));
        case ["plot", ..]:
            return PlotCommand.Run(args.AsSpan(1));
        case ["report", ..]:
            return ReportCommand.Run(args.AsSpan(1));
        case ["--help" or "-h" or "help"]:
            Console.WriteLine(Help);
            return 0;
        case []:
            throw new UsageException("which command? --help lists them");
        default:
            throw new UsageException($"there is no command '{args[0]}'; --help lists them");
    }
}
catch (UsageException error)
{
    Console.Error.WriteLine($"error: {error.Message}");
    return 2;
}
catch (MeasureException failure)
{
    Console.Error.WriteLine($"error: {failure.Message}");
    return 1;
}
