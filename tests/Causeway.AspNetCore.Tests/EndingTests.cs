using System.Net;
using Causeway.Http3;
using Causeway.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Causeway.AspNetCore.Tests;

/// <summary>How requests, connections and servers end, as both ends see it.</summary>
public sealed class EndingTests
{
    private static CancellationToken Never => CancellationToken.None;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACancelledRequestIsAbortedAtTheServer(bool hasContent)
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.Map("/", async (HttpContext context) =>
        {
            // A client that has sent all of its request can only refuse the response.
            await context.Request.Body.CopyToAsync(Stream.Null, Never);
            using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
            begun.SetResult();
            await aborted.Task.WaitAsync(KestrelServer.Patience, Never);
        }));
        using HttpClient client = server.NewClient();
        using CancellationTokenSource cancellation = new();
        using HttpRequestMessage request = new(hasContent ? HttpMethod.Post : HttpMethod.Get, "/");
        request.Content = hasContent ? new ByteArrayContent(new byte[100_000]) : null;
        Task<HttpResponseMessage> sending = client.SendAsync(request, cancellation.Token);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        await aborted.Task.WaitAsync(KestrelServer.Patience);
    }

    [Fact]
    public async Task ARequestWhoseContentIsCutOffIsAbortedAtTheServer()
    {
        TaskCompletionSource<Exception?> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource begun = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapPost("/", async (HttpContext context) =>
        {
            begun.SetResult();
            Exception? error = await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null, Never));
            Assert.True(context.RequestAborted.IsCancellationRequested);
            ended.SetResult(error);
        }));
        using HttpClient client = server.NewClient();
        using CancellationTokenSource cancellation = new();
        using StallingContent content = new();
        Task<HttpResponseMessage> sending = client.PostAsync("/", content, cancellation.Token);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.IsAssignableFrom<IOException>(await ended.Task.WaitAsync(KestrelServer.Patience));
    }

    [Fact]
    public async Task AnAbortOfTheServerIsAnErrorAtTheClient()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(static app =>
        {
            app.MapGet("/abort", static async (HttpContext context) =>
            {
                await context.Response.Body.WriteAsync(new byte[10_000], Never);
                context.Abort();
            });
            app.MapGet("/reset", static (HttpContext context) => context.Features.Get<IHttpResetFeature>()!.Reset((int)Http3ErrorCode.RequestRejected));
            app.MapGet("/", static () => "fine");
        });
        using HttpClient client = server.NewClient();
        HttpRequestException aborted = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync("/abort"));
        Assert.Equal(Http3ErrorCode.InternalError, Assert.IsType<Http3Exception>(aborted.InnerException).ErrorCode);

        // The connection goes on.
        Assert.Equal("fine", await client.GetStringAsync("/"));
        HttpRequestException reset = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync("/reset"));
        Assert.Equal(Http3ErrorCode.RequestRejected, Assert.IsType<Http3Exception>(reset.InnerException).ErrorCode);
    }

    [Fact]
    public async Task ContentThatNobodyReadsIsStoppedAndTheAnswerArrives()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(static app => app.MapPost("/", static () => "enough"));
        using HttpClient client = server.NewClient();
        using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent(new byte[5_000_000]));
        Assert.Equal("enough", await response.Content.ReadAsStringAsync());
        Assert.Equal("enough", await (await client.PostAsync("/", new ByteArrayContent(new byte[100]))).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task AClientThatLeavesEndsItsRequestsAndItsConnection()
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        TaskCompletionSource closed = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapGet("/", async (HttpContext context) =>
        {
            using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
            context.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(closed.SetResult);
            begun.SetResult();
            await aborted.Task.WaitAsync(KestrelServer.Patience, Never);
        }));
        await using CausewayConnection connection = await server.ConnectAsync();
        using HttpClient client = new(new Http3ClientHandler((_, _) => ValueTask.FromResult(connection)));
        Task<string> getting = client.GetStringAsync(server.Root);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await connection.CloseAsync((long)Http3ErrorCode.NoError);
        await Assert.ThrowsAsync<HttpRequestException>(() => getting);
        await aborted.Task.WaitAsync(KestrelServer.Patience);
        await closed.Task.WaitAsync(KestrelServer.Patience);
    }

    [Fact]
    public async Task AClientThatFallsSilentEndsItsRequests()
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(
            app => app.MapGet("/", async (HttpContext context) =>
            {
                using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
                begun.SetResult();
                await aborted.Task.WaitAsync(KestrelServer.Patience, Never);
            }),
            static transport => transport.ConfigureProfile = static profile => profile with { IdleTimeout = TimeSpan.FromSeconds(1) });
        FaultInjectionLink? link = null;
        await using CausewayConnection connection = await server.ConnectAsync(configureLink: links => links.Use(next =>
            link = new FaultInjectionLink(next, new FaultInjectionOptions())));
        using HttpClient client = new(new Http3ClientHandler((_, _) => ValueTask.FromResult(connection)));
        Task<string> getting = client.GetStringAsync(server.Root);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        link!.SetBlackout(isDown: true);
        await aborted.Task.WaitAsync(KestrelServer.Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => getting);
    }

    [Fact]
    public async Task ConnectionClosedFiresWithoutARequest()
    {
        TaskCompletionSource<BaseConnectionContext> accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"),
            listen: endpoint =>
            {
                endpoint.UseHttps(TestCertificate.Default);
                ((IMultiplexedConnectionBuilder)endpoint).Use(next => context =>
                {
                    accepted.SetResult(context);
                    return next(context);
                });
            });
        CausewayConnection connection = await server.ConnectAsync();
        BaseConnectionContext context = await accepted.Task.WaitAsync(KestrelServer.Patience);
        TaskCompletionSource closed = NewSource();
        context.ConnectionClosed.Register(closed.SetResult);
        Assert.False(closed.Task.IsCompleted);
        await connection.CloseAsync((long)Http3ErrorCode.NoError);
        await closed.Task.WaitAsync(KestrelServer.Patience);
    }

    [Fact]
    public async Task WritingToAClientThatIsGoneDoesNotThrow()
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource<Exception?> written = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapGet("/", async (HttpContext context) =>
        {
            begun.SetResult();
            written.SetResult(await Record.ExceptionAsync(async () =>
            {
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.BodyWriter.WriteAsync(new byte[10_000], Never);
                }

                Assert.True((await context.Response.BodyWriter.WriteAsync(new byte[10_000], Never)).IsCompleted);
            }));
        }));
        using HttpClient client = server.NewClient();
        using CancellationTokenSource cancellation = new();
        Task<HttpResponseMessage> sending = client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, cancellation.Token);
        await begun.Task.WaitAsync(KestrelServer.Patience);
        using (HttpResponseMessage response = await sending)
        {
            // Disposed before its end: the rest is refused.
        }

        Assert.Null(await written.Task.WaitAsync(KestrelServer.Patience));
    }

    [Fact]
    public async Task StoppingLetsRequestsEndAndIsSoonOver()
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource go = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(app =>
        {
            app.MapGet("/slow", async () =>
            {
                begun.SetResult();
                await go.Task.WaitAsync(KestrelServer.Patience);
                return "done";
            });
            app.MapGet("/", static () => "fine");
        });
        using HttpClient idle = server.NewClient();
        using HttpClient busy = server.NewClient();
        Assert.Equal("fine", await idle.GetStringAsync("/"));
        Task<string> slow = busy.GetStringAsync("/slow");
        await begun.Task.WaitAsync(KestrelServer.Patience);
        Task stopping = server.StopAsync();
        await Assert.ThrowsAsync<TransportException>(async () =>
        {
            while (true)
            {
                await using CausewayConnection another = await server.ConnectAsync();
            }
        });
        Assert.False(stopping.IsCompleted);
        go.SetResult();
        Assert.Equal("done", await slow);
        await stopping;
    }

    [Fact]
    public async Task StoppingWithIdleConnectionsWaitsForNothing()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"),
            static transport => transport.CloseTimeout = TimeSpan.FromHours(1));
        List<HttpClient> clients = [.. Enumerable.Range(0, 10).Select(_ => server.NewClient())];
        await Task.WhenAll(clients.Select(static client => client.GetStringAsync("/")));

        // With a timeout of an hour, only clients that are told and answer make it end within the test's patience.
        await server.StopAsync();
        clients.ForEach(static client => client.Dispose());
    }

    [Fact]
    public async Task StoppingCutsOffWhatDoesNotEnd()
    {
        TaskCompletionSource begun = NewSource();
        TaskCompletionSource aborted = NewSource();
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapGet("/", async (HttpContext context) =>
        {
            using CancellationTokenRegistration registration = context.RequestAborted.Register(aborted.SetResult);
            begun.SetResult();
            await aborted.Task.WaitAsync(KestrelServer.Patience, Never);
        }));
        using HttpClient client = server.NewClient();
        Task<string> getting = client.GetStringAsync("/");
        await begun.Task.WaitAsync(KestrelServer.Patience);
        await server.StopAsync(new CancellationToken(canceled: true));
        await aborted.Task.WaitAsync(KestrelServer.Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => getting);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends a piece and then nothing.</summary>
    private sealed class StallingContent : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Never);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(new byte[1000], cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
