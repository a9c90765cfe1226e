using BenchmarkDotNet.Running;
using Causeway.Benchmarks.Tunnel;

if (args is ["tunnel", .. string[] rest])
{
    return await TunnelCommand.RunAsync(rest);
}

BenchmarkSwitcher.FromAssembly(typeof(TunnelCommand).Assembly).Run(args);
return 0;
