using Causeway.Forwarding;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Telemetry;
using Causeway.PortForwarder.Output;

namespace Causeway.PortForwarder;

/// <summary><c>causeway kcptun client</c> and <c>server</c>: kcptun's flags in, a running forwarder out.</summary>
internal static class KcptunCommands
{
    // How long forwards may go on after a signal to stop. Closing takes 3 s more at most, so stopping takes 5 s.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    // For the last lines of the log; one that takes none is not waited for.
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    public static async Task<int> RunClientAsync(string[] args, TextWriter output, LineQueue errors, CancellationToken stop)
    {
        KcptunCommandLine<KcptunClientConfig> line = KcptunClientConfig.ParseFlags(args, EnvironmentKey());
        if (line.Config is not { } config)
        {
            return await AnswerAsync(line.Command, KcptunClientConfig.Help, output).ConfigureAwait(false);
        }

        ForwardEndPoint local = ParseEndPoint(config.LocalAddress, "localaddr");
        using LineLog log = LineLog.Open(config.Log, errors, TimeProvider.System);
        using KcptunProfile profile = new(config);
        await ForwardWarmUp.RunAsync(profile.Transport with { RateLimit = 0 }).ConfigureAwait(false);
        await using ForwardClient client = ForwardClient.Start(new ForwardClientOptions
        {
            MaxForwards = config.MaxForwards > 0 ? config.MaxForwards : ForwardOptions.DefaultMaxForwards,
            Listen = local,
            Connection = () => profile.NewClientOptions() with { LoggerFactory = log },
            Connections = config.Connections,
            AutoExpire = TimeSpan.FromSeconds(config.AutoExpire),
            ScavengeTtl = TimeSpan.FromSeconds(config.ScavengeTtl),
            CloseWait = TimeSpan.FromSeconds(config.CloseWait),
            HalfCloseLimit = HalfCloseLimit(config),
            Quiet = config.Quiet,
            Logger = log,
        });
        WriteWarnings(profile, errors);
        WarnOfOpenFiles(config.MaxForwards, client.MaxForwards, errors);
        log.Start(
        [
            .. config.StartupLines(CommandLine.Version, client.LocalEndPoint.ToString() ?? config.LocalAddress),
            Invariant($"max-forwards: {client.MaxForwards}"),
            .. KeyDerivation,
        ]);
        await RunAsync(profile, () => CounterMap.ToKcptun(client.Statistics, profile, isClient: true), log, stop).ConfigureAwait(false);
        await client.StopAsync(s_grace).ConfigureAwait(false);
        log.Flush(s_lastLines);
        return CommandLine.Success;
    }

    public static async Task<int> RunServerAsync(string[] args, TextWriter output, LineQueue errors, CancellationToken stop)
    {
        KcptunCommandLine<KcptunServerConfig> line = KcptunServerConfig.ParseFlags(args, EnvironmentKey());
        if (line.Config is not { } config)
        {
            return await AnswerAsync(line.Command, KcptunServerConfig.Help, output).ConfigureAwait(false);
        }

        ForwardEndPoint target = ParseEndPoint(config.Target, "target");
        using LineLog log = LineLog.Open(config.Log, errors, TimeProvider.System);
        using KcptunProfile profile = new(config);
        CausewayListenerOptions[] listeners =
        [
            .. profile.NewListenerOptions().Select(listener => listener with
            {
                LoggerFactory = log,
                MaxConnections = config.MaxConnections > 0
                    ? config.MaxConnections
                    : Math.Min(listener.MaxConnections, OpenFileLimit.Current ?? int.MaxValue),
            }),
        ];
        await ForwardWarmUp.RunAsync(profile.Transport with { RateLimit = 0 }).ConfigureAwait(false);
        await using ForwardServer server = await ForwardServer.StartAsync(
            new ForwardServerOptions
            {
                Listeners = listeners,
                MaxForwards = config.MaxForwards > 0 ? config.MaxForwards : ForwardOptions.DefaultMaxForwards,
                Target = target,
                CloseWait = TimeSpan.FromSeconds(config.CloseWait),
                HalfCloseLimit = HalfCloseLimit(config),
                Quiet = config.Quiet,
                Logger = log,
            },
            stop).ConfigureAwait(false);
        WriteWarnings(profile, errors);
        WarnOfOpenFiles(config.MaxForwards, server.MaxForwards, errors);
        log.Start(
        [
            .. config.StartupLines(CommandLine.Version),
            Invariant($"max-forwards: {server.MaxForwards} max-connections: {listeners[0].MaxConnections}"),
            .. KeyDerivation,
            .. server.LocalEndPoints.Select(static endPoint => $"Listening on: {endPoint}/udp"),
        ]);
        await RunAsync(profile, () => CounterMap.ToKcptun(server.Statistics, profile, isClient: false), log, stop).ConfigureAwait(false);
        await server.StopAsync(s_grace).ConfigureAwait(false);
        log.Flush(s_lastLines);
        return CommandLine.Success;
    }

    // Done before the ports are opened, so that nothing is logged by a command that cannot start; told in the usual place.
    private static IEnumerable<string> KeyDerivation => ["initiating key derivation", "key derivation done"];

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    // kcptun's flag is about peers like kcptun. Given on the command line it holds with all.
    private static TimeSpan? HalfCloseLimit(KcptunConfig config) =>
        config.IsCloseWaitGiven ? TimeSpan.FromSeconds(config.CloseWait) : null;

    internal static void WarnOfOpenFiles(int wanted, int possible, LineQueue errors)
    {
        if (wanted > possible)
        {
            errors.Add(
                Invariant($"warning: max-forwards is {wanted}, but this process may have {OpenFileLimit.Current} files open (ulimit -n): {possible} is used"),
                stamped: false);
        }
    }

    private static string? EnvironmentKey() => Environment.GetEnvironmentVariable("KCPTUN_KEY");

    private static Task<int> AnswerAsync(KcptunCommand command, string help, TextWriter output) => CommandLine.PrintAsync(
        output, command == KcptunCommand.Help ? help : $"kcptun version {CommandLine.Version} (causeway)\n");

    /// <summary>Runs until a signal comes.</summary>
    private static async Task RunAsync(KcptunProfile profile, Func<KcptunCounters> counters, LineLog log, CancellationToken stop)
    {
        using SnmpLogWriter? writer = profile.Config.SnmpLog.Length == 0 ? null : new SnmpLogWriter(
            profile.Config.SnmpLog,
            TimeSpan.FromSeconds(profile.Config.SnmpPeriod),
            counters,
            problem => log.Write($"snmplog: {problem.Message}"),
            TimeProvider.System);
        using StopSignals signals = new(() => log.Write(counters().ToString()), log.IsFile ? log.Reopen : null, stop);
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
    private static void WriteWarnings(KcptunProfile profile, LineQueue errors)
    {
        foreach (string warning in profile.Config.Warnings)
        {
            errors.Add($"warning: {warning}", stamped: false);
        }

        if (!profile.Crypt.Authenticates)
        {
            errors.Add(
                $"warning: crypt {profile.Crypt.Name} does not authenticate what it carries: who sees packets can replay or change "
                + "them; aes-128-gcm does",
                stamped: false);
        }
    }
}
