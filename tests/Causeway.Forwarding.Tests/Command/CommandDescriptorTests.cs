using System.Net;
using System.Net.Sockets;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Forwarding.Tests.Command;

/// <summary>More connections than the process may have files open, at either end, with real processes.</summary>
public sealed class CommandDescriptorTests : IAsyncDisposable
{
    // Room for some eighty connections beside what the runtime has open, and a reserve of 25.
    private const string Limit = "ulimit -n 200;";

    private const int Live = 40;
    private const int Flood = 300;

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly EchoTarget _target = new();

    public async ValueTask DisposeAsync()
    {
        await _target.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [ShellFact]
    public async Task AClientLetsConnectionsWaitAndLiveOnesGoOn()
    {
        using KcptunProfile profile = new(new KcptunServerConfig { Listen = "127.0.0.1:1", Key = "test", Crypt = "aes-128-gcm" });
        await using ForwardServer server = await ForwardServer.StartAsync(new ForwardServerOptions
        {
            Listeners = [profile.NewListenerOptions()[0] with { ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) }],
            Target = _target.EndPoint,
        });
        ForwardEndPoint near = ForwardEndPoint.Parse(Path.Combine(_folder, "near.sock"));
        using CommandProcess client = new(
            ["kcptun", "client", "-r", server.LocalEndPoints[0].ToString()!, "-l", near.ToString(), "--key", "test", "--crypt", "aes-128-gcm"], Limit);

        await FloodAsync(client, () => client.ConnectAsync(near));
    }

    [ShellFact]
    public async Task AServerLetsStreamsWaitAndLiveOnesGoOn()
    {
        int port = FreePort();
        using CommandProcess server = new(
            ["kcptun", "server", "-l", $"127.0.0.1:{port}", "-t", _target.EndPoint.ToString(), "--key", "test", "--crypt", "aes-128-gcm"], Limit);
        await server.WaitUntilAsync(() => server.Log.Contains("Listening on", StringComparison.Ordinal));
        using KcptunProfile profile = new(new KcptunClientConfig { RemoteAddress = $"127.0.0.1:{port}", Key = "test", Crypt = "aes-128-gcm" });
        await using ForwardClient client = ForwardClient.Start(new ForwardClientOptions
        {
            Listen = ForwardEndPoint.Parse("127.0.0.1:0"),
            Connection = profile.NewClientOptions,
        });

        await FloodAsync(server, () => Sockets.ConnectAsync(client.LocalEndPoint));
    }

    [ShellFact]
    public async Task WhatCannotBeHadIsWarnedOf()
    {
        using CommandProcess client = new(
            ["kcptun", "client", "-r", "127.0.0.1:1", "-l", Path.Combine(_folder, "near.sock"), "--key", "test", "--max-forwards", "5000"], Limit);
        await client.WaitUntilAsync(() => client.Log.Contains(
            "warning: max-forwards is 5000, but this process may have 200 files open", StringComparison.Ordinal));
        await client.WaitUntilAsync(() => client.Log.Contains(" max-forwards: ", StringComparison.Ordinal));
    }

    private static async Task FloodAsync(CommandProcess limited, Func<Task<Socket>> connect)
    {
        Socket[] live = new Socket[Live];
        List<Socket> flood = [];
        try
        {
            for (int i = 0; i < Live; i++)
            {
                live[i] = await connect();
                await EchoAsync(live[i]);
            }

            HashSet<string> loaded = Assemblies(limited);
            for (int i = 0; i < Flood; i++)
            {
                flood.Add(await connect());
                await flood[i].SendAllAsync(new byte[] { 1 });
            }

            await limited.WaitUntilAsync(() => limited.Log.Contains("limit of 200", StringComparison.Ordinal));
            await EchoAllAsync(live);

            foreach (Socket socket in flood)
            {
                socket.Dispose();
            }

            // Those that wait are taken first, and found closed.
            for (int i = 0; i < 20; i++)
            {
                using Socket socket = await connect();
                await EchoAsync(socket);
            }

            await EchoAllAsync(live);

            // What is not there before the first connection may fail to load when it is needed, and that is remembered.
            string[] late = [.. Assemblies(limited).Except(loaded)];
            Assert.True(late.Length == 0, $"loaded late: {string.Join(", ", late)}; the log ends with {limited.Log[^Math.Min(limited.Log.Length, 3000)..]}");
        }
        finally
        {
            foreach (Socket? socket in live.Concat(flood))
            {
                socket?.Dispose();
            }
        }
    }

    private static async Task EchoAllAsync(Socket[] sockets)
    {
        foreach (Socket socket in sockets)
        {
            await EchoAsync(socket);
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        await socket.SendAllAsync(new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], await socket.ReceiveExactlyAsync(3));
    }

    private static HashSet<string> Assemblies(CommandProcess process) => !OperatingSystem.IsLinux() ? [] :
    [
        .. File.ReadLines($"/proc/{process.Id}/maps")
            .Select(static line => line[(line.LastIndexOf('/') + 1)..])
            .Where(static name => name.EndsWith(".dll", StringComparison.Ordinal)),
    ];

    // The command takes no port 0 for a server: clients need a number that stays.
    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
