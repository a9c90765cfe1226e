using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Telemetry;
using Causeway.PortForwarder;

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
    [InlineData("client --frobnicate", "frobnicate")]
    [InlineData("client --localaddr localhost:99999", "localaddr")]
    [InlineData("client --remoteaddr somewhere", "remoteaddr")]
    [InlineData("client --remoteaddr somewhere:4000-3000", "remoteaddr")]
    [InlineData("client --ds 200 --ps 100", "256")]
    [InlineData("client --keepalive 31", "30")]
    [InlineData("client --keepalive 0", "30")]
    [InlineData("client --mtu many", "mtu")]
    [InlineData("client --conn 0", "conn")]
    [InlineData("client --smuxver 3", "smuxver")]
    [InlineData("client --tcp", "tcp")]
    [InlineData("client -c /no/such/file.json", "/no/such/file.json")]
    [InlineData("server --listen :0", "listen")]
    [InlineData("server --target localhost:http", "target")]
    [InlineData("server --pprof", "pprof")]
    [InlineData("server --QPP --QPPCount 65536", "65535")]
    [InlineData("server --mtu", "mtu")]
    public Task BadUsageIsOneLineAndCodeTwo(string line, string named) =>
        ExpectErrorAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), CommandLine.BadUsage, named);

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
            await ExpectErrorAsync(["server", "-c", path], CommandLine.BadUsage, named);
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
        await ExpectErrorAsync(["server", "--listen", $"{udp.LocalEndPoint}"], CommandLine.Failed, $"{udp.LocalEndPoint}");

        using Socket tcp = Sockets.Listen();
        await ExpectErrorAsync(["client", "-l", $"{tcp.LocalEndPoint}", "-r", "127.0.0.1:1"], CommandLine.Failed, $"{tcp.LocalEndPoint}");
    }

    [Theory]
    [InlineData("--help", "causeway client")]
    [InlineData("client --help", "--remoteaddr")]
    [InlineData("server -h", "--target")]
    [InlineData("--version", "causeway version ")]
    [InlineData("client --version", "version ")]
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
            ["client", "-l", "127.0.0.1:0", "-r", "127.0.0.1:1", "--key", "k", "--crypt", "aes-128-gcm"], stopped: true);

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
            ["client", "-l", "127.0.0.1:0", "-r", "127.0.0.1:1", .. options.Split(' ')], stopped: true);

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
