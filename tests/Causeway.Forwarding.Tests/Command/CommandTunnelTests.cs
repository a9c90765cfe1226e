using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Causeway.Forwarding.Tests.Tunnels;

namespace Causeway.Forwarding.Tests.Command;

/// <summary>Every way to tunnel that the command line has, with a server and a client in processes of their own.</summary>
public sealed class CommandTunnelTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly EchoTarget _target = new();
    private readonly UdpEcho _datagrams = new();
    private CommandProcess _server = null!;
    private string _serverAddress = "";
    private string _fingerprint = "";

    public async Task InitializeAsync()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        _server = new CommandProcess(
        [
            "server", "--listen", "127.0.0.1:0", "--key-file", Path.Combine(_folder, "server.key"), "--to", $"{_target.EndPoint}",
            "--allow", $"localhost:{PortOf(_target.EndPoint)}", "--allow", $"udp:{_datagrams.EndPoint}", "--allow-listen", "0",
        ]);
        _serverAddress = await MatchAsync(_server, "listening on (127.0.0.1:[0-9]+)/udp");
        _fingerprint = await MatchAsync(_server, "key: (sha256:[0-9a-f]+)");
    }

    public async Task DisposeAsync()
    {
        _server?.Dispose();
        await _target.DisposeAsync();
        await _datagrams.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [ShellFact]
    public async Task AllTunnelsOfTheCommandLineWork()
    {
        int port = PortOf(_target.EndPoint);
        string auth = Path.Combine(_folder, "auth");
        await File.WriteAllTextAsync(auth, "me:secret\n");
        using CommandProcess client = StartClient(
            "-l", "127.0.0.1:0", "-L", $"0:localhost:{port}", "-L", $"udp:0:{_datagrams.EndPoint}", "-R", $"0:localhost:{port}",
            "--tcp-mappings", "OUT^0^ANY", "-D", "0", "--proxy-auth-file", auth);
        string proxy = await MatchAsync(client, "proxy on (127.0.0.1:[0-9]+)");
        string[] listening = [.. Regex.Matches(client.Log, "listening on (127.0.0.1:[0-9]+)").Select(static match => match.Groups[1].Value)];
        Assert.Equal(4, listening.Length);
        foreach (string address in (string[])[listening[0], listening[1], listening[3], await MatchAsync(client, "the server listens on (127.0.0.1:[0-9]+)")])
        {
            await TunnelTests.EchoAsync(await Sockets.ConnectAsync(IPEndPoint.Parse(address)), Bytes.Random(50_000, seed: 1));
        }

        using (UdpPeer peer = new(IPEndPoint.Parse(listening[2])))
        {
            await peer.EchoAsync(Bytes.Random(9000, seed: 1));
        }

        Socket user = await Sockets.ConnectAsync(IPEndPoint.Parse(proxy));
        string password = Convert.ToBase64String("me:secret"u8);
        await user.SendAllAsync(Encoding.ASCII.GetBytes($"CONNECT localhost:{port} HTTP/1.1\r\nProxy-Authorization: Basic {password}\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 200", await user.ReceiveHeadAsync(), StringComparison.Ordinal);
        await TunnelTests.EchoAsync(user, Bytes.Random(1000, seed: 1));

        client.Signal("USR1");
        await MatchAsync(client, "(UDP payloads in [1-9])");
        Assert.DoesNotContain("secret", client.Log, StringComparison.Ordinal);
        client.Signal("TERM");
        Assert.Equal(0, await client.WaitForExitAsync());
    }

    [ShellFact]
    public async Task StandardInputAndOutputAreAnEnd()
    {
        using CommandProcess client = StartClient("printf 'over stdio' |", "-W", $"localhost:{PortOf(_target.EndPoint)}");
        Assert.Equal(0, await client.WaitForExitAsync());
        Assert.Equal("over stdio", client.Log);
    }

    [ShellFact]
    public async Task StandardInputThatGetsNowhereSaysWhy()
    {
        using CommandProcess client = StartClient("-W", "localhost:1");
        Assert.Equal(1, await client.WaitForExitAsync());
        Assert.Contains("causeway: localhost:1: refused by the peer: not allowed", client.Log, StringComparison.Ordinal);
    }

    private CommandProcess StartClient(params string[] tunnels)
    {
        // What a shell runs before the command, if the first one is that.
        string before = tunnels[0].EndsWith('|') ? tunnels[0] : "";
        return new CommandProcess(
            ["client", "-s", _serverAddress, "--server-key", _fingerprint, .. before.Length == 0 ? tunnels : tunnels[1..]], before);
    }

    private static async Task<string> MatchAsync(CommandProcess process, string pattern)
    {
        Match match = Match.Empty;
        await process.WaitUntilAsync(() => (match = Regex.Match(process.Log, pattern)).Success);
        return match.Groups[1].Value;
    }

    private static int PortOf(ForwardEndPoint endPoint) => ((IPEndPoint)endPoint.EndPoint).Port;
}
