using System.Net;
using System.Security.Cryptography;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;
using Causeway.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Causeway.AspNetCore.Tests;

/// <summary>HTTP/1.1 and HTTP/2 over streams, asked by .NET's own client.</summary>
public sealed class StreamTests
{
    private const int Megabytes10 = 10 * 1024 * 1024;

    public static TheoryData<string> Versions => ["1.1", "2.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task CarriesTenMegabytesUpAndDown(string version)
    {
        byte[] content = RandomNumberGenerator.GetBytes(Megabytes10);
        await using StreamServer server = await StartAsync(version, app =>
        {
            app.MapGet("/", static (HttpContext context) => $"{context.Request.Protocol} {context.Request.Scheme} {context.Connection.RemoteIpAddress}");
            app.MapGet("/down", () => Results.Bytes(content));
            app.MapPost("/up", static async (HttpContext context) =>
            {
                return Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body));
            });
        });
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        string protocol = version == "2.0" ? "HTTP/2" : "HTTP/1.1";
        Assert.Equal($"{protocol} http 127.0.0.1", await client.GetStringAsync("/"));
        using HttpResponseMessage up = await client.PostAsync("/up", new ByteArrayContent(content));
        Assert.Equal(Convert.ToHexString(SHA256.HashData(content)), await up.Content.ReadAsStringAsync());
        Assert.Equal(content, await client.GetByteArrayAsync("/down"));
        Assert.Equal(1, connector.Connection!.Statistics.Streams.StreamsOpened);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AnswersAHundredRequestsAtOnceOnOneConnection(string version)
    {
        await using StreamServer server = await StartAsync(
            version, static app => app.MapGet("/{i:int}", static async (int i) =>
            {
                await Task.Yield();
                return new string('x', i * 100);
            }));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
            Assert.Equal(i * 100, (await client.GetStringAsync($"/{i}")).Length)));
        Assert.NotNull(connector.Connection);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ACancelledRequestIsAbortedAtTheServer(string version)
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        await using StreamServer server = await StartAsync(version, app => app.MapGet("/", async (HttpContext context) =>
        {
            using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
            begun.SetResult();
            await aborted.Task.WaitAsync(KestrelServer.Patience, CancellationToken.None);
        }));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        using CancellationTokenSource cancellation = new();
        Task<HttpResponseMessage> sending = client.GetAsync("/", cancellation.Token);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await aborted.Task.WaitAsync(KestrelServer.Patience);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AClientThatIsGoneEndsItsRequests(string version)
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        TaskCompletionSource closed = NewSource();
        await using StreamServer server = await StartAsync(version, app => app.MapGet("/", async (HttpContext context) =>
        {
            using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
            context.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(closed.SetResult);
            begun.SetResult();
            await aborted.Task.WaitAsync(KestrelServer.Patience, CancellationToken.None);
        }));
        CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        Task<string> getting = client.GetStringAsync("/");
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await connector.DisposeAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => getting);
        await aborted.Task.WaitAsync(KestrelServer.Patience);
        await closed.Task.WaitAsync(KestrelServer.Patience);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AnAbortOfTheServerIsAnErrorAtTheClient(string version)
    {
        await using StreamServer server = await StartAsync(version, static app => app.MapGet("/", static async (HttpContext context) =>
        {
            context.Response.ContentLength = 20_000;
            await context.Response.Body.WriteAsync(new byte[10_000], CancellationToken.None);
            context.Abort();
        }));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync("/"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task StoppingLetsRequestsEnd(string version)
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource go = NewSource();
        await using StreamServer server = await StartAsync(version, app => app.MapGet("/", async () =>
        {
            begun.SetResult();
            await go.Task.WaitAsync(KestrelServer.Patience);
            return new string('x', 100_000);
        }));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        Task<string> getting = client.GetStringAsync("/");
        await begun.Task.WaitAsync(KestrelServer.Patience);
        Task stopping = server.StopAsync();
        go.SetResult();
        Assert.Equal(100_000, (await getting).Length);
        await stopping;
        await connector.Connection!.Closed.WaitAsync(KestrelServer.Patience);
    }

    [Fact]
    public async Task AConnectorReplacesAConnectionThatWasLost()
    {
        await using StreamServer server = await StartAsync(
            "1.1", static app => app.MapGet("/", static (HttpContext context) => "fine"));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, HttpVersion.Version11);
        Assert.Equal("fine", await client.GetStringAsync("/"));
        CausewayConnection first = connector.Connection!;
        await first.CloseAsync();
        Assert.Equal("fine", await client.GetStringAsync("/"));
        Assert.NotSame(first, connector.Connection);

        // Those who come at once after a loss share the new one.
        await connector.Connection!.CloseAsync();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => Assert.Equal("fine", await client.GetStringAsync("/"))));
        CausewayConnection last = connector.Connection!;
        Assert.InRange(last.Statistics.Streams.StreamsOpened, 1, 20);
    }

    [Fact]
    public async Task AConnectionOfTheApplicationsOwnServesAHandler()
    {
        await using StreamServer server = await StartAsync("1.1", static app => app.MapGet("/", static (HttpContext context) =>
            $"{context.Features.Get<ICausewayConnectionFeature>()!.Connection.NegotiatedApplicationProtocol} {context.Features.Get<ITlsConnectionFeature>() is null}"));
        await using CausewayHttpConnector connector = server.NewConnector();
        await using CausewayConnection connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            RemoteEndPoint = server.Address,
            Profile = StreamServer.Connecting,
        });
        using HttpClient client = new(new SocketsHttpHandler { ConnectCallback = CausewayHttpConnector.Over(connection) });
        Assert.Equal("causeway True", await client.GetStringAsync(new Uri("http://service.test/")));
    }

    [Fact]
    public async Task ItsAddressNamesTheTransport()
    {
        await using StreamServer server = await StartAsync("1.1", static app => app.MapGet("/", static () => "fine"));
        Assert.Contains($"causeway://127.0.0.1:{server.Address.Port}", server.DisplayedAddress, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WorksOverALinkThatLoses(string version)
    {
        const int Seed = 11;
        byte[] content = RandomNumberGenerator.GetBytes(300_000);
        await using StreamServer server = await StartAsync(
            version,
            static app => app.MapPost("/", static async (HttpContext context) =>
            {
                // .NET's client reads no response before it has sent all.
                using MemoryStream body = new();
                await context.Request.Body.CopyToAsync(body);
                return Results.Bytes(body.ToArray());
            }),
            clientLink: static links => links.Use(static next => new FaultInjectionLink(next, new FaultInjectionOptions
            {
                Seed = Seed,
                Send = new FaultModelOptions { Loss = 0.05 },
                Receive = new FaultModelOptions { Loss = 0.05 },
            })));
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        using HttpResponseMessage echo = await client.PostAsync("/", new ByteArrayContent(content));
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await echo.Content.ReadAsByteArrayAsync()));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WorksWithTheKcptunProfile(string version)
    {
        using KcptunProfile listening = new(new KcptunServerConfig { Key = "secret", Crypt = "aes-128-gcm" });
        using KcptunProfile connecting = new(new KcptunClientConfig { Key = "secret", Crypt = "aes-128-gcm" });
        await using StreamServer server = await StartAsync(
            version, static app => app.MapGet("/", static (HttpContext context) => context.Request.Protocol), listening: listening.Transport, connecting: connecting.Transport);
        await using CausewayHttpConnector connector = server.NewConnector();
        using HttpClient client = StreamServer.NewClient(connector, Version.Parse(version));
        Assert.StartsWith("HTTP/", await client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static Task<StreamServer> StartAsync(
        string version,
        Action<WebApplication> map,
        TransportProfile? listening = null,
        TransportProfile? connecting = null,
        Func<Links.DatagramLinkBuilder, Links.DatagramLinkBuilder>? clientLink = null) =>
        StreamServer.StartAsync(map, version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1, listening: listening, connecting: connecting, clientLink: clientLink);
}
