using System.Threading.Channels;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>
/// One end of a connection of QUIC in memory: both ends live in one process, streams are pipes, codes arrive as they would.
/// </summary>
internal sealed class MemoryTransport : IHttp3Transport
{
    private readonly Channel<Http3Stream> _accepted = Channel.CreateUnbounded<Http3Stream>();
    private readonly Shared _shared;
    private MemoryTransport _peer = null!;
    private long _nextBidirectional;
    private long _nextUnidirectional;

    private MemoryTransport(Shared shared, bool isClient)
    {
        _shared = shared;
        IsClient = isClient;
        _nextBidirectional = isClient ? 0 : 1;
        _nextUnidirectional = isClient ? 2 : 3;
    }

    public bool IsClient { get; }

    /// <summary>The code that one of the ends closed the connection with, once it did.</summary>
    public Task<Http3ErrorCode> ClosedWith => _shared.ClosedWith.Task;

    /// <summary>Of how many bytes a writer may be ahead of the reader, on each stream.</summary>
    public static int Window => 64 * 1024;

    public static (MemoryTransport Client, MemoryTransport Server) NewPair()
    {
        Shared shared = new();
        MemoryTransport client = new(shared, isClient: true);
        MemoryTransport server = new(shared, isClient: false);
        client._peer = server;
        server._peer = client;
        return (client, server);
    }

    /// <summary>Ends with the handshake; set it before anything is sent to have one that takes its time.</summary>
    public Task Handshake { get; set; } = Task.CompletedTask;

    public Task WaitForHandshakeAsync(CancellationToken cancellationToken) => Handshake.WaitAsync(cancellationToken);

    public ValueTask<Http3Stream> OpenBidirectionalAsync(bool isReplaySafe, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        long id = Interlocked.Add(ref _nextBidirectional, 4) - 4;
        MemoryChannel there = new(this);
        MemoryChannel back = new(this);
        return Open(new MemoryStreamEnd(id, back, there), new MemoryStreamEnd(id, there, back));
    }

    public ValueTask<Http3Stream> OpenUnidirectionalAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        long id = Interlocked.Add(ref _nextUnidirectional, 4) - 4;
        MemoryChannel there = new(this);
        return Open(new MemoryStreamEnd(id, null, there), new MemoryStreamEnd(id, there, null));
    }

    public async ValueTask<Http3Stream> AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw NewClosedException();
        }
    }

    public ValueTask CloseAsync(Http3ErrorCode code, string reason)
    {
        if (_shared.ClosedWith.TrySetResult(code))
        {
            _shared.ClosedByClient = IsClient;
            _accepted.Writer.TryComplete();
            _peer._accepted.Writer.TryComplete();
            foreach (MemoryChannel channel in _shared.TakeChannels())
            {
                // What was written and ended is delivered, as a graceful end of the transport does.
                channel.CloseWith(NewClosedException);
            }
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => CloseAsync(Http3ErrorCode.None, "");

    internal void Register(MemoryChannel channel)
    {
        if (!_shared.TryAdd(channel))
        {
            throw NewClosedException();
        }
    }

    private ValueTask<Http3Stream> Open(MemoryStreamEnd mine, MemoryStreamEnd theirs) =>
        _peer._accepted.Writer.TryWrite(theirs)
            ? ValueTask.FromResult<Http3Stream>(mine)
            : ValueTask.FromException<Http3Stream>(NewClosedException());

    private Http3Exception NewClosedException() =>
        new(_shared.ClosedWith.Task.IsCompleted ? _shared.ClosedWith.Task.Result : Http3ErrorCode.None, "The connection was closed.")
        {
            IsConnectionError = true,
            IsByPeer = _shared.ClosedByClient != IsClient,
        };

    private sealed class Shared
    {
        private readonly Lock _gate = new();
        private List<MemoryChannel>? _channels = [];

        public TaskCompletionSource<Http3ErrorCode> ClosedWith { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool ClosedByClient { get; set; }

        public bool TryAdd(MemoryChannel channel)
        {
            lock (_gate)
            {
                _channels?.Add(channel);
                return _channels is not null;
            }
        }

        public List<MemoryChannel> TakeChannels()
        {
            lock (_gate)
            {
                List<MemoryChannel> channels = _channels ?? [];
                _channels = null;
                return channels;
            }
        }
    }
}
