using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Telemetry;
using Causeway.PortForwarder;
using Causeway.PortForwarder.Forward;
using Causeway.Quic;

namespace Causeway.Forwarding.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public void CountersComeUnderKcptunsNames()
    {
        using KcptunProfile profile = new(new KcptunClientConfig());
        ForwardingStatistics sum = new()
        {
            ConnectionsOpened = 6,
            Engine = new KcpCounters
            {
                InErrors = 1,
                KcpInErrors = 2,
                SendQueueSegments = 3,
                ReceiveQueueSegments = 4,
                UnacknowledgedSegments = 5,
                Timeouts = 7,
            },
        };
        KcptunCounters client = CounterMap.ToKcptun(sum, profile, isClient: true);
        Assert.Equal((1UL, 2UL), (client.InErrs, client.KcpInErrors));
        Assert.Equal((3UL, 4UL, 5UL), (client.RingBufferSndQueue, client.RingBufferRcvQueue, client.RingBufferSndBuffer));
        Assert.Equal((6UL, 0UL, 7UL), (client.ActiveOpens, client.PassiveOpens, client.RetransSegs));
        Assert.Equal(6UL, CounterMap.ToKcptun(sum, profile, isClient: false).PassiveOpens);
    }

    [Theory]
    [InlineData("", "command")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("kcptun client --frobnicate", "frobnicate")]
    [InlineData("kcptun client --localaddr localhost:99999", "localaddr")]
    [InlineData("kcptun client --remoteaddr somewhere", "remoteaddr")]
    [InlineData("kcptun client --remoteaddr somewhere:4000-3000", "remoteaddr")]
    [InlineData("kcptun client --ds 200 --ps 100", "256")]
    [InlineData("kcptun client --keepalive 31", "30")]
    [InlineData("kcptun client --keepalive 0", "30")]
    [InlineData("kcptun client --mtu many", "mtu")]
    [InlineData("kcptun client --conn 0", "conn")]
    [InlineData("kcptun client --smuxver 3", "smuxver")]
    [InlineData("kcptun client --tcp", "tcp")]
    [InlineData("kcptun client -c /no/such/file.json", "/no/such/file.json")]
    [InlineData("kcptun server --listen :0", "listen")]
    [InlineData("kcptun server --target localhost:http", "target")]
    [InlineData("kcptun server --pprof", "pprof")]
    [InlineData("kcptun server --QPP --QPPCount 65536", "65535")]
    [InlineData("kcptun server --mtu", "mtu")]
    public Task BadUsageIsOneLineAndCodeTwo(string line, string named) =>
        ExpectErrorAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), CommandLine.BadUsage, named);

    [Theory]
    [InlineData("client --listen :0", "--server")]
    [InlineData("client --listen :0 --server somewhere:1", "--server-key")]
    [InlineData("client --listen :0 --server somewhere --server-key sha256:00", "somewhere")]
    [InlineData("client --listen :0 --server somewhere:1 --server-key sha256:00", "sha256:00")]
    [InlineData("client --listen :0 --server somewhere:1 --psk-file /no/such/file", "/no/such/file")]
    [InlineData("client --localaddr :0 --remoteaddr somewhere:1", "causeway kcptun client")]
    [InlineData("client --listen localhost:99999 --server a:1", "99999")]
    [InlineData("client --listen :0 --server a:1 --congestion warp", "warp")]
    [InlineData("server", "--to")]
    [InlineData("server --allow nowhere", "nowhere")]
    [InlineData("client --server a:1 --server-key sha256:00", "--listen")]
    [InlineData("client --server a:1 -L 80:a", "80:a")]
    [InlineData("client --server a:1 -R 80", "80")]
    [InlineData("client --server a:1 -D a:b:c", "a:b:c")]
    [InlineData("client --server a:1 -D 1080 --proxy-auth-file /no/such/file", "/no/such/file")]
    [InlineData("client --server a:1 -W :x", "W: ")]
    [InlineData("server --allow-listen host:80", "host:80")]
    [InlineData("server --target localhost:80", "causeway kcptun server")]
    [InlineData("server --to localhost:80 --max-forwards -1", "max-forwards")]
    [InlineData("server --to localhost:80 --shards 257", "shards is 257; it must be from 0 to 256")]
    [InlineData("client --listen :0 --server a:1 --server-key sha256:00 --hop 4", "hop is 4; it must be from 5 to 86400")]
    [InlineData("keygen", "--out")]
    [InlineData("kcptun", "client or server")]
    public Task BadUsageOverQuicIsOneLineAndCodeTwo(string line, string named) =>
        ExpectErrorAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), CommandLine.BadUsage, named);

    [Theory]
    [InlineData("kcptun-client", "kcptun client")]
    [InlineData("/usr/bin/kcptun-server", "kcptun server")]
    [InlineData("causeway", "")]
    public void TheNameSaysWhichProgramItIs(string name, string before) =>
        Assert.Equal($"{before} -l :1".Trim(), string.Join(' ', InvokedName.Of(name, ["-l", ":1"])));

    [Fact]
    public async Task AKeyIsMadeOnceAndReadOnlyByItsUser()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string path = Path.Combine(folder, "own.key");
            (int code, string output, string error) = await RunAsync(["keygen", "--out", path]);
            Assert.Equal((CommandLine.Success, ""), (code, error));
            Assert.Matches("^sha256:[0-9a-f]{64}$", output.Trim());
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            }

            using CausewayKey key = KeyFile.LoadOrCreate(path, static _ => { }, out bool isNew);
            Assert.False(isNew);
            Assert.Equal(output.Trim(), key.Fingerprint);
            await ExpectErrorAsync(["keygen", "--out", path], CommandLine.BadUsage, path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task AServerPrintsTheCommandOfItsClients()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            (int code, _, string error) = await RunAsync(
                ["server", "--to", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--key-file", Path.Combine(folder, "s.key")], stopped: true);
            Assert.Equal(CommandLine.Success, code);
            Assert.Matches("causeway client --server THIS-HOST:[0-9]+ --server-key sha256:[0-9a-f]{64} --listen :8080", error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("{ \"mtu\": \"1350\" }", "mtu")]
    [InlineData("{ \"mtu\": 1350", "config.json")]
    [InlineData("{ \"crypt\": 7 }", "crypt")]
    [InlineData("[]", "config.json")]
    public async Task ABadConfigurationFileIsOneLineAndCodeTwo(string json, string named)
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string path = Path.Combine(folder, "config.json");
            await File.WriteAllTextAsync(path, json);
            await ExpectErrorAsync(["kcptun", "server", "-c", path], CommandLine.BadUsage, named);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task APortInUseIsOneLineAndCodeOne()
    {
        using Socket udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await ExpectErrorAsync(["kcptun", "server", "--listen", $"{udp.LocalEndPoint}"], CommandLine.Failed, $"{udp.LocalEndPoint}");

        using Socket tcp = Sockets.Listen();
        await ExpectErrorAsync(["kcptun", "client", "-l", $"{tcp.LocalEndPoint}", "-r", "127.0.0.1:1"], CommandLine.Failed, $"{tcp.LocalEndPoint}");
    }

    [Theory]
    [InlineData("--help", "causeway client")]
    [InlineData("client --help", "--server-key")]
    [InlineData("server --help", "--key-file")]
    [InlineData("kcptun client --help", "--remoteaddr")]
    [InlineData("kcptun server -h", "--target")]
    [InlineData("--version", "causeway version ")]
    [InlineData("kcptun client --version", "version ")]
    public async Task QuestionsAreAnsweredOnTheOutput(string line, string expected)
    {
        (int code, string output, string error) = await RunAsync(line.Split(' '));

        Assert.Equal(CommandLine.Success, code);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Empty(error);
    }

    [Fact]
    public async Task AClientStartsWithTheReferencesLinesAndStops()
    {
        (int code, string output, string error) = await RunAsync(
            ["kcptun", "client", "-l", "127.0.0.1:0", "-r", "127.0.0.1:1", "--key", "k", "--crypt", "aes-128-gcm"], stopped: true);

        Assert.Equal(CommandLine.Success, code);
        Assert.Empty(output);
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, static line => Assert.Matches(@"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \S", line));
        Assert.EndsWith($" version: {CommandLine.Version}", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, static line => line.EndsWith(" encryption: aes-128-gcm", StringComparison.Ordinal));
        Assert.Contains(lines, static line => line.Contains(" listening on: 127.0.0.1:", StringComparison.Ordinal));
        Assert.EndsWith(" key derivation done", lines[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--crypt aes --key k", "does not authenticate")]
    [InlineData("--compat --crypt rot13 --key k", "rot13")]
    [InlineData("--crypt aes-128-gcm --key k --QPP --QPPCount 8", "QPP")]
    [InlineData("--crypt aes-128-gcm --key k --autoexpire 10 --scavengettl 20", "scavengettl")]
    public async Task WeaknessesAreWarnedOfOnce(string options, string named)
    {
        (int code, _, string error) = await RunAsync(
            ["kcptun", "client", "-l", "127.0.0.1:0", "-r", "127.0.0.1:1", .. options.Split(' ')], stopped: true);

        Assert.Equal(CommandLine.Success, code);
        Assert.Contains(
            error.Split('\n'),
            line => line.StartsWith("warning: ", StringComparison.Ordinal) && line.Contains(named, StringComparison.Ordinal));
    }

    private static async Task ExpectErrorAsync(string[] args, int code, string named)
    {
        (int actual, string output, string error) = await RunAsync(args);

        Assert.Equal(code, actual);
        Assert.Empty(output);
        Assert.Equal(error.Length - 1, error.IndexOf('\n', StringComparison.Ordinal));
        Assert.StartsWith("causeway: ", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] args, bool stopped = false)
    {
        using StringWriter output = new() { NewLine = "\n" };
        using StringWriter error = new() { NewLine = "\n" };
        using CancellationTokenSource stop = new();
        if (stopped)
        {
            await stop.CancelAsync();
        }

        int code = await CommandLine.RunAsync(args, output, error, stop.Token).Guarded();
        return (code, output.ToString(), error.ToString());
    }
}
