using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>The server's end of an HTTP/3 connection.</summary>
internal sealed class Http3ServerConnection : Http3Connection
{
    private readonly Http3RequestHandler _handler;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _active;
    private bool _isDraining;
    private long _nextStreamId;

    public Http3ServerConnection(IHttp3Transport transport, Http3RequestHandler handler, Http3Limits limits, TimeProvider time)
        : base(transport, limits)
    {
        _handler = handler;
        _time = time;
    }

    /// <summary>Serves requests until the connection has ended and the last handler has returned. Never throws.</summary>
    /// <param name="cancellationToken">Begins the graceful shutdown.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StartAsync(Ended).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await FailAsync(error).ConfigureAwait(false);
            return;
        }

        // Registered before the first request is accepted, so that none slips in between.
        Task shutdown = Task.CompletedTask;
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            state => shutdown = ((Http3ServerConnection)state!).ShutDownAsync(), this);
        await using (registration.ConfigureAwait(false))
        {
            await AcceptStreamsAsync().ConfigureAwait(false);
        }

        await shutdown.ConfigureAwait(false);
        BeginDraining(out _);
        await _drained.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Tells the client which requests are processed, finishes those, and closes the connection (RFC 9114, 5.2). Never throws.
    /// </summary>
    public async Task ShutDownAsync()
    {
        try
        {
            BeginDraining(out long nextStreamId);
            await SendGoAwayAsync(nextStreamId, Ended).ConfigureAwait(false);
            await _drained.Task.WaitAsync(Ended).ConfigureAwait(false);
            await FailAsync(Http3Exception.OfConnection(Http3ErrorCode.NoError, "The server shuts down.")).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The connection has ended meanwhile.
        }
        catch (Exception error)
        {
            await FailAsync(error).ConfigureAwait(false);
        }
    }

    // The ID in a client's GOAWAY is a push ID, and nothing is pushed.
    internal override bool OnGoAway(long id) => true;

    protected override void OnBidirectionalStream(Http3Stream stream)
    {
        lock (_gate)
        {
            if (!_isDraining && _active < Limits.MaxConcurrentRequests)
            {
                _active++;
                _nextStreamId = Math.Max(_nextStreamId, stream.Id + 4);
                _ = ServeAsync(stream);
                return;
            }
        }

        stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestRejected);
        stream.Dispose();
    }

    private async Task ServeAsync(Http3Stream stream)
    {
        // Not on the thread that accepts, under its lock.
        await Task.Yield();
        try
        {
            await new ServerExchange(this, stream, _handler, _time).RunAsync().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            await HandleAsync(error, stream).ConfigureAwait(false);
        }

        await stream.DisposeAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _active--;
            CompleteIfDrained();
        }
    }

    private void BeginDraining(out long nextStreamId)
    {
        lock (_gate)
        {
            _isDraining = true;
            nextStreamId = _nextStreamId;
            CompleteIfDrained();
        }
    }

    private void CompleteIfDrained()
    {
        if (_isDraining && _active == 0)
        {
            _drained.TrySetResult();
        }
    }
}
