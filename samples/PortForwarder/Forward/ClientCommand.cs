using System.Net;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;
using Causeway.PortForwarder.Output;
using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary><c>causeway client</c>: the near end, over QUIC.</summary>
internal static class ClientCommand
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);
    // As long as somebody waits who has a terminal.
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    public static async Task<int> RunAsync(ClientOptions options, LineQueue errors, CancellationToken stop)
    {
        if (options.Tunnels.IsEmpty)
        {
            throw new UsageException("nothing says what to forward: --listen [ADDRESS]:PORT, -L or -R PORT:HOST:HOSTPORT, -D PORT, or -W HOST:PORT");
        }

        EndPoint server = ParseServer(options.Server);
        using LineLog log = LineLog.Open(options.Common.Log, errors, TimeProvider.System);
        CausewayKey? key = null;
        if (options.KeyFile is { } path)
        {
            key = KeyFile.LoadOrCreate(path, warning => errors.Add($"warning: {warning}", stamped: false), out bool isNew);
            if (isNew)
            {
                log.Write($"made a key: servers know this client by {key.Fingerprint}");
            }
        }

        using CausewayKey? owned = key;
        ClientAuthentication authentication = Authentication(options, key).WithApplicationProtocols(TunnelProtocol.Name, ClientAuthentication.DefaultProtocol);
        QuicProfile profile = options.Common.NewProfile() with { ClientAuthentication = authentication };
        MigrationPolicy migration = options.Hop is { } interval ? MigrationPolicy.HopEvery(interval) : MigrationPolicy.Default;
        if (options.Tunnels.Stdio is null)
        {
            // One connection alone does not make up for it.
            await WarmUp.RunAsync(options.Common).ConfigureAwait(false);
        }

        await using TunnelClient client = await TunnelClient.StartAsync(new TunnelClientOptions
        {
            Forwards = options.Tunnels.Forwards,
            ReverseForwards =
            [
                .. options.Tunnels.Reverse.Select(forward => forward with { SendsProxyHeader = options.Common.SendsProxyHeader && !forward.IsUdp }),
            ],
            DynamicForwards = options.Tunnels.Dynamic,
            Connection = () => new CausewayClientOptions { Profile = profile, RemoteEndPoint = server, LoggerFactory = log, Migration = migration },
            Connections = options.Connections,
            MaxForwards = options.Common.MaxForwards > 0 ? options.Common.MaxForwards : ForwardOptions.DefaultMaxForwards,
            Quiet = options.Common.Quiet || options.Tunnels.Stdio is not null,
            Logger = log,
        }).ConfigureAwait(false);
        KcptunCommands.WarnOfOpenFiles(options.Common.MaxForwards, client.MaxForwards, errors);
        if (options.Tunnels.Stdio is { } target)
        {
            return await RelayStdioAsync(client, target, errors, stop).ConfigureAwait(false);
        }

        log.Start(
        [
            $"causeway {CommandLine.Version}: QUIC, to {options.Server}{(options.Hop is { } hop ? $", from another port every {hop.TotalSeconds} s" : "")}",
            .. options.Tunnels.Forwards.Zip(client.LocalEndPoints, Describe),
            .. options.Tunnels.Dynamic.Zip(client.LocalEndPoints.Skip(options.Tunnels.Forwards.Count), Describe),
        ]);
        await ForwardRun.UntilStoppedAsync(() => client.Statistics, () => client.TunnelStatistics, log, stop).ConfigureAwait(false);
        await client.StopAsync(s_grace).ConfigureAwait(false);
        log.Flush(s_lastLines);
        return CommandLine.Success;
    }

    private static string Describe(TunnelForward forward, EndPoint local) => forward.Target is { } target
        ? $"listening on {local}{(forward.IsUdp ? "/udp" : "")} for {target}"
        : $"listening on {local}";

    private static string Describe(DynamicForward forward, EndPoint local)
    {
        bool isOpen = forward.UserName is null && local is IPEndPoint ip && !IPAddress.IsLoopback(ip.Address);
        return $"proxy on {local}{(isOpen ? "; whoever can connect to it may use it (--proxy-auth-file)" : "")}";
    }

    /// <summary>Only connects standard input and output; the log has nothing but what goes wrong.</summary>
    private static async Task<int> RelayStdioAsync(TunnelClient client, ForwardEndPoint target, LineQueue errors, CancellationToken stop)
    {
        try
        {
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(s_connectTimeout);
            CausewayStream stream = await client.ConnectAsync(target, limit.Token).ConfigureAwait(false);
            await StdioRelay.RunAsync(Console.OpenStandardInput(), Console.OpenStandardOutput(), stream, stop).ConfigureAwait(false);
            return CommandLine.Success;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            errors.Add($"causeway: no connection to the server within {s_connectTimeout.TotalSeconds} s", stamped: false);
        }
        catch (Exception error) when (error is TunnelRefusedException or TransportException)
        {
            errors.Add($"causeway: {target}: {error.Message}", stamped: false);
        }

        return CommandLine.Failed;
    }

    private static EndPoint ParseServer(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), out int port) || port is < 1 or > 65535)
        {
            throw new UsageException($"server is \"{text}\"; it must be HOST:PORT with a port from 1 to 65535");
        }

        string host = text[..colon].Trim('[', ']');
        return IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
    }

    private static ClientAuthentication Authentication(ClientOptions options, CausewayKey? key)
    {
        if (options.Common.Secret is { } secret)
        {
            return ClientAuthentication.Shared(SharedSecret.Name, secret);
        }

        if (options.ServerKeys.Count == 0)
        {
            throw new UsageException(
                "nothing says how to know the server: --server-key sha256:... (the server prints it), or a secret by --psk-file or "
                + SharedSecret.Variable);
        }

        try
        {
            return ClientAuthentication.Pinned(key, options.ServerKeys);
        }
        catch (ArgumentException error)
        {
            throw new UsageException($"server-key: {error.Message}", error);
        }
    }
}
