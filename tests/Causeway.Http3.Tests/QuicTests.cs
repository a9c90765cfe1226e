using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway.Quic;

namespace Causeway.Http3.Tests;

/// <summary>The public surface over the managed QUIC engine and sockets of the loopback interface.</summary>
public sealed class QuicTests
{
    [Fact]
    public async Task FetchesAndEchoesOverHttp3()
    {
        TaskCompletionSource<Http3Exception> cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Http3Server server = new(async (request, cancellationToken) =>
        {
            if (request.Path == "/cancelled")
            {
                asked.SetResult();
                cancelled.SetResult(await Assert.ThrowsAsync<Http3Exception>(
                    () => request.Body.CopyToAsync(Stream.Null, cancellationToken)));
            }

            return new Http3Response(request.Path == "/missing" ? 404 : 200) { Body = request.Body, Trailers = () => request.Trailers };
        });
        await using QuicServer listener = await QuicServer.StartAsync("h3", connection => server.ServeAsync(connection));
        using HttpClient client = new(new Http3ClientHandler((_, token) => listener.ConnectAsync(token)));
        client.Timeout = Harness.Patience;
        Uri root = new("https://a.example/");

        byte[] content = RandomNumberGenerator.GetBytes(5_000_000);
        using (HttpResponseMessage response = await client.PostAsync(root, new ByteArrayContent(content)))
        {
            Assert.Equal(SHA256.HashData(content), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
        }

        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            using HttpRequestMessage request = new(HttpMethod.Post, root) { Content = new ByteArrayContent(content[..(i * 300)]) };
            request.Options.Set(Http3ClientHandler.RequestTrailers, [new HttpField("x-i", $"{i}")]);
            using HttpResponseMessage response = await client.SendAsync(request);
            Assert.Equal(i * 300, (await response.Content.ReadAsByteArrayAsync()).Length);
            Assert.Equal($"{i}", Assert.Single(response.TrailingHeaders.GetValues("x-i")));
        }));
        using (HttpResponseMessage missing = await client.GetAsync(new Uri(root, "missing")))
        {
            Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        }

        using CancellationTokenSource cancellation = new();
        PushContent pushed = new();
        Task<HttpResponseMessage> sending = client.PostAsync(new Uri(root, "cancelled"), pushed, cancellation.Token);
        await (await pushed.Started.WaitAsync(Harness.Patience)).WriteAsync(new byte[100]);

        // A reset may overtake the request, which the server then never sees.
        await asked.Task.WaitAsync(Harness.Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Http3Exception error = await cancelled.Task.WaitAsync(Harness.Patience);
        Assert.Equal((Http3ErrorCode.RequestCancelled, true, false), (error.ErrorCode, error.IsByPeer, error.IsConnectionError));
    }

    [Fact]
    public async Task FetchesOverHqInterop()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("causeway-hq-");
        try
        {
            byte[] content = RandomNumberGenerator.GetBytes(3_000_000);
            await File.WriteAllBytesAsync(Path.Combine(root.FullName, "file"), content);
            HqServer server = new(new StaticFiles(root.FullName));
            await using QuicServer listener = await QuicServer.StartAsync("hq-interop", connection => server.ServeAsync(connection));
            await using CausewayConnection client = await listener.ConnectAsync(default);
            await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
            {
                await using Stream file = await HqClient.GetAsync(client, "/file");
                MemoryStream all = new();
                await file.CopyToAsync(all).WaitAsync(Harness.Patience);
                Assert.Equal(SHA256.HashData(content), SHA256.HashData(all.ToArray()));
            }));
            await using Stream missing = await HqClient.GetAsync(client, "/missing");
            Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(
                () => missing.ReadAsync(new byte[1]).AsTask().WaitAsync(Harness.Patience));
            Assert.Equal((Http3ErrorCode.RequestRejected, true), (error.ErrorCode, error.IsByPeer));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task AProtocolErrorReachesThePeerWithItsCode()
    {
        Http3Server server = new((_, _) => ValueTask.FromResult(new Http3Response(200)));
        await using QuicServer listener = await QuicServer.StartAsync("h3", connection => server.ServeAsync(connection));
        await using CausewayConnection client = await listener.ConnectAsync(default);
        await using CausewayStream control = await client.OpenStreamAsync(StreamDirection.Unidirectional);
        await control.WriteAsync(Wire.Concat([0], Wire.Frame(Framing.FrameType.GoAway, 0)));
        await client.Closed.WaitAsync(Harness.Patience);
        Assert.Equal(((long)Http3ErrorCode.MissingSettings, true), (client.Failure!.ErrorCode, client.Failure.IsByPeer));
    }

    /// <summary>Listens with a certificate of its own, and serves every connection.</summary>
    private sealed class QuicServer : IAsyncDisposable
    {
        private const string Name = "a.example";

        private readonly CausewayListener _listener;
        private readonly SslApplicationProtocol _protocol;
        private readonly Task _serving;

        private QuicServer(CausewayListener listener, SslApplicationProtocol protocol, Func<CausewayConnection, Task> serve)
        {
            _listener = listener;
            _protocol = protocol;
            _serving = ServeAsync(serve);
        }

        public static async Task<QuicServer> StartAsync(string protocol, Func<CausewayConnection, Task> serve)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new($"CN={Name}", key, HashAlgorithmName.SHA256);
            CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
            {
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                Profile = new QuicProfile
                {
                    ServerAuthentication = new SslServerAuthenticationOptions
                    {
                        ServerCertificate = request.CreateSelfSigned(
                            TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1)),
                        ApplicationProtocols = [new SslApplicationProtocol(protocol)],
                    },
                },
            });
            return new QuicServer(listener, new SslApplicationProtocol(protocol), serve);
        }

        public ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken) =>
            CausewayConnection.ConnectAsync(
                new CausewayClientOptions
                {
                    RemoteEndPoint = _listener.LocalEndPoint,
                    Profile = new QuicProfile
                    {
                        ClientAuthentication = new SslClientAuthenticationOptions
                        {
                            TargetHost = Name,
                            ApplicationProtocols = [_protocol],
                            RemoteCertificateValidationCallback = static (_, certificate, _, _) =>
                                certificate?.Subject == $"CN={Name}",
                        },
                    },
                },
                cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await _listener.DisposeAsync();
            await _serving.WaitAsync(Harness.Patience);
        }

        private async Task ServeAsync(Func<CausewayConnection, Task> serve)
        {
            try
            {
                while (true)
                {
                    _ = serve(await _listener.AcceptConnectionAsync());
                }
            }
            catch (TransportException)
            {
                // The listener was closed.
            }
        }
    }
}
