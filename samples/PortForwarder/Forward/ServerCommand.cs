using System.Globalization;
using System.Net;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;
using Causeway.PortForwarder.Output;
using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary><c>causeway server</c>: the far end, over QUIC.</summary>
internal static class ServerCommand
{
    // How long forwards may go on after a signal to stop.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    public static async Task<int> RunAsync(ServerOptions options, LineQueue errors, CancellationToken stop)
    {
        if (options.Listen.EndPoint is not IPEndPoint local)
        {
            throw new UsageException($"listen is {options.Listen}; UDP needs an address and a port");
        }

        if (options.To is null && options.Policy.Targets.Count == 0 && options.Policy.Listening.Count == 0)
        {
            throw new UsageException("nothing says what clients may reach: --to HOST:PORT, --allow, or --allow-listen");
        }

        using LineLog log = LineLog.Open(options.Common.Log, errors, TimeProvider.System);
        using CausewayKey? key = options.Common.Secret is null
            ? KeyFile.LoadOrCreate(options.KeyFile, warning => errors.Add($"warning: {warning}", stamped: false), out _)
            : null;
        QuicProfile profile = options.Common.NewProfile() with { ServerAuthentication = Authentication(options, key) };
        await WarmUp.RunAsync(options.Common).ConfigureAwait(false);
        await using ForwardServer server = await ForwardServer.StartAsync(
            new ForwardServerOptions
            {
                Listeners =
                [
                    new CausewayListenerOptions
                    {
                        Profile = profile,
                        ListenEndPoint = local,
                        LoggerFactory = log,
                        Shards = options.Shards,
                        MaxConnections = options.MaxConnections > 0 ? options.MaxConnections : Math.Min(65536, OpenFileLimit.Current ?? int.MaxValue),
                    },
                ],
                MaxForwards = options.Common.MaxForwards > 0 ? options.Common.MaxForwards : ForwardOptions.DefaultMaxForwards,
                Target = options.To,
                Tunnels = options.Policy,
                SendsProxyHeader = options.Common.SendsProxyHeader,
                Quiet = options.Common.Quiet,
                Logger = log,
            },
            CancellationToken.None).ConfigureAwait(false);
        KcptunCommands.WarnOfOpenFiles(options.Common.MaxForwards, server.MaxForwards, errors);
        log.Start(StartupLines(options, server, key));
        await ForwardRun.UntilStoppedAsync(() => server.Statistics, () => server.TunnelStatistics, log, stop).ConfigureAwait(false);
        await server.StopAsync(s_grace).ConfigureAwait(false);
        log.Flush(s_lastLines);
        return CommandLine.Success;
    }

    private static ServerAuthentication Authentication(ServerOptions options, CausewayKey? key)
    {
        try
        {
            ServerAuthentication authentication = key is null
                ? ServerAuthentication.Shared(SharedSecret.Name, options.Common.Secret!)
                : ServerAuthentication.WithKey(key, options.ClientKeys);

            // Bare streams, which older clients open, can only lead to the server's own target.
            return options.To is null
                ? authentication.WithApplicationProtocols(TunnelProtocol.Name)
                : authentication.WithApplicationProtocols(TunnelProtocol.Name, ClientAuthentication.DefaultProtocol);
        }
        catch (ArgumentException error)
        {
            throw new UsageException($"client-key: {error.Message}", error);
        }
    }

    private static IEnumerable<string> StartupLines(ServerOptions options, ForwardServer server, CausewayKey? key)
    {
        yield return $"causeway {CommandLine.Version}: QUIC, to {(options.To is { } to ? $"{to}" : "what is allowed")}";
        foreach (EndPoint endPoint in server.LocalEndPoints)
        {
            yield return $"listening on {endPoint}/udp";
        }

        string port = ((IPEndPoint)server.LocalEndPoints[0]).Port.ToString(CultureInfo.InvariantCulture);
        if (key is null)
        {
            yield return $"clients: causeway client --server THIS-HOST:{port} --psk-file FILE {Listening(options)}";
        }
        else
        {
            yield return $"key: {key.Fingerprint}";
            yield return $"clients: causeway client --server THIS-HOST:{port} --server-key {key.Fingerprint} {Listening(options)}";
        }

        if (key is not null && options.ClientKeys.Count == 0)
        {
            yield return "everybody may connect; --client-key names those who may";
        }

        foreach (string line in AllowedLines(options.Policy))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> AllowedLines(TunnelPolicy policy)
    {
        if (policy.Targets.Count > 0)
        {
            yield return $"clients may be led to {string.Join(' ', policy.Targets)}";
        }

        if (policy.Listening.Count > 0)
        {
            yield return $"clients may listen on {string.Join(' ', policy.Listening)}";
        }
    }

    // What a client has that reaches the first thing this server opens.
    private static string Listening(ServerOptions options) =>
        options.To is not null ? "--listen :8080" : options.Policy.Targets.Count > 0 ? "-L 8080:HOST:PORT" : "-R 8080:HOST:PORT";
}
