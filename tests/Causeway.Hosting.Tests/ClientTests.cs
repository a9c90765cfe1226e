using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Quic;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Causeway.Hosting.Tests;

/// <summary>Connections by name, and the health check.</summary>
public sealed class ClientTests
{
    private static readonly byte[] s_hello = "hello"u8.ToArray();

    [Fact]
    public async Task CallersShareTheConnectionOfAName()
    {
        await using Pair pair = await Pair.StartAsync();
        CausewayConnection[] shared = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => pair.Factory.GetConnectionAsync("echo").AsTask())).Guarded();
        Assert.All(shared, connection => Assert.Same(shared[0], connection));
        Assert.Equal(s_hello, await shared[0].AskAsync(s_hello));
        await using CausewayConnection own = await pair.Factory.ConnectAsync("echo").Guarded();
        Assert.NotSame(shared[0], own);

        // One that has ended is replaced.
        await shared[0].CloseAsync().Guarded();
        CausewayConnection next = await pair.Factory.GetConnectionAsync("echo").Guarded();
        Assert.NotSame(shared[0], next);
        Assert.Equal(s_hello, await next.AskAsync(s_hello));
        await Assert.ThrowsAsync<ArgumentException>(() => pair.Factory.GetConnectionAsync("another").AsTask());

        await pair.Client.StopAsync().Guarded();
        Assert.True(next.Closed.IsCompleted);
        Assert.False(own.Closed.IsCompleted);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.Factory.GetConnectionAsync("echo").AsTask());
    }

    [Fact]
    public async Task AConnectionThatIsToBeKeptIsMadeAgain()
    {
        await using Pair pair = await Pair.StartAsync(static settings => settings.KeepConnected = true);
        ClientSet clients = pair.Client.Services.GetRequiredService<ClientSet>();
        NamedClient client = Assert.Single(clients.All);
        await TestHost.UntilAsync(() => client.Open is not null);
        CausewayConnection first = client.Open!;
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(pair.Client)).Status);
        await first.CloseAsync().Guarded();
        await TestHost.UntilAsync(() => client.Open is { } open && open != first);
    }

    [Fact]
    public async Task HealthSaysWhatIsNotUp()
    {
        await using Pair pair = await Pair.StartAsync();

        // A client that nobody has asked for is no problem; nor is a listener that is up.
        HealthReportEntry idle = await HealthAsync(pair.Client);
        Assert.Equal((HealthStatus.Healthy, "not connected, not asked for"), (idle.Status, idle.Data["client:echo"]));
        HealthReportEntry up = await HealthAsync(pair.Server);
        Assert.Equal(HealthStatus.Healthy, up.Status);
        Assert.StartsWith("up on 127.0.0.1:", (string)up.Data["listener:echo"], StringComparison.Ordinal);

        await pair.Factory.GetConnectionAsync("echo").Guarded();
        HealthReportEntry connected = await HealthAsync(pair.Client);
        Assert.StartsWith("connected to 127.0.0.1:", (string)connected.Data["client:echo"], StringComparison.Ordinal);

        await pair.Server.StopAsync().Guarded();
        HealthReportEntry stopped = await HealthAsync(pair.Server);
        Assert.Equal((HealthStatus.Unhealthy, "listener echo: not up"), (stopped.Status, stopped.Description));
    }

    [Fact]
    public async Task AClientThatDoesNotTrustItsServerIsUnhealthyAndSaysWhy()
    {
        using CausewayKey other = CausewayKey.Create();
        await using Pair pair = await Pair.StartAsync(settings =>
        {
            settings.Peers.Clear();
            settings.Peers.Add(other.Fingerprint);
        });
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => pair.Factory.GetConnectionAsync("echo").Guarded());
        HealthReportEntry entry = await HealthAsync(pair.Client);
        Assert.Equal((HealthStatus.Unhealthy, $"client echo: {error.Message}"), (entry.Status, entry.Description));
    }

    [Fact]
    public async Task AListenerWhoseSocketFailedIsUnhealthyAndSaysWhy()
    {
        LogLines log = new();
        BreakableLink? link = null;
        (IHost host, _) = await TestHost.ListenAsync(
            (builder, listen) => builder.AddListener(TestHost.ListenerName, TestHost.EchoAsync, settings =>
            {
                listen(settings);
                settings.Customize(options => options with { CreateLink = local => link = new BreakableLink(UdpLink.Bind((IPEndPoint)local, new UdpLinkOptions())) });
            }),
            log);
        using (host)
        {
            link!.Failure.SetException(new IOException("The cable is cut."));
            await TestHost.UntilAsync(() => log.All.Any(static line => line.Id == 1202));
            HealthReportEntry entry = await HealthAsync(host);
            Assert.Equal(HealthStatus.Unhealthy, entry.Status);
            Assert.Contains("The cable is cut.", entry.Description, StringComparison.Ordinal);
            await host.StopAsync().Guarded();
        }
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync().Guarded()).Entries["causeway"];

    /// <summary>A host with a listener, and one with its client.</summary>
    private sealed class Pair(IHost server, IHost client) : IAsyncDisposable
    {
        public IHost Server => server;

        public IHost Client => client;

        public ICausewayClientFactory Factory => client.Clients();

        public static async Task<Pair> StartAsync(Action<CausewayClientSettings>? configure = null)
        {
            (IHost server, string fingerprint) = await TestHost.ListenAsync(
                static (builder, listen) => builder.AddListener(TestHost.ListenerName, TestHost.EchoAsync, listen));
            IHost client = TestHost.Create(builder => builder.AddClient("echo", settings =>
            {
                settings.EndPoint = server.Listener().LocalEndPoint.ToString();
                settings.Peers.Add(fingerprint);
                configure?.Invoke(settings);
            }));
            await client.StartAsync().Guarded();
            return new Pair(server, client);
        }

        public async ValueTask DisposeAsync()
        {
            await client.StopAsync().Guarded();
            client.Dispose();
            await server.StopAsync().Guarded();
            server.Dispose();
        }
    }

    /// <summary>A link that receives until it is told to fail.</summary>
    private sealed class BreakableLink(UdpLink inner) : IDatagramLink
    {
        public TaskCompletionSource<int> Failure { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public DatagramLinkCapabilities Capabilities => inner.Capabilities;

        public EndPoint LocalEndPoint => inner.LocalEndPoint;

        public async ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            await await Task.WhenAny(inner.ReceiveAsync(buffers, cancellationToken).AsTask(), Failure.Task);

        public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            inner.SendAsync(buffers, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
