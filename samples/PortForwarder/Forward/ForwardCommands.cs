using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Security.Cryptography;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;
using Causeway.PortForwarder.Output;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary>The command line of <c>causeway client</c>, <c>server</c> and <c>keygen</c>.</summary>
internal static class ForwardCommands
{
    // What the library takes (CausewayListenerOptions.Shards, MigrationPolicy.HopEvery); a day is as good as never.
    private const int MostShards = 256;
    private const int LeastHop = 5;
    private const int MostHop = 86_400;

    // Flags of kcptun that its users type from habit, and that mean nothing here.
    private static readonly string[] s_kcptunFlags =
    [
        "--remoteaddr", "-remoteaddr", "-r", "--localaddr", "-localaddr", "--target", "-target", "-t", "--key", "-key", "--crypt", "-crypt",
        "--mode", "-mode", "--nocomp", "-nocomp", "--datashard", "--parityshard", "--ds", "--ps", "-c",
    ];

    /// <summary>Runs one of the commands.</summary>
    /// <exception cref="UsageException">An option is unknown, missing, or cannot be used.</exception>
    public static async Task<int> RunAsync(string name, string[] args, TextWriter output, LineQueue errors, CancellationToken stop)
    {
        int result = CommandLine.Success;
        Command command = name switch
        {
            "server" => NewServer(async options => result = await ServerCommand.RunAsync(options, errors, stop).ConfigureAwait(false), errors),
            "client" => NewClient(async options => result = await ClientCommand.RunAsync(options, errors, stop).ConfigureAwait(false), errors),
            _ => NewKeygen(output),
        };

        // The name is the one that is typed, in help and messages.
        RootCommand root = new("causeway") { command };
        ParseResult parsed = root.Parse([name, .. args]);
        if (parsed.Errors.Count > 0)
        {
            string hint = args.FirstOrDefault(s_kcptunFlags.Contains) is { } flag
                ? $"; {flag} is a flag of kcptun: \"causeway kcptun {name}\" takes those"
                : $" (causeway {name} --help)";
            throw new UsageException(parsed.Errors[0].Message + hint);
        }

        await parsed.InvokeAsync(
            new InvocationConfiguration { Output = output, Error = output, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null },
            CancellationToken.None).ConfigureAwait(false);
        return result;
    }

    private static Command NewServer(Func<ServerOptions, Task> run, LineQueue errors)
    {
        Option<ForwardEndPoint?> to = new("--to", "-t")
        {
            Description = "Where clients get that name no target: HOST:PORT, or the path of a Unix socket",
            CustomParser = EndPoint,
        };
        Option<string[]> allow = new("--allow")
        {
            Description = "What clients may have opened by -L, -D and -W: HOST:PORTS, CIDR:PORTS, the path of a Unix socket, or * for "
                + "every TCP and UDP target; tcp: or udp: in front restricts it; may be given several times; without it, nothing",
        };
        Option<string[]> allowListen = new("--allow-listen")
        {
            Description = "Where clients may have this server listen by -R: PORTS on the loopback addresses, ADDRESS:PORTS, *:PORTS on any, or "
                + "the path of a Unix socket; may be given several times; without it, nowhere",
        };
        Option<ForwardEndPoint> listen = new("--listen", "-l")
        {
            Description = "The UDP address and port to listen on",
            DefaultValueFactory = static _ => ForwardEndPoint.Parse(":4433"),
            CustomParser = EndPoint,
        };
        Option<string> keyFile = new("--key-file")
        {
            Description = "The server's own key, made on the first start",
            DefaultValueFactory = static _ => KeyFile.DefaultPath("server"),
        };
        Option<string[]> clientKeys = new("--client-key")
        {
            Description = "The fingerprint of a client that may connect (sha256:...); may be given several times; without it, everybody may",
        };
        CommonOptions common = new();
        Option<int> maxConnections = new("--max-connections") { Description = "Clients at a time; 0 for as many as the process may have files open" };
        Option<int> shards = new("--shards")
        {
            Description = "Sockets that share the port, each with a processor of its own: for many clients (Linux); 0 for one for each processor",
            DefaultValueFactory = static _ => 1,
        };
        Command command = new("server", "Accepts connections over QUIC and connects their streams to a target")
        {
            to, allow, allowListen, listen, keyFile, clientKeys, maxConnections, shards,
        };
        common.AddTo(command);
        command.SetAction((parsed, _) => run(new ServerOptions
        {
            To = parsed.GetValue(to),
            Policy = new TunnelPolicy
            {
                Targets = TunnelArguments.Parse("allow", parsed.GetValue(allow), TunnelTargetRule.Parse),
                Listening = TunnelArguments.Parse("allow-listen", parsed.GetValue(allowListen), TunnelListenRule.Parse),
            },
            Listen = parsed.GetRequiredValue(listen),
            KeyFile = parsed.GetRequiredValue(keyFile),
            ClientKeys = parsed.GetValue(clientKeys) ?? [],
            MaxConnections = parsed.GetValue(maxConnections),
            Shards = InRange("shards", parsed.GetValue(shards), 0, MostShards),
            Common = common.Read(parsed, errors),
        }));
        return command;
    }

