using System.Net;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>An <see cref="HttpClient"/> and an <see cref="Http3Server"/> that reach each other over connections in memory.</summary>
internal sealed class Harness : IAsyncDisposable
{
    private readonly CancellationTokenSource _shutdown = new();
    private readonly Http3Server _server;

    public Harness(Http3RequestHandler handler, Http3Limits? clientLimits = null, Http3Limits? serverLimits = null)
    {
        _server = new Http3Server(handler, serverLimits);
        Handler = new Http3ClientHandler(Connect, clientLimits);
        Client = new HttpClient(Handler) { BaseAddress = new Uri("https://a.example/"), Timeout = Patience };
    }

    /// <summary>How long a test waits for what must happen. Long enough for a busy machine; nobody waits for it to pass.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(60);

    public HttpClient Client { get; }

    public Http3ClientHandler Handler { get; }

    /// <summary>The client's ends of the connections made so far.</summary>
    public List<MemoryTransport> Connections { get; } = [];

    /// <summary>What serving each connection returned, or will.</summary>
    public List<Task<Http3Exception?>> Servings { get; } = [];

    /// <summary>Begins the graceful shutdown of the connections made so far.</summary>
    public void ShutDown() => _shutdown.Cancel();

    /// <summary>Makes a client connection without a handler around it.</summary>
    public static ValueTask<Http3ClientConnection> ConnectToPeerAsync(out Peer peer, Http3Limits? limits = null)
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        peer = new Peer(server);
        return Http3ClientConnection.StartAsync(client, limits ?? new Http3Limits(), default);
    }

    /// <summary>Serves a connection whose client is the test.</summary>
    public static Peer Serve(Http3RequestHandler handler, out Task<Http3Exception?> serving, Http3Limits? limits = null)
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        serving = new Http3Server(handler, limits).ServeAsync(server, default);
        return new Peer(client);
    }

    public static HttpRequestMessage Get(string path = "/") => new(HttpMethod.Get, new Uri("https://a.example" + path));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Task.WhenAll(Servings).WaitAsync(Patience);
    }

    private ValueTask<IHttp3Transport> Connect(DnsEndPoint authority, CancellationToken cancellationToken)
    {
        Assert.Equal(new DnsEndPoint("a.example", 443), authority);
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        lock (Connections)
        {
            Servings.Add(_server.ServeAsync(server, Connections.Count == 0 ? _shutdown.Token : default));
            Connections.Add(client);
        }

        return ValueTask.FromResult<IHttp3Transport>(client);
    }
}
