using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Causeway.AspNetCore.Tests;

/// <summary>Limits of the transport and of Kestrel, and what goes wrong at binding.</summary>
public sealed class LimitTests
{
    [Fact]
    public async Task TheTransportsLimitRefusesConnections()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"), static transport => transport.MaxConnections = 1);
        using HttpClient first = server.NewClient();
        Assert.Equal("fine", await first.GetStringAsync("/"));
        TransportException refused = await Assert.ThrowsAsync<TransportException>(() => server.ConnectAsync().AsTask());
        Assert.Equal(TransportError.ConnectionRefused, refused.Error);
        Assert.Equal("fine", await first.GetStringAsync("/"));
    }

    [Fact]
    public async Task KestrelsLimitClosesConnections()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"), kestrel: static options => options.Limits.MaxConcurrentConnections = 1);
        using HttpClient first = server.NewClient();
        Assert.Equal("fine", await first.GetStringAsync("/"));
        await using CausewayConnection second = await server.ConnectAsync();
        await second.Closed.WaitAsync(KestrelServer.Patience);
        Assert.Equal(TransportError.ClosedByPeer, second.Failure!.Error);
        Assert.Equal("fine", await first.GetStringAsync("/"));
    }

    [Fact]
    public async Task StreamsAreLimited()
    {
        int most = 0;
        int now = 0;
        await using KestrelServer server = await KestrelServer.StartAsync(
            app => app.MapPost("/", async (HttpContext context) =>
            {
                InterlockedMax(ref most, Interlocked.Increment(ref now));
                await context.Request.Body.CopyToAsync(Stream.Null);
                await Task.Yield();
                Interlocked.Decrement(ref now);
                return "fine";
            }),
            static transport => transport.MaxBidirectionalStreamCount = 3);
        using HttpClient client = server.NewClient();
        await Task.WhenAll(Enumerable.Range(0, 30).Select(async _ =>
        {
            using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent(new byte[10_000]));
            Assert.Equal("fine", await response.Content.ReadAsStringAsync());
        }));
        Assert.InRange(most, 1, 3);

        static void InterlockedMax(ref int place, int value)
        {
            int seen = place;
            while (seen < value)
            {
                seen = Interlocked.CompareExchange(ref place, value, seen);
            }
        }
    }

    [Fact]
    public async Task APortInUseIsReportedAsKestrelDoes()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        IOException error = await Assert.ThrowsAsync<IOException>(() => KestrelServer.StartAsync(
            static _ => { },
            kestrel: options => options.Listen(IPAddress.Loopback, port, static endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http3;
                endpoint.UseHttps(TestCertificate.Default);
            })));
        Assert.IsType<AddressInUseException>(error.InnerException);
    }

    [Fact]
    public async Task OptionsThatCannotWorkAreNamed()
    {
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => KestrelServer.StartAsync(static _ => { }, static transport => transport.Backlog = 0));
        Assert.Equal("Backlog", error.ParamName);
    }

    [Fact]
    public async Task AnswersOverTcpAnnounceHttp3()
    {
        await using KestrelServer server = await StartOnBothAsync();
        int port = server.Address.Port;
        using SocketsHttpHandler handler = new() { SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == $"CN={TestCertificate.Name}" } };
        using HttpClient tcp = new(handler);
        using HttpResponseMessage response = await tcp.GetAsync(new Uri($"https://127.0.0.1:{port}/"));
        Assert.Equal("HTTP/1.1", await response.Content.ReadAsStringAsync());
        Assert.StartsWith($"h3=\":{port}\"", Assert.Single(response.Headers.GetValues("Alt-Svc")), StringComparison.Ordinal);
        using HttpClient quic = server.NewClient();
        Assert.Equal("HTTP/3", await quic.GetStringAsync("/"));
    }

    // Kestrel takes no free port for two transports at once, so one is looked for that both have.
    private static async Task<KestrelServer> StartOnBothAsync()
    {
        while (true)
        {
            using Socket udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            int port = ((IPEndPoint)udp.LocalEndPoint!).Port;
            udp.Dispose();
            try
            {
                return await KestrelServer.StartAsync(
                    static app => app.MapGet("/", static (HttpContext context) => context.Request.Protocol),
                    kestrel: options => options.Listen(IPAddress.Loopback, port, static endpoint =>
                    {
                        endpoint.Protocols = HttpProtocols.Http1AndHttp2AndHttp3;
                        endpoint.UseHttps(TestCertificate.Default);
                    }),
                    listensByItself: false);
            }
            catch (IOException error) when (error.InnerException is AddressInUseException)
            {
                // Somebody has it for TCP.
            }
        }
    }
}
