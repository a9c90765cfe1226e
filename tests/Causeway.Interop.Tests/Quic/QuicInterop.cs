using System.Globalization;
using System.Net;
using System.Net.Security;
using Causeway.Links;
using Causeway.Quic;
using Causeway.Testing;
using Xunit.Sdk;

namespace Causeway.Interop.Tests.Quic;

/// <summary>A server that runs, and clients of the other side that fetch its files: one cell of the matrix.</summary>
internal sealed class QuicInterop : IAsyncDisposable
{
    private readonly QuicPair _pair;
    private readonly QuicScenario _scenario;
    private readonly InteropFiles _files;
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(90));
    private readonly List<QuicStatistics> _ourClients = [];
    private OurQuicServer? _ourServer;
    private PeerProcess? _peerServer;
    private string _peerClientLines = "";
    private IPEndPoint? _server;

    private QuicInterop(QuicPair pair, QuicScenario scenario)
    {
        _pair = pair;
        _scenario = scenario;
        _files = new InteropFiles(scenario.Files, scenario.HasLargeCertificate);
    }

    /// <summary>Connections of our client, in the order in which they ended.</summary>
    public IReadOnlyList<QuicStatistics> OurClients => _ourClients;

    /// <summary>Connections of our server.</summary>
    public IReadOnlyList<QuicStatistics> OurServers => _ourServer?.Connections ?? [];

    /// <summary>Connections at our end; at the client if both are ours.</summary>
    public IReadOnlyList<QuicStatistics> Ours => _pair.OurClient() ? OurClients : OurServers;

    public UdpRelay? Relay { get; private set; }

    public CancellationToken Limit => _limit.Token;

    private SslApplicationProtocol Protocol => _pair.IsNgtcp2() || (_scenario.IsHttp3 && !_pair.IsQuiche()) ? OurQuicClient.Http3 : OurQuicClient.Hq;

    /// <summary>Fills a cell of the matrix: starts the server, does what the test does, and adds what the peer printed to a failure.</summary>
    public static async Task RunAsync(QuicPair pair, QuicScenario scenario, Func<QuicInterop, Task> test)
    {
        await using QuicInterop run = new(pair, scenario);
        try
        {
            await run.StartServerAsync();
            await test(run);
            InteropMatrix.Record(scenario.Case, pair, isPass: true);
        }
        catch (Exception error)
        {
            InteropMatrix.Record(scenario.Case, pair, isPass: false);
            throw new XunitException($"{scenario.Case}, {pair.Title()}: {error.Message}\n{run.Describe()}", error);
        }
    }

    /// <summary>Has the client fetch all files on one connection, and compares them.</summary>
    /// <param name="profile">What is set for this connection of ours beside the scenario.</param>
    /// <param name="untilDone">What our client waits for before it closes.</param>
    public async Task FetchAsync(Func<QuicProfile, QuicProfile>? profile = null, Func<QuicStatistics, bool>? untilDone = null)
    {
        string folder = _files.NewDownloadFolder();
        if (_pair.OurClient())
        {
            QuicProfile made = OurQuicClient.NewProfile(_files, Protocol, _scenario);
            CausewayClientOptions options = new()
            {
                Profile = profile?.Invoke(made) ?? made,
                RemoteEndPoint = _server!,
                ConfigureLink = ConfigureLink,
                CloseTimeout = TimeSpan.FromMilliseconds(500),
            };
            await OurQuicClient.FetchAsync(options, Protocol, _files.Names, folder, OnConnected, untilDone ?? (static _ => true), Limit);
        }
        else
        {
            await RunPeerClientAsync(PeerClientArguments(folder));
        }

        Compare(folder);
    }

    private void OnConnected(QuicStatistics statistics)
    {
        lock (_ourClients)
        {
            _ourClients.Add(statistics);
        }
    }

    /// <summary>Has so many clients fetch all files at the same time, each on a connection of its own.</summary>
    public async Task FetchFromManyAsync(int connections)
    {
        if (_pair != QuicPair.QuicheToCauseway)
        {
            await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => FetchAsync()));
            return;
        }

        // One process: Node.js takes longer to start than the handshake.
        string folder = _files.NewDownloadFolder();
        await RunPeerClientAsync([QuicPrograms.QuicheScript, "many", $"{connections}", .. QuicheArguments(folder)]);
        for (int i = 0; i < connections; i++)
        {
            Compare(Path.Combine(folder, $"{i}"));
        }
    }

    /// <summary>Has the program <c>causeway quic get</c> fetch all files on one connection.</summary>
    public async Task FetchByProgramAsync(params string[] flags)
    {
        string folder = _files.NewDownloadFolder();
        string program = Path.Combine(AppContext.BaseDirectory, "causeway-cli.dll");

        // The copy beside the tests has their packages, of which ASP.NET's framework takes the place of some: it is part of their runtime.
        string tests = Path.ChangeExtension(typeof(QuicInterop).Assembly.Location, null);
        using PeerProcess client = new(
            "dotnet",
            [
                "exec", "--runtimeconfig", $"{tests}.runtimeconfig.json", "--depsfile", $"{tests}.deps.json", program, "quic", "get", "--ca", _files.AuthorityFile, "--out", folder, "--alpn", Protocol.ToString(), .. flags,
                .. _files.Names.Select(name => $"https://{_server}/{name}"),
            ]);
        try
        {
            await client.WaitForExitAsync(Limit);
        }
        finally
        {
            _peerClientLines = client.LastLines;
        }

        Compare(folder);
    }

    public async ValueTask DisposeAsync()
    {
        if (Relay is not null)
        {
            await Relay.DisposeAsync();
        }

        if (_ourServer is not null)
        {
            await _ourServer.DisposeAsync();
        }

        _peerServer?.Dispose();
        _files.Dispose();
        _limit.Dispose();
    }

    private async Task StartServerAsync()
    {
        if (_pair.OurServer())
        {
            _ourServer = await OurQuicServer.StartAsync(
                _files, new IPEndPoint(_scenario.ListenAddress ?? _scenario.Address, 0), _scenario, _pair.OurClient() ? null : ConfigureLink);
            _server = new IPEndPoint(_scenario.Address, _ourServer.EndPoint.Port);
        }
        else if (_pair.IsQuiche())
        {
            _peerServer = new PeerProcess(
                QuicPrograms.Node!,
                [QuicPrograms.QuicheScript, "serve", $"{_scenario.Address}", "0", _files.Root, _files.CertificateFile, _files.KeyFile]);
            string line = await _peerServer.WaitForLineAsync("serving ", Limit);
            _server = new IPEndPoint(_scenario.Address, int.Parse(line.AsSpan(line.LastIndexOf(':') + 1), CultureInfo.InvariantCulture));
        }
        else
        {
            _server = new IPEndPoint(_scenario.Address, PeerProcess.FreePort(_scenario.Address));
            _peerServer = new PeerProcess(
                QuicPrograms.NgtcpServer!,
                [
                    "-q", "-d", _files.Root, "--timeout=60s", "--handshake-timeout=60s", .. _scenario.NgtcpServerFlags,
                    $"{_scenario.Address}", $"{_server.Port}", _files.KeyFile, _files.CertificateFile,
                ]);
            await _peerServer.WaitForPortAsync(_server.Port, Limit);
        }

        if (_scenario.Relay is { } make)
        {
            Relay = make(_server);
            _server = Relay.EndPoint;
        }
    }

    private async Task RunPeerClientAsync(IEnumerable<string> arguments)
    {
        using PeerProcess client = new(_pair.IsQuiche() ? QuicPrograms.Node! : QuicPrograms.NgtcpClient!, arguments);
        try
        {
            await client.WaitForExitAsync(Limit);
        }
        finally
        {
            _peerClientLines = client.LastLines;
        }
    }

    private void Compare(string folder)
    {
        if (_files.Compare(folder) is { } difference)
        {
            throw new InvalidDataException($"{difference} in {folder}");
        }
    }

    private IEnumerable<string> QuicheArguments(string folder) =>
        [$"{_server!.Address}", $"{_server.Port}", folder, _files.AuthorityFile, .. _files.Names];

    private IEnumerable<string> PeerClientArguments(string folder) => _pair.IsQuiche()
        ? [QuicPrograms.QuicheScript, "get", .. QuicheArguments(folder)]
        :
        [
            "-q", "--exit-on-all-streams-close", "--timeout=60s", "--handshake-timeout=60s", "--download", folder,
            .. _scenario.NgtcpClientFlags.Select(flag => flag.Replace("{folder}", _files.In(""), StringComparison.Ordinal)),
            $"{_server!.Address}", $"{_server.Port}", .. _files.Names.Select(name => $"https://{_server}/{name}"),
        ];

    private DatagramLinkBuilder ConfigureLink(DatagramLinkBuilder builder)
    {
        if (_scenario.Passes is { } passes)
        {
            builder = builder.Use(next => new LinkWatch(next, passes));
        }

        return _scenario.Faults is { } faults
            ? builder.Use(next => new FaultInjectionLink(next, new FaultInjectionOptions { Send = faults, Receive = faults, Seed = NextSeed() }))
            : builder;
    }

    // Connections side by side must not lose the same datagrams; all else stays as it is from run to run.
    private static ulong s_seed;

    private static ulong NextSeed() => Interlocked.Increment(ref s_seed);

    private string Describe()
    {
        string ours = string.Join('\n', OurClients.Concat(OurServers).Select(static one =>
            $"ours: {one.CipherSuite}, sent {one.PacketsSent}, received {one.PacketsReceived}, lost {one.PacketsLost}, unopened {one.PacketsUnopened}, "
            + $"probe timeouts {one.ProbeTimeouts}, path changes {one.PathChanges} ({one.PathsValidated} proved), violations {one.Violations}"));
        return $"{ours}\nserver's last lines:\n{_peerServer?.LastLines}\nclient's last lines:\n{_peerClientLines}";
    }
}
