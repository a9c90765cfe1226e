using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Tests;

/// <summary>A listener and a client whose links are connected in memory, with hooks on both, and one tracking pool.</summary>
internal sealed class MemoryPeers : IAsyncDisposable
{
    private MemoryPeers(PacketPool pool, HookedLink clientLink, HookedLink serverLink, CausewayListener listener, CausewayConnection client)
    {
        Pool = pool;
        ClientLink = clientLink;
        ServerLink = serverLink;
        Listener = listener;
        Client = client;
    }

    public PacketPool Pool { get; }

    public HookedLink ClientLink { get; }

    public HookedLink ServerLink { get; }

    public CausewayListener Listener { get; }

    public CausewayConnection Client { get; }

    public static async Task<MemoryPeers> ConnectAsync(
        TransportProfile? profile = null,
        TransportProfile? serverProfile = null,
        TimeProvider? time = null,
        TimeSpan? closeTimeout = null,
        Func<IDatagramLink, IDatagramLink>? decorate = null,
        bool inline = false,
        int streamBacklog = 1024)
    {
        PacketPool pool = new(track: true, stackTraces: false);
        (InMemoryLink first, InMemoryLink second) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = pool });
        HookedLink clientLink = new(decorate?.Invoke(first) ?? first);
        HookedLink serverLink = new(decorate?.Invoke(second) ?? second);
        profile ??= new KcpProfile();
        CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = serverProfile ?? profile,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            CreateLink = _ => serverLink,
            BufferPool = pool,
            TimeProvider = time ?? TimeProvider.System,
            CloseTimeout = closeTimeout ?? TimeSpan.FromSeconds(5),
            UnsafePreferInlineScheduling = inline,
            StreamBacklog = streamBacklog,
        });
        CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = profile,
            RemoteEndPoint = second.LocalEndPoint,
            CreateLink = _ => clientLink,
            BufferPool = pool,
            TimeProvider = time ?? TimeProvider.System,
            CloseTimeout = closeTimeout ?? TimeSpan.FromSeconds(5),
            UnsafePreferInlineScheduling = inline,
        });
        return new MemoryPeers(pool, clientLink, serverLink, listener, client);
    }

    /// <summary>Opens a stream at the client and accepts it at the server.</summary>
    public async Task<(CausewayStream Client, CausewayStream Server, CausewayConnection Connection)> OpenFirstAsync()
    {
        CausewayStream stream = await Client.OpenStreamAsync().Guarded();
        await stream.FlushAsync().Guarded();
        CausewayConnection server = await Listener.AcceptConnectionAsync().Guarded();
        return (stream, await server.AcceptStreamAsync().Guarded(), server);
    }

    /// <summary>Cuts both off: the other end may be gone, or the clock stand still. A test of an orderly close asks for it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Client.CloseAsync(new CancellationToken(canceled: true)).Guarded();
        }
        catch (OperationCanceledException)
        {
            // It was still open.
        }

        await Listener.DisposeAsync().Guarded();
        Pool.ThrowIfOutstanding();
    }
}

/// <summary>A link that does what a test wants in place of, or before, what the inner one does.</summary>
internal sealed class HookedLink(IDatagramLink inner) : IDatagramLink
{
    public DatagramLinkCapabilities Capabilities => inner.Capabilities;

    public EndPoint LocalEndPoint => inner.LocalEndPoint;

    /// <summary>Runs first in each send; may throw, or wait.</summary>
    public Func<ValueTask>? BeforeSend { get; set; }

    /// <summary>Ends the pending receive and all later ones.</summary>
    public TaskCompletionSource<int> ReceiveFailure { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Action? BeforeDispose { get; set; }

    public bool IsDisposed { get; private set; }

    public async ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource cancel = new();
        Task<int> receive = inner.ReceiveAsync(buffers, cancel.Token).AsTask();
        Task<int> first = await Task.WhenAny(receive, ReceiveFailure.Task);
        if (first != receive)
        {
            // Datagrams may have come first: a link that fails releases what it does not hand over.
            await cancel.CancelAsync();
            int received = await receive.ContinueWith(
                static task => task.IsCompletedSuccessfully ? task.Result : 0, TaskScheduler.Default);
            for (int i = 0; i < received; i++)
            {
                buffers.Span[i].Release();
            }
        }

        return await first;
    }

    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default)
    {
        ValueTask hook = BeforeSend?.Invoke() ?? ValueTask.CompletedTask;
        return hook.IsCompletedSuccessfully ? inner.SendAsync(buffers, cancellationToken) : Later(hook, buffers);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        BeforeDispose?.Invoke();
        return inner.DisposeAsync();
    }

    private async ValueTask Later(ValueTask hook, ReadOnlyMemory<PacketBuffer> buffers)
    {
        await hook;
        await inner.SendAsync(buffers);
    }
}
