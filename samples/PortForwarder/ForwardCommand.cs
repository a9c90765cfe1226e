using Causeway.Forwarding;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Telemetry;

namespace Causeway.PortForwarder;

/// <summary><c>causeway client</c> and <c>causeway server</c>: kcptun's flags in, a running forwarder out.</summary>
internal static class ForwardCommand
{
    // How long forwards may go on after a signal to stop. Closing takes 3 s more at most, so stopping takes 5 s.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    public static async Task<int> RunClientAsync(string[] args, TextWriter output, TextWriter error, CancellationToken stop)
    {
        KcptunCommandLine<KcptunClientConfig> line = KcptunClientConfig.ParseFlags(args, EnvironmentKey());
        if (line.Config is not { } config)
        {
            return Answer(line.Command, KcptunClientConfig.Help, output);
        }

        ForwardEndPoint local = ParseEndPoint(config.LocalAddress, "localaddr");
        using LineLog log = LineLog.Open(config.Log, error, TimeProvider.System);
        using KcptunProfile profile = new(config);
        await using ForwardClient client = ForwardClient.Start(new ForwardClientOptions
        {
            Listen = local,
            Connection = () => profile.NewClientOptions() with { LoggerFactory = log },
            Connections = config.Connections,
            AutoExpire = TimeSpan.FromSeconds(config.AutoExpire),
            ScavengeTtl = TimeSpan.FromSeconds(config.ScavengeTtl),
            CloseWait = TimeSpan.FromSeconds(config.CloseWait),
            Quiet = config.Quiet,
            Logger = log,
        });
        WriteWarnings(profile, error);
        log.Start(
        [
            .. config.StartupLines(CommandLine.Version, client.LocalEndPoint.ToString() ?? config.LocalAddress),
            .. KeyDerivation,
        ]);
        await RunAsync(profile, () => CounterMap.ToKcptun(client.Statistics, profile, isClient: true), log, stop).ConfigureAwait(false);
        await client.StopAsync(s_grace).ConfigureAwait(false);
        return CommandLine.Success;
    }

    public static async Task<int> RunServerAsync(string[] args, TextWriter output, TextWriter error, CancellationToken stop)
    {
        KcptunCommandLine<KcptunServerConfig> line = KcptunServerConfig.ParseFlags(args, EnvironmentKey());
        if (line.Config is not { } config)
        {
            return Answer(line.Command, KcptunServerConfig.Help, output);
        }

        ForwardEndPoint target = ParseEndPoint(config.Target, "target");
        using LineLog log = LineLog.Open(config.Log, error, TimeProvider.System);
        using KcptunProfile profile = new(config);
        await using ForwardServer server = await ForwardServer.StartAsync(
            new ForwardServerOptions
            {
                Listeners = [.. profile.NewListenerOptions().Select(listener => listener with { LoggerFactory = log })],
                Target = target,
                CloseWait = TimeSpan.FromSeconds(config.CloseWait),
                Quiet = config.Quiet,
                Logger = log,
            },
            stop).ConfigureAwait(false);
        WriteWarnings(profile, error);
        log.Start(
        [
            .. config.StartupLines(CommandLine.Version),
            .. KeyDerivation,
            .. server.LocalEndPoints.Select(static endPoint => $"Listening on: {endPoint}/udp"),
        ]);
        await RunAsync(profile, () => CounterMap.ToKcptun(server.Statistics, profile, isClient: false), log, stop).ConfigureAwait(false);
        await server.StopAsync(s_grace).ConfigureAwait(false);
        return CommandLine.Success;
    }

    // Done before the ports are opened, so that nothing is logged by a command that cannot start; told in the usual place.
    private static IEnumerable<string> KeyDerivation => ["initiating key derivation", "key derivation done"];

    private static string? EnvironmentKey() => Environment.GetEnvironmentVariable("KCPTUN_KEY");

    private static int Answer(KcptunCommand command, string help, TextWriter output)
    {
        output.Write(command == KcptunCommand.Help ? help : $"kcptun version {CommandLine.Version} (causeway)\n");
        return CommandLine.Success;
    }

    /// <summary>Runs until a signal comes.</summary>
    private static async Task RunAsync(KcptunProfile profile, Func<KcptunCounters> counters, LineLog log, CancellationToken stop)
    {
        using SnmpLogWriter? writer = profile.Config.SnmpLog.Length == 0 ? null : new SnmpLogWriter(
            profile.Config.SnmpLog,
            TimeSpan.FromSeconds(profile.Config.SnmpPeriod),
            counters,
            problem => log.Write($"snmplog: {problem.Message}"),
            TimeProvider.System);
        using StopSignals signals = new(() => log.Write(counters().ToString()), stop);
        await signals.Stopped.ConfigureAwait(false);
    }

    private static ForwardEndPoint ParseEndPoint(string text, string option)
    {
        try
        {
            return ForwardEndPoint.Parse(text);
        }
        catch (FormatException problem)
        {
            throw new KcptunConfigException($"{option} is \"{text}\"; {problem.Message}", problem);
        }
    }

    /// <summary>Weaknesses of a configuration go to the terminal even if the log goes to a file.</summary>
    private static void WriteWarnings(KcptunProfile profile, TextWriter error)
    {
        foreach (string warning in profile.Config.Warnings)
        {
            error.WriteLine($"warning: {warning}");
        }

        if (!profile.Crypt.Authenticates)
        {
            error.WriteLine(
                $"warning: crypt {profile.Crypt.Name} does not authenticate what it carries: who sees packets can replay or change "
                + "them; aes-128-gcm does");
        }

        error.Flush();
    }
}
