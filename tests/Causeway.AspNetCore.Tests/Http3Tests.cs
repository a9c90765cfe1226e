using System.Net;
using System.Security.Cryptography;
using Causeway.Http3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Causeway.AspNetCore.Tests;

/// <summary>Kestrel's own HTTP/3 over the managed QUIC, asked by the client of Causeway.Http3.</summary>
public sealed class Http3Tests
{
    private const int Megabytes10 = 10 * 1024 * 1024;

    [Fact]
    public async Task AnswersOverHttp3()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static (HttpContext context) => $"{context.Request.Protocol} {context.Request.Scheme}"));
        using HttpClient client = server.NewClient();
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version30), (response.StatusCode, response.Version));
        Assert.Equal("HTTP/3 https", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task CarriesTenMegabytesUpAndDown()
    {
        byte[] content = RandomNumberGenerator.GetBytes(Megabytes10);
        await using KestrelServer server = await KestrelServer.StartAsync(app =>
        {
            app.MapPost("/up", static async (HttpContext context) =>
            {
                return Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body));
            });
            app.MapGet("/down", () => Results.Bytes(content));
            app.MapPost("/echo", static (HttpContext context) => context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter));
        });
        using HttpClient client = server.NewClient();
        string hash = Convert.ToHexString(SHA256.HashData(content));
        using (HttpResponseMessage up = await client.PostAsync("/up", new ByteArrayContent(content)))
        {
            Assert.Equal(hash, await up.Content.ReadAsStringAsync());
        }

        Assert.Equal(hash, Convert.ToHexString(SHA256.HashData(await client.GetByteArrayAsync("/down"))));
        using HttpResponseMessage echo = await client.PostAsync("/echo", new ByteArrayContent(content));
        Assert.Equal(hash, Convert.ToHexString(SHA256.HashData(await echo.Content.ReadAsByteArrayAsync())));
    }

    [Fact]
    public async Task AnswersAHundredRequestsAtOnce()
    {
        using CountdownEvent all = new(100);
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapPost("/{i:int}", async (int i, HttpContext context) =>
        {
            // None is answered before all are there.
            if (all.Signal())
            {
                go.SetResult();
            }

            await go.Task.WaitAsync(KestrelServer.Patience);
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            return Results.Bytes(body.ToArray());
        }));
        using HttpClient client = server.NewClient();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            byte[] content = new byte[i * 200];
            Array.Fill(content, (byte)i);
            using HttpResponseMessage response = await client.PostAsync($"/{i}", new ByteArrayContent(content));
            Assert.Equal(content, await response.Content.ReadAsByteArrayAsync());
        }));
    }

    [Fact]
    public async Task ReusesWhatARequestNeeds()
    {
        List<object> contexts = [];
        await using KestrelServer server = await KestrelServer.StartAsync(app => app.MapPost("/", async (HttpContext context) =>
        {
            contexts.Add(context.Features.Get<IStreamIdFeature>()!);
            await context.Request.Body.CopyToAsync(Stream.Null);
            return $"{context.Features.Get<IStreamIdFeature>()!.StreamId}";
        }));
        using HttpClient client = server.NewClient();
        List<string> ids = [];
        for (int i = 0; i < 20; i++)
        {
            using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent(new byte[1000]));
            ids.Add(await response.Content.ReadAsStringAsync());
        }

        Assert.Equal(ids, Enumerable.Range(0, 20).Select(static i => $"{i * 4}"));
        Assert.InRange(contexts.Distinct(ReferenceEqualityComparer.Instance).Count(), 1, 10);
    }

    [Fact]
    public async Task CarriesTrailersBothWays()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(static app => app.MapPost("/", static async (HttpContext context) =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            string seen = context.Request.GetTrailer("x-up").ToString();
            await context.Response.WriteAsync("body");
            context.Response.AppendTrailer("x-down", $"{seen} and back");
        }));
        using HttpClient client = server.NewClient();
        using HttpRequestMessage request = new(HttpMethod.Post, "/") { Content = new ByteArrayContent(new byte[100]) };
        request.Options.Set(Http3ClientHandler.RequestTrailers, [new HttpField("x-up", "there")]);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal("body", await response.Content.ReadAsStringAsync());
        Assert.Equal("there and back", Assert.Single(response.TrailingHeaders.GetValues("x-down")));
    }

    [Fact]
    public async Task TellsWhoTheConnectionIs()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(static app => app.MapGet("/", static (HttpContext context) =>
        {
            ITlsHandshakeFeature tls = context.Features.Get<ITlsHandshakeFeature>()!;
            ICausewayConnectionFeature own = context.Features.Get<ICausewayConnectionFeature>()!;
            return string.Join(
                ' ',
                tls.Protocol,
                tls.HostName,
                tls.NegotiatedCipherSuite == own.Connection.NegotiatedCipherSuite && tls.NegotiatedCipherSuite is not null,
                context.Connection.RemoteIpAddress,
                context.Connection.RemotePort == ((IPEndPoint)own.Connection.RemoteEndPoint).Port,
                context.Connection.LocalPort == ((IPEndPoint)own.Connection.LocalEndPoint).Port,
                context.Connection.Id.Length,
                context.Connection.ClientCertificate is null);
        }));
        using HttpClient client = server.NewClient();
        Assert.Equal($"Tls13 {TestCertificate.Name} True 127.0.0.1 True True 13 True", await client.GetStringAsync("/"));
    }

    [Fact]
    public async Task TakesThePlaceOfTheTransportBeforeIt()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static (HttpContext context) => context.Request.Protocol),
            build: static builder => builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory, RefusingFactory>());
        using HttpClient client = server.NewClient();
        Assert.Equal("HTTP/3", await client.GetStringAsync("/"));
    }

    private sealed class RefusingFactory : IMultiplexedConnectionListenerFactory
    {
        public ValueTask<IMultiplexedConnectionListener> BindAsync(
            EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("The transport that was registered before was asked.");
    }
}
