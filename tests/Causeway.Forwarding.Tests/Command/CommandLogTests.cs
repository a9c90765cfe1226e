using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Forwarding.Tests.Command;

/// <summary>A log that takes no lines, in every way that a shell can arrange, with real processes.</summary>
public sealed class CommandLogTests : IAsyncLifetime
{
    // Of the lines of so many connections a pipe that nobody reads takes the smaller part.
    private const int ConnectionsForAPipe = 700;

    // Any other log fails with its first line.
    private const int Connections = 50;

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly EchoTarget _target = new();
    private KcptunProfile _profile = null!;
    private ForwardServer _server = null!;

    private ForwardEndPoint Near => ForwardEndPoint.Parse(Path.Combine(_folder, "near.sock"));

    public async Task InitializeAsync()
    {
        _profile = new KcptunProfile(new KcptunServerConfig { Listen = "127.0.0.1:1", Key = "test", Crypt = "aes-128-gcm" });
        _server = await ForwardServer.StartAsync(new ForwardServerOptions
        {
            Listeners = [_profile.NewListenerOptions()[0] with { ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) }],
            Target = _target.EndPoint,
        });
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _profile.Dispose();
        await _target.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [ShellTheory]
    [InlineData("", "")]
    [InlineData("", "2>&-")]
    [InlineData("", ">&- 2>&- <&-")]
    [InlineData("", "2>/dev/full")]
    [InlineData("--log /dev/full", "")]
    [InlineData("--log /no/such/folder/log", "")]
    [InlineData("--log FIFO", "")]
    public async Task ALogThatTakesNoLinesStopsNeitherTrafficNorTheEnd(string log, string redirections)
    {
        using CommandProcess client = StartClient(log.Replace("FIFO", NewFifo(), StringComparison.Ordinal), redirections, reads: false);
        await EchoManyAsync(client, log.Length + redirections.Length == 0 ? ConnectionsForAPipe : Connections);

        client.Signal("TERM");
        Assert.Equal(0, await client.WaitForExitAsync());
    }

    [ShellFact]
    public async Task ALogThatCannotBeWrittenIsAWarning()
    {
        using CommandProcess client = StartClient("--log /no/such/folder/log", "", reads: true);
        await EchoAsync(client);
        await client.WaitUntilAsync(() => client.Log.Contains("warning: log is \"/no/such/folder/log\"", StringComparison.Ordinal));
    }

    [ShellFact]
    public async Task HangUpReopensTheLog()
    {
        string path = Path.Combine(_folder, "causeway.log");
        using CommandProcess client = StartClient($"--log {path}", "", reads: true);
        await EchoAsync(client);
        await client.WaitUntilAsync(() => File.Exists(path) && File.ReadAllText(path).Contains("stream closed", StringComparison.Ordinal));

        File.Move(path, path + ".1");
        client.Signal("HUP");
        await client.WaitUntilAsync(() => File.Exists(path));
        string before = await File.ReadAllTextAsync(path + ".1");
        await EchoAsync(client);
        await client.WaitUntilAsync(() => File.ReadAllText(path).Contains("stream opened", StringComparison.Ordinal));
        Assert.Equal(before, await File.ReadAllTextAsync(path + ".1"));

        client.Signal("TERM");
        Assert.Equal(0, await client.WaitForExitAsync());
    }

    [ShellTheory]
    [InlineData(">/dev/full", 1)]
    [InlineData(">&-", 0)]
    public async Task AnOutputThatTakesNothingEndsInOrder(string redirections, int code)
    {
        using CommandProcess command = new(["--help"], redirections: redirections);
        Assert.Equal(code, await command.WaitForExitAsync());
    }

    private CommandProcess StartClient(string log, string redirections, bool reads) => new(
        [
            "kcptun", "client", "-r", _server.LocalEndPoints[0].ToString()!, "-l", Near.ToString(), "--key", "test", "--crypt", "aes-128-gcm",
            .. log.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        ],
        redirections: redirections,
        reads: reads);

    private async Task EchoManyAsync(CommandProcess client, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await EchoAsync(client);
        }
    }

    private async Task EchoAsync(CommandProcess client)
    {
        using Socket socket = await client.ConnectAsync(Near);
        await socket.SendAllAsync(new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], await socket.ReceiveExactlyAsync(3));
        socket.Shutdown(SocketShutdown.Send);
        Assert.Empty(await socket.ReceiveAllAsync());
    }

    /// <summary>A pipe with a name that nobody reads: opening it blocks.</summary>
    private string NewFifo()
    {
        string path = Path.Combine(_folder, "fifo");
        using Process make = Process.Start("mkfifo", [path]);
        make.WaitForExit();
        return path;
    }
}
