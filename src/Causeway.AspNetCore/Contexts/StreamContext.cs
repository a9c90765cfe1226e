using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// One stream as Kestrel sees it. Its transport is the stream's own pipes: nothing copies or pumps in between. A context can serve
/// one stream after another, so that what Kestrel keeps with it for a request serves the next request too.
/// <code>
/// idle --Attach--> open --ended in both directions, or the peer gave one up--> closed --DisposeAsync--> disposed --Attach--> open
/// </code>
/// </summary>
internal sealed partial class StreamContext : ConnectionContext, IDisposable
{
    private readonly Lock _gate = new();
    private readonly BaseConnectionContext _connection;
    private readonly ILogger _log;
    private readonly ContextFeatures _features;
    private readonly long _defaultErrorCode;
    private CausewayStream? _stream;
    private TransportReader? _reader;
    private TransportWriter? _writer;
    private IDuplexPipe? _transport;
    private string? _connectionId;
    private IDictionary<object, object?>? _items;
    private CancellationTokenSource? _closedSource;
    private CancellationToken? _replacedClosed;
    private ConnectionAbortedException? _abortReason;
    private ConnectionAbortedException? _readAbortReason;
    private bool _isClosed;
    private bool _isBroken;
    private bool _isTelling;
    private bool _canServeAgain;

    /// <param name="connection">The connection that the stream belongs to.</param>
    /// <param name="pool">Where Kestrel takes its buffers from.</param>
    /// <param name="defaultErrorCode">What the peer is told of an abort where Kestrel names no code.</param>
    /// <param name="log">Takes what callbacks throw.</param>
    public StreamContext(BaseConnectionContext connection, MemoryPool<byte> pool, long defaultErrorCode, ILogger log)
    {
        _connection = connection;
        _defaultErrorCode = defaultErrorCode;
        _log = log;
        MemoryPool = pool;
        _features = new ContextFeatures(this, s_features, connection.Features);
    }

    /// <summary>Where the context goes when its stream ended so well that it may serve another one; null for nowhere.</summary>
    public StreamContextPool? Pool { get; init; }

    /// <inheritdoc/>
    public override string ConnectionId
    {
        get => _connectionId ??= string.Create(CultureInfo.InvariantCulture, $"{_connection.ConnectionId}:{StreamId:X8}");
        set => _connectionId = value;
    }

