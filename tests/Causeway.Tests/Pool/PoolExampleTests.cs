using System.Net;
using System.Runtime.CompilerServices;
using Causeway.Quic;

namespace Causeway.Tests.Pool;

/// <summary>The example of docs/connection-pool.md, run as it stands there.</summary>
public sealed class PoolExampleTests
{
    [Fact]
    public async Task TheExampleRuns()
    {
        using CausewayKey key = CausewayKey.Create();
        await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key) },
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        });
        CausewayClientOptions client = new()
        {
            Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) },
            RemoteEndPoint = listener.LocalEndPoint,
        };
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        CancellationToken cancellationToken = limit.Token;

        await using ConnectionPool pool = new(new ConnectionPoolOptions
        {
            Connect = token => CausewayConnection.ConnectAsync(client, token),
            MaxConnections = 4,
            ConnectionLifetime = TimeSpan.FromMinutes(30),
            OnEvent = what => Console.WriteLine($"{what.Kind}: {what.Error?.Message}"),
        });
        await using CausewayStream stream = await pool.OpenStreamAsync(cancellationToken);
        await stream.WriteAsync("hello"u8.ToArray(), cancellationToken);

        CausewayConnection server = await listener.AcceptConnectionAsync(cancellationToken);
        CausewayStream accepted = await server.AcceptStreamAsync(cancellationToken);
        byte[] read = new byte[5];
        await accepted.ReadExactlyAsync(read, cancellationToken);
        Assert.Equal("hello"u8.ToArray(), read);
    }

    [Fact]
    public void TheDocumentHasTheExampleAsItRuns()
    {
        string here = Here();
        string document = File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", "connection-pool.md")).ReplaceLineEndings("\n");
        string example = document.Split("```csharp\n")[1].Split("```")[0];
        string source = File.ReadAllText(here).ReplaceLineEndings("\n").Replace("\n        ", "\n", StringComparison.Ordinal);
        Assert.True(example.Length > 100);
        Assert.Contains(example, source, StringComparison.Ordinal);
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
