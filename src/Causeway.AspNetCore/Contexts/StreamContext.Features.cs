using System.Buffers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Contexts;

/// <content>What Kestrel finds among a stream's features.</content>
internal sealed partial class StreamContext :
    IConnectionIdFeature,
    IConnectionItemsFeature,
    IConnectionTransportFeature,
    IConnectionLifetimeFeature,
    IConnectionEndPointFeature,
    IMemoryPoolFeature,
    IPersistentStateFeature,
    IStreamDirectionFeature,
    IStreamIdFeature,
    IProtocolErrorCodeFeature,
    IStreamAbortFeature,
    IStreamClosedFeature
{
    private static readonly Type[] s_features =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionTransportFeature),
        typeof(IConnectionLifetimeFeature), typeof(IConnectionEndPointFeature), typeof(IMemoryPoolFeature),
        typeof(IPersistentStateFeature), typeof(IStreamDirectionFeature), typeof(IStreamIdFeature),
        typeof(IProtocolErrorCodeFeature), typeof(IStreamAbortFeature), typeof(IStreamClosedFeature),
    ];

    private IDictionary<object, object?>? _persistentState;
    private List<(Action<object?> Callback, object? State)>? _onClosed;
    private long? _error;

    /// <inheritdoc/>
    public MemoryPool<byte> MemoryPool { get; }

    /// <inheritdoc/>
    public long StreamId { get; private set; }

    /// <inheritdoc/>
    public bool CanRead { get; private set; }

    /// <inheritdoc/>
    public bool CanWrite { get; private set; }

    /// <summary>The code of an abort, by either end; -1 for none yet.</summary>
    public long Error
    {
        get => _error ?? -1;
        set => _error = Checked(value);
    }

    /// <summary>Outlives the stream: it is there again when the context serves another one.</summary>
    IDictionary<object, object?> IPersistentStateFeature.State => _persistentState ??= new ConnectionItems();

    /// <inheritdoc/>
    public void AbortRead(long errorCode, ConnectionAbortedException abortReason)
    {
        Checked(errorCode);
        if (!CanRead)
        {
            throw new InvalidOperationException("Reading cannot be given up: only this end sends on the stream.");
        }

        CausewayStream? stream;
        lock (_gate)
        {
            stream = _stream;
            _readAbortReason ??= abortReason;
            _canServeAgain = false;
        }

        TransportLog.StreamAbort(_log, ConnectionId, errorCode, abortReason.Message);
        stream?.Abort(StreamAbortDirections.Read, errorCode);
    }

    /// <inheritdoc/>
    public void AbortWrite(long errorCode, ConnectionAbortedException abortReason)
    {
        Checked(errorCode);
        if (!CanWrite)
        {
            throw new InvalidOperationException("Writing cannot be given up: only the peer sends on the stream.");
        }

        CausewayStream? stream;
        lock (_gate)
        {
            stream = _stream;
            _isBroken = true;
            _canServeAgain = false;
        }

        TransportLog.StreamAbort(_log, ConnectionId, errorCode, abortReason.Message);
        stream?.Abort(StreamAbortDirections.Write, errorCode);
    }

    /// <summary>Has a callback run when the stream has ended; at once if it has.</summary>
    void IStreamClosedFeature.OnClosed(Action<object?> callback, object? state)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                (_onClosed ??= []).Add((callback, state));
                return;
            }
        }

        callback(state);
    }

    private static long Checked(long errorCode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(errorCode);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(errorCode, 1L << 62);
        return errorCode;
    }

    /// <summary>The stream has ended: tells everybody, once.</summary>
    private void Close(CausewayStream stream, bool runCallbacks)
    {
        List<(Action<object?> Callback, object? State)>? callbacks;
        CancellationTokenSource? source;
        lock (_gate)
        {
            // The context may serve another stream by now, or none.
            if (_isClosed || (runCallbacks && _stream != stream))
            {
                return;
            }

            _isClosed = true;
            _isTelling = runCallbacks;
            callbacks = runCallbacks ? _onClosed : null;
            _onClosed = null;
            source = _closedSource;
            _closedSource = null;
        }

        try
        {
            if (source is not null)
            {
                source.Cancel();
                source.Dispose();
            }

            foreach ((Action<object?> callback, object? state) in callbacks ?? [])
            {
                callback(state);
            }
        }
        catch (Exception error)
        {
            TransportLog.CallbackFailed(_log, ConnectionId, error);
        }

        if (runCallbacks)
        {
            lock (_gate)
            {
                _isTelling = false;
            }
        }
    }
}