    /// <inheritdoc/>
    public override IFeatureCollection Features => _features;

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    /// <inheritdoc/>
    [AllowNull]
    public override IDuplexPipe Transport
    {
        get => _transport!;
        set => _transport = value;
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; set; }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; set; }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed
    {
        get
        {
            lock (_gate)
            {
                if (_replacedClosed is { } replaced)
                {
                    return replaced;
                }

                return _isClosed ? new CancellationToken(canceled: true) : (_closedSource ??= new CancellationTokenSource()).Token;
            }
        }

        set => _replacedClosed = value;
    }

    /// <summary>Begins to serve a stream.</summary>
    public void Attach(CausewayStream stream)
    {
        _stream = stream;
        StreamId = stream.Id;
        CanRead = stream.CanRead;
        CanWrite = stream.CanWrite;
        LocalEndPoint = _connection.LocalEndPoint;
        RemoteEndPoint = _connection.RemoteEndPoint;

        // A direction that there is none of is at its end, and swallows what is written.
        _reader = new TransportReader(this, CanRead ? stream.Input : PipeReader.Create(ReadOnlySequence<byte>.Empty));
        _writer = new TransportWriter(this, CanWrite ? stream.Output : PipeWriter.Create(Stream.Null));
        _transport = new DuplexPipe(_reader, _writer);
        _features.Reset();
        _items?.Clear();
        _connectionId = null;
        _replacedClosed = null;
        _abortReason = null;
        _readAbortReason = null;
        _error = null;
        _isClosed = false;
        _isBroken = false;
        _canServeAgain = false;
        _ = WatchAsync(stream);
    }

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException? abortReason)
    {
        // Kestrel has no reason to give when it was told itself that the stream has ended.
        abortReason ??= new ConnectionAbortedException("The stream has ended.");
        CausewayStream? stream;
        lock (_gate)
        {
            // Too late for this stream, but Kestrel's objects are no longer in order: they must not serve another one.
            _canServeAgain = false;
            if (_abortReason is not null || _stream is null)
            {
                return;
            }

            _abortReason = abortReason;
            stream = _stream;
        }

        TransportLog.StreamAbort(_log, ConnectionId, ErrorCodeOrDefault, abortReason.Message);
        GiveUp(stream, StreamAbortDirections.Both, ErrorCodeOrDefault);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_stream is not { } stream)
        {
            return;
        }

        bool readsInOrder = _reader!.IsCompletedInOrder;
        bool writesInOrder = _writer!.IsCompletedInOrder;
        await _reader.CompleteAsync().ConfigureAwait(false);
        await _writer.CompleteAsync().ConfigureAwait(false);
        await _writer.Completion.ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
        lock (_gate)
        {
            // A callback that still runs must not meet another stream's request.
            _canServeAgain = CanRead && CanWrite && readsInOrder && writesInOrder && !_isBroken && !_isTelling
                && _abortReason is null && _readAbortReason is null;
            _stream = null;
        }

        // Nobody waits for an end that came in order: who registered with it was done before.
        Close(stream, runCallbacks: false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Kestrel's HTTP/3 calls it after <see cref="DisposeAsync"/>, when it has let go of the context: only then may another stream use it.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_canServeAgain)
            {
                return;
            }

            _canServeAgain = false;
        }

        Pool?.Return(this);
    }

    /// <summary>
    /// Why nothing is to be read any more, from the moment that it was given up: the stream itself learns it later, and has more
    /// to read until then. Null while reading is in order.
    /// </summary>
    internal ConnectionAbortedException? ReadsGivenUp => Volatile.Read(ref _readAbortReason) ?? Volatile.Read(ref _abortReason);

    /// <summary>What Kestrel should see of a read that failed.</summary>
    internal Exception ToReadFailure(Exception error)
    {
        if (ReadsGivenUp is { } own)
        {
            return new ConnectionAbortedException(own.Message, error);
        }

        if (error is TransportException failure)
        {
            NotePeerFailure(failure);
            return failure.Error == TransportError.ConnectionClosed
                ? new ConnectionAbortedException(failure.Message, failure)
                : new ConnectionResetException(failure.Message, failure);
        }

        return new ConnectionAbortedException("The stream was disposed.", error);
    }

    /// <summary>Kestrel ends the sending direction with an error.</summary>
    internal void GiveUpWrites()
    {
        if (_stream is { } stream && CanWrite)
        {
            GiveUp(stream, StreamAbortDirections.Write, ErrorCodeOrDefault);
        }
    }

    private long ErrorCodeOrDefault => _error ?? _defaultErrorCode;

    private void GiveUp(CausewayStream stream, StreamAbortDirections directions, long errorCode)
    {
        StreamAbortDirections has = (CanRead ? StreamAbortDirections.Read : StreamAbortDirections.None)
            | (CanWrite ? StreamAbortDirections.Write : StreamAbortDirections.None);
        stream.Abort(directions & has, errorCode);
    }

    /// <summary>
    /// Waits for the end of both directions, or until the peer gives one up: Kestrel, which may neither read nor write at that time,
    /// is told at once, so that the request ends.
    /// </summary>
    private async Task WatchAsync(CausewayStream stream)
    {
        Task reads = stream.ReadsClosed;
        Task writes = stream.WritesClosed;
        Task first = await Task.WhenAny(reads, writes).ConfigureAwait(false);
        if (!NoteIfBroken(stream, first))
        {
            Task second = first == reads ? writes : reads;
            await second.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            NoteIfBroken(stream, second);
        }

        Close(stream, runCallbacks: true);
    }

    // True if somebody else than Kestrel ended the direction out of order.
    private bool NoteIfBroken(CausewayStream stream, Task direction)
    {
        if (direction.Exception?.InnerException is not TransportException error)
        {
            return false;
        }

        lock (_gate)
        {
            if (_stream != stream)
            {
                return false;
            }

            _isBroken = true;
            if (_abortReason is not null || (_readAbortReason is not null && !error.IsByPeer))
            {
                return false;
            }
        }

        NotePeerFailure(error);
        return true;
    }

    private void NotePeerFailure(TransportException error)
    {
        if (error is { IsApplicationError: true, ErrorCode: { } code } && _error is null)
        {
            TransportLog.StreamAborted(_log, ConnectionId, code, error.Message);
            _error = code;
        }
    }

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