    private static Command NewClient(Func<ClientOptions, Task> run, LineQueue errors)
    {
        Option<ForwardEndPoint?> listen = new("--listen", "-l")
        {
            Description = "Where connections are accepted that go to the server's own target: [ADDRESS]:PORT, or the path of a Unix socket",
            CustomParser = EndPoint,
        };
        Option<string> server = new("--server", "-s") { Description = "The server: HOST:PORT", Required = true };
        Option<string[]> serverKeys = new("--server-key")
        {
            Description = "The fingerprint of the server's key (sha256:...), which it prints when it starts",
        };
        Option<string?> keyFile = new("--key-file") { Description = "This client's own key, for a server that asks for it; made on the first start" };
        Option<int> connections = new("--connections") { Description = "Connections to the server", DefaultValueFactory = static _ => 1 };
        Option<int> hop = new("--hop")
        {
            Description = "Seconds after which the client goes on from another port, give or take a fifth: for networks that slow a flow down when "
                + "it lasts; at least 5; without it, it stays",
        };
        CommonOptions common = new();
        Command command = new("client", "Accepts local connections and carries them to a server over QUIC")
        {
            listen, server, serverKeys, keyFile, connections, hop,
        };
        TunnelOptionSet tunnels = new();
        tunnels.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, _) => run(new ClientOptions
        {
            Tunnels = tunnels.Read(parsed, parsed.GetValue(listen)),
            Server = parsed.GetRequiredValue(server),
            ServerKeys = parsed.GetValue(serverKeys) ?? [],
            KeyFile = parsed.GetValue(keyFile),
            Connections = parsed.GetValue(connections),
            Hop = parsed.GetResult(hop) is null ? null : TimeSpan.FromSeconds(InRange("hop", parsed.GetValue(hop), LeastHop, MostHop)),
            Common = common.Read(parsed, errors),
        }));
        return command;
    }

    private static Command NewKeygen(TextWriter output)
    {
        Option<string?> path = new("--out", "-o") { Description = "The file for the key; it must not exist" };
        Option<bool> psk = new("--psk") { Description = "Print a shared secret for --psk-file instead" };
        Command command = new("keygen", "Makes a key and prints its fingerprint") { path, psk };
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(psk))
            {
                await CommandLine.PrintAsync(output, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)) + output.NewLine).ConfigureAwait(false);
                return;
            }

            using CausewayKey key = KeyFile.CreateNew(parsed.GetValue(path) ?? throw new UsageException("keygen needs --out FILE, or --psk"));
            await CommandLine.PrintAsync(output, key.Fingerprint + output.NewLine).ConfigureAwait(false);
        });
        return command;
    }

    private static int InRange(string name, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {least} to {most}"));

    private static ForwardEndPoint EndPoint(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        try
        {
            return ForwardEndPoint.Parse(text);
        }
        catch (FormatException error)
        {
            result.AddError($"\"{text}\" is no address: {error.Message}");
            return null!;
        }
    }

    /// <summary>What client and server both take.</summary>
    private sealed class CommonOptions
    {
        private readonly Option<string?> _pskFile = new("--psk-file")
        {
            Description = $"A file whose first line is a secret that both ends share, in place of keys; or the environment variable {SharedSecret.Variable}",
        };

        private readonly Option<string?> _psk = new("--psk") { Description = "The shared secret itself, which every user of the machine then sees" };

        private readonly Option<string> _congestion = new("--congestion")
        {
            Description = $"Congestion control: {string.Join(", ", CongestionControllers.Names)}",
            DefaultValueFactory = static _ => "bbr",
        };

        private readonly Option<string> _log = new("--log") { Description = "A file for log lines", DefaultValueFactory = static _ => "" };

        private readonly Option<bool> _quiet = new("--quiet") { Description = "Do not log single forwards" };

        private readonly Option<int> _maxForwards = new("--max-forwards")
        {
            Description = "Connections that are forwarded at a time; 0 for as many as the process may have files open",
        };

        private readonly Option<bool> _sendProxy = new("--send-proxy")
        {
            Description = "Tell TCP targets who connects, by a header of the PROXY protocol version 2 (client: targets of -R)",
        };

        private readonly Option<string?> _keyLog = new("--keylog") { Description = "A file for the secrets of each connection, by which Wireshark reads it (SSLKEYLOGFILE)" };

        public void AddTo(Command command)
        {
            foreach (Option option in new Option[] { _pskFile, _psk, _congestion, _log, _quiet, _maxForwards, _sendProxy, _keyLog })
            {
                command.Add(option);
            }
        }

        public CommonForwardOptions Read(ParseResult parsed, LineQueue errors)
        {
            string congestion = parsed.GetRequiredValue(_congestion);
            if (!CongestionControllers.Names.Contains(congestion))
            {
                throw new UsageException($"congestion is \"{congestion}\"; allowed: {string.Join(", ", CongestionControllers.Names)}");
            }

            int forwards = parsed.GetValue(_maxForwards);
            if (forwards < 0)
            {
                throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"max-forwards is {forwards}; it must not be negative"));
            }

            return new CommonForwardOptions
            {
                Secret = SharedSecret.Find(
                    parsed.GetValue(_pskFile), parsed.GetValue(_psk), warning => errors.Add($"warning: {warning}", stamped: false)),
                Congestion = congestion,
                Log = parsed.GetRequiredValue(_log),
                Quiet = parsed.GetValue(_quiet),
                MaxForwards = forwards,
                SendsProxyHeader = parsed.GetValue(_sendProxy),
                KeyLog = parsed.GetValue(_keyLog) ?? Environment.GetEnvironmentVariable("SSLKEYLOGFILE"),
            };
        }
    }
}
