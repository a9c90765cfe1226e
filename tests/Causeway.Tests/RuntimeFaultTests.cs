using System.Net;
using System.Security.Cryptography;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>Faults of what applications plug in, and calls that meet the runtime at a bad moment.</summary>
public sealed class RuntimeFaultTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LinkThatThrowsWhenSendingFailsTheConnection(bool later)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (CausewayStream stream, _, _) = await peers.OpenFirstAsync();
        Task<int> reading = stream.ReadAsync(new byte[1]).AsTask();
        peers.ClientLink.BeforeSend = later
            ? async () => { await Task.Yield(); throw new InvalidOperationException("The link is broken."); }
        : () => throw new InvalidOperationException("The link is broken.");
        Task writing = stream.WriteAsync(new byte[1]).AsTask();
        await peers.Client.Closed.Guarded();
        await AssertLinkFailedAsync(peers.Client, "The link is broken.");
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => reading.Guarded());
        Assert.Equal(TransportError.LinkFailed, error.Error);
        await writing.Guarded();
    }

    [Fact]
    public async Task LinkThatThrowsWhenReceivingFailsTheConnection()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        peers.ClientLink.ReceiveFailure.SetException(new InvalidOperationException("The link is broken."));
        await peers.Client.Closed.Guarded();
        await AssertLinkFailedAsync(peers.Client, "The link is broken.");
    }

    [Fact]
    public async Task LinkThatSomebodyElseDisposedFailsTheConnection()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        await peers.ClientLink.DisposeAsync();
        await peers.Client.Closed.Guarded();
        await AssertLinkFailedAsync(peers.Client, "disposed");
    }

    [Fact]
    public async Task ListenerWhoseLinkFailsSaysSo()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (_, _, CausewayConnection server) = await peers.OpenFirstAsync();
        Task<CausewayConnection> accepting = peers.Listener.AcceptConnectionAsync().AsTask();
        peers.ServerLink.ReceiveFailure.SetException(new InvalidOperationException("The link is broken."));
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => accepting.Guarded());
        Assert.Equal(TransportError.LinkFailed, error.Error);
        await server.Closed.Guarded();
        await AssertLinkFailedAsync(server, "The link is broken.");
    }

    [Fact]
    public async Task StreamCipherThatThrowsFailsItsConnection()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(
            new KcpProfile { StreamCipher = static () => new BrokenCipher() }, new KcpProfile());
        (CausewayStream stream, _, _) = await peers.OpenFirstAsync();
        TransportException error = await Assert.ThrowsAsync<TransportException>(
            () => stream.WriteAsync(new byte[1]).Guarded());
        Assert.Equal(TransportError.LinkFailed, error.Error);
        await AssertLinkFailedAsync(peers.Client, "The cipher is broken.");
    }

    [Fact]
    public async Task StreamCipherThatThrowsWhenReadingFailsItsConnection()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(
            new KcpProfile(), new KcpProfile { StreamCipher = static () => new BrokenCipher() });
        (CausewayStream stream, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        await stream.WriteAsync(new byte[100]).Guarded();
        for (int i = 0; i < 2; i++)
        {
            TransportException error = await Assert.ThrowsAsync<TransportException>(
                () => accepted.ReadAsync(new byte[10]).Guarded());
            Assert.Equal(TransportError.LinkFailed, error.Error);
            Assert.Contains("The cipher is broken.", error.Message, StringComparison.Ordinal);
        }

        await AssertLinkFailedAsync(server, "The cipher is broken.");
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task PipeWriterThatCannotFlushEndsItsDirectionAllTheSame()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (CausewayStream stream, CausewayStream accepted, _) = await peers.OpenFirstAsync();

        // Another write is under way, and stays: the peer's reader has stopped.
        byte[] much = new byte[64 << 20];
        Task writing = stream.WriteAsync(much).AsTask();
        stream.Output.GetSpan(1)[0] = 1;
        stream.Output.Advance(1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => stream.Output.CompleteAsync().Guarded());

        // A byte is lost, so that this is no end of stream.
        await Assert.ThrowsAnyAsync<Exception>(() => writing.Guarded());
        Assert.False(stream.CanWrite);
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => accepted.CopyToAsync(Stream.Null).Guarded());
        Assert.Equal(TransportError.StreamReset, error.Error);
    }

    [Fact]
    public async Task StreamCipherThatCannotBeMadeFailsItsConnection()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(
            new KcpProfile { StreamCipher = static () => throw new InvalidOperationException("There is no cipher.") });
        await Assert.ThrowsAsync<TransportException>(() => peers.Client.OpenStreamAsync().Guarded());
        await AssertLinkFailedAsync(peers.Client, "There is no cipher.");
    }

    [Fact]
    public async Task WriteWhileTheListenerIsDisposedFailsInOrder()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (_, CausewayStream stream, CausewayConnection server) = await peers.OpenFirstAsync();
        Task? writing = null;
        peers.ServerLink.BeforeSend = () =>
        {
            ObjectDisposedException.ThrowIf(peers.ServerLink.IsDisposed, peers.ServerLink);
            return ValueTask.CompletedTask;
        };
        peers.ServerLink.BeforeDispose = () => writing ??= Task.Run(() => stream.WriteAsync(new byte[1]).AsTask());
        await peers.Listener.DisposeAsync().Guarded();
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => writing!.Guarded());
        Assert.Equal(TransportError.ConnectionClosed, error.Error);
        await server.Closed.Guarded();
        Assert.Null(server.Failure);
    }

    [Fact]
    public async Task LinkOutlivesTheTurnThatIsUnderWayWhenItsConnectionIsCutOff()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (CausewayStream stream, CausewayStream accepted, _) = await peers.OpenFirstAsync();
        using BlockedTurn turn = new(peers.ClientLink, stream);
        Task closing = peers.Client.CloseAsync(new CancellationToken(canceled: true)).AsTask();
        bool wasDisposed = peers.ClientLink.IsDisposed;
        turn.Release();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => closing.Guarded());
        Assert.False(wasDisposed);
        try
        {
            await turn.Writing.Guarded();
        }
        catch (TransportException error) when (error.Error == TransportError.ConnectionClosed)
        {
            // The turn was another's, an acknowledgement's perhaps, and the write too late for the next.
        }

        Assert.Null(peers.Client.Failure);
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task OpenThatWasCancelledLeavesNoStreamBehind()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (CausewayStream stream, CausewayStream accepted, _) = await peers.OpenFirstAsync();

        // Another thread is inside the shard, so that the open has to wait.
        using BlockedTurn turn = new(peers.ClientLink, stream);
        using CancellationTokenSource cancel = new();
        Task<CausewayStream> opening = peers.Client.OpenStreamAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.Guarded());
        turn.Release();
        await turn.Writing.Guarded();

        // A stream that is opened now comes next; nothing was opened in between.
        await using CausewayStream next = await peers.Client.OpenStreamAsync().Guarded();
        Assert.Equal(stream.Id + 2, next.Id);
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task WriteAfterTheConnectionBeganToCloseFailsAtOnce()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(closeTimeout: TimeSpan.FromDays(1));
        (CausewayStream stream, CausewayStream accepted, _) = await peers.OpenFirstAsync();
        TaskCompletionSource stuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peers.ServerLink.BeforeSend = () => new ValueTask(stuck.Task);
        peers.ServerLink.BeforeDispose = () => stuck.TrySetException(new ObjectDisposedException("link"));
        using CancellationTokenSource cancel = new();
        await stream.WriteAsync(new byte[1]).Guarded();
        Task closing = peers.Client.CloseAsync(cancel.Token).AsTask();
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => stream.WriteAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(TransportError.ConnectionClosed, error.Error);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => closing.Guarded());
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task WritesFromManyPlacesOfAnArrayArriveUnmixed()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync();
        (CausewayStream stream, CausewayStream accepted, _) = await peers.OpenFirstAsync();
        byte[] data = RandomNumberGenerator.GetBytes(1 << 20);
        byte[] received = new byte[data.Length];
        Task reading = accepted.ReadExactlyAsync(received).AsTask();
        for (int offset = 0; offset < data.Length; offset += 16)
        {
            await stream.WriteAsync(data.AsMemory(offset, 16));
        }

        await reading.Guarded();
        Assert.True(data.AsSpan().SequenceEqual(received));
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task ReaderThatLooksElsewhereGivesItsRoomToOtherStreams()
    {
        const int Buffer = 64 * 1024;
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(
            new KcpProfile { Mux = new SmuxOptions { Version = 1, ReceiveBuffer = Buffer, StreamBuffer = Buffer } });
        (CausewayStream first, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        byte[] bytes = new byte[1000];
        await first.WriteAsync(new byte[1]).Guarded();
        await accepted.ReadExactlyAsync(bytes.AsMemory(0, 1)).Guarded();

        // The session's whole buffer goes to the first stream, and a second one waits behind more of the same.
        await first.WriteAsync(new byte[Buffer + 8000]).Guarded();
        await using CausewayStream second = await peers.Client.OpenStreamAsync().Guarded();
        while (server.Statistics.Transport.BytesReceived < Buffer)
        {
            await Task.Yield();
        }

        // Less than a reader reports of its own accord, and then no more.
        for (int i = 0; i < 12; i++)
        {
            await accepted.ReadExactlyAsync(bytes).Guarded();
        }

        await using CausewayStream other = await server.AcceptStreamAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task CloseTimeoutHoldsWhileTheLinkIsStuck()
    {
        VirtualTimeProvider time = new();
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(time: time, closeTimeout: TimeSpan.FromSeconds(3));
        CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
        TaskCompletionSource stuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peers.ClientLink.BeforeSend = () => new ValueTask(stuck.Task);
        peers.ClientLink.BeforeDispose = () => stuck.TrySetException(new ObjectDisposedException("link"));
        await stream.WriteAsync(new byte[1]).Guarded();
        Task closing = peers.Client.CloseAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(4));
        await closing.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Null(peers.Client.Failure);
    }

    [Fact]
    public async Task LinkIsDisposedWhenConnectingFails()
    {
        (InMemoryLink first, InMemoryLink second) = InMemoryLink.CreatePair();
        HookedLink client = new(first);
        HookedLink server = new(second);
        await Assert.ThrowsAsync<InvalidOperationException>(() => CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = second.LocalEndPoint,
            CreateLink = _ => client,
            ConfigureLink = static _ => throw new InvalidOperationException(),
        }).AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            CreateLink = _ => server,
            ConfigureLink = static _ => throw new InvalidOperationException(),
        }).AsTask());
        Assert.True(client.IsDisposed);
        Assert.True(server.IsDisposed);
    }

    [Fact]
    public async Task ListenerRefusesSettingsThatNoSessionCanHave()
    {
        (InMemoryLink first, InMemoryLink second) = InMemoryLink.CreatePair();
        HookedLink link = new(first);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            CreateLink = _ => link,
            BufferPool = new PacketPool(bufferSize: 64),
        }).AsTask());
        Assert.True(link.IsDisposed);
        await second.DisposeAsync();
    }

    [Fact]
    public void RateLimitedSessionAsksForNoTurnBeforeItMaySend()
    {
        KcpProfile profile = new() { RateLimit = 1000 };
        PacketPool pool = new(track: true);
        using KcpSession session = new(1, EndpointRole.Server, profile, 1350, 0, 0, pool, Timestamp.Zero);
        using KcpSession peer = new(1, EndpointRole.Client, new KcpProfile(), 1350, 0, 0, pool, Timestamp.Zero);
        PacketBatch batch = new(limit: 1000);
        TransportStream stream = peer.Streams.TryOpen(Timestamp.Zero)!;
        Exchange(peer, session, batch, Timestamp.Zero);
        StreamEvent accepted;
        do
        {
            Assert.True(session.Streams.TryReadEvent(out accepted));
        }
        while (accepted.Kind != StreamEventKind.Accepted);

        using BufferedStreamSource source = new(pool, capacity: 200_000);
        source.Write(new byte[200_000]);
        accepted.Stream!.Source = source;
        accepted.Stream.NotifyWritable();
        Timestamp now = Timestamp.FromMilliseconds(1);
        Exchange(session, peer, batch, now);

        // An acknowledgement is due at once, and has to wait.
        stream.Abort();
        Exchange(peer, session, batch, now);
        int turns = 0;
        for (; now < Timestamp.FromMilliseconds(1000) && turns < 1000; turns++)
        {
            session.Flush(batch, default, now);
            batch.ReleaseAll();
            now = Timestamp.Max(session.NextDeadline, now.AddMicroseconds(1000));
        }

        Assert.InRange(turns, 1, 100);
    }

    private static void Exchange(KcpSession from, KcpSession to, PacketBatch batch, Timestamp now)
    {
        from.Flush(batch, default, now);
        foreach (PacketBuffer datagram in batch.Span)
        {
            to.Input(datagram, now);
        }

        to.Deliver(now);
        batch.ReleaseAll();
    }

    private static async Task AssertLinkFailedAsync(CausewayConnection connection, string message)
    {
        // Whoever met the fault may have left it to the thread inside the shard to end the connection.
        await connection.Closed.Guarded();
        Assert.Equal(TransportError.LinkFailed, connection.Failure?.Error);
        Assert.Contains(message, connection.Failure!.Message, StringComparison.Ordinal);
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => connection.OpenStreamAsync().Guarded());
        Assert.Equal(TransportError.LinkFailed, error.Error);
        error = await Assert.ThrowsAsync<TransportException>(() => connection.AcceptStreamAsync().Guarded());
        Assert.Equal(TransportError.LinkFailed, error.Error);
    }

    /// <summary>A write whose turn stands still in the link's send, on a thread of its own, until it is released.</summary>
    private sealed class BlockedTurn : IDisposable
    {
        private readonly ManualResetEventSlim _entered = new();
        private readonly ManualResetEventSlim _released = new();
        private readonly HookedLink _link;

        public BlockedTurn(HookedLink link, CausewayStream stream)
        {
            _link = link;
            link.BeforeSend = () =>
            {
                _entered.Set();
                _released.Wait();
                return ValueTask.CompletedTask;
            };
            Writing = Task.Run(() => stream.WriteAsync(new byte[1]).AsTask());
            _entered.Wait();
        }

        public Task Writing { get; }

        public void Release()
        {
            _link.BeforeSend = null;
            _released.Set();
        }

        public void Dispose()
        {
            _entered.Dispose();
            _released.Dispose();
        }
    }

    private sealed class BrokenCipher : StreamCipher
    {
        public override void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination) =>
            throw new InvalidOperationException("The cipher is broken.");

        public override void Decrypt(ReadOnlySpan<byte> source, Span<byte> destination) =>
            throw new InvalidOperationException("The cipher is broken.");
    }
}
