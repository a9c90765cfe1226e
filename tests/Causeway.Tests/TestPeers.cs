using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Tests;

/// <summary>A listener and a client over loopback UDP, with a tracking pool that has to be empty in the end.</summary>
internal sealed class TestPeers : IAsyncDisposable
{
    private TestPeers(PacketPool pool, CausewayListener listener, CausewayConnection client, CausewayConnection server, CausewayStream first, CausewayStream firstAccepted)
    {
        Pool = pool;
        Listener = listener;
        Client = client;
        Server = server;
        ClientStream = first;
        ServerStream = firstAccepted;
    }

    public PacketPool Pool { get; }

    public CausewayListener Listener { get; }

    public CausewayConnection Client { get; }

    public CausewayConnection Server { get; }

    /// <summary>The first stream, opened by the client.</summary>
    public CausewayStream ClientStream { get; }

    /// <summary>The same at the server's end.</summary>
    public CausewayStream ServerStream { get; }

    public static async Task<TestPeers> ConnectAsync(
        TransportProfile? profile = null,
        TransportProfile? serverProfile = null,
        Func<DatagramLinkBuilder, DatagramLinkBuilder>? clientLink = null)
    {
        PacketPool pool = new(track: true);
        profile ??= new KcpProfile();
        CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = serverProfile ?? profile,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            BufferPool = pool,
            CloseTimeout = TimeSpan.FromSeconds(5),
        });
        CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = profile,
            RemoteEndPoint = listener.LocalEndPoint,
            BufferPool = pool,
            ConfigureLink = clientLink,
            CloseTimeout = TimeSpan.FromSeconds(5),
        });
        CausewayStream stream = await client.OpenStreamAsync().AsTask().Guarded();
        CausewayConnection server = await listener.AcceptConnectionAsync().AsTask().Guarded();
        CausewayStream accepted = await server.AcceptStreamAsync().AsTask().Guarded();
        return new TestPeers(pool, listener, client, server, stream, accepted);
    }

    public async ValueTask DisposeAsync()
    {
        await ClientStream.DisposeAsync();
        await ServerStream.DisposeAsync();
        await Client.DisposeAsync();

        // Cuts the server's end off: nobody is left who would acknowledge what it closes with.
        await Listener.DisposeAsync();
        Pool.ThrowIfOutstanding();
    }
}

internal static class Guard
{
    /// <summary>Only keeps a broken test from hanging: no test's outcome depends on it.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    public static Task<T> Guarded<T>(this Task<T> task) => task.WaitAsync(s_limit);

    public static Task<T> Guarded<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(s_limit);

    public static Task Guarded(this Task task) => task.WaitAsync(s_limit);

    public static Task Guarded(this ValueTask task) => task.AsTask().WaitAsync(s_limit);
}
