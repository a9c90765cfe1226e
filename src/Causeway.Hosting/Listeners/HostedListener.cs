using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>One listener of the host, with its connections and its stop.</summary>
internal sealed class HostedListener(
    string name,
    CausewayListenerSettings settings,
    Func<IServiceProvider, CausewayHandler> newHandler,
    IServiceScopeFactory scopes,
    HostServices services) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _aborted = new();
    private readonly CancellationTokenSource _cut = new();
    private readonly ConcurrentDictionary<CausewayConnection, Task> _runs = [];
    private readonly List<CausewayListener> _listeners = [];
    private readonly List<Task> _accepting = [];
    private ListenerPlan? _plan;
    private volatile string? _failure;

    public string Name => name;

    public CausewayListenerSettings Settings => settings;

    public ILogger Log { get; } = services.LoggerFactory.CreateLogger(HostingLog.Category);

    /// <summary>Whether the handler takes streams; else it takes connections.</summary>
    public bool HandlesStreams { get; private set; }

    /// <summary>Why it takes no more connections though nobody stopped it; null if all is well.</summary>
    public string? Failure => _failure;

    /// <summary>Connections that are served.</summary>
    public int ConnectionCount => _runs.Count;

    /// <summary>The listener, of the first port; null before the start and after the stop.</summary>
    public CausewayListener? Listener { get; private set; }

    /// <summary>A connection's or stream's handler, from its scope.</summary>
    public CausewayHandler NewHandler(IServiceProvider scope) => newHandler(scope);

    /// <summary>Begins to listen.</summary>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        AsyncServiceScope scope = scopes.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            // Also finds at the start, not at the first peer, what the constructor asks for and the services do not have.
            HandlesStreams = newHandler(scope.ServiceProvider) is CausewayStreamHandler;
        }

        _plan = ListenerPlan.Create(settings, services);
        foreach (CausewayListenerOptions options in _plan.Options)
        {
            CausewayListener listener = await CausewayListener.ListenAsync(options, cancellationToken).ConfigureAwait(false);
            _listeners.Add(listener);
            HostingLog.ListenerStarted(Log, name, listener.LocalEndPoint);
        }

        Listener = _listeners[0];
        _accepting.AddRange(_listeners.Select(AcceptAsync));
    }

    /// <summary>Refuses new connections, lets handlers finish, closes connections, and ends listening.</summary>
    /// <param name="cancellationToken">The host's limit: all that is left is cut off.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (CausewayListener listener in _listeners)
        {
            listener.StopAccepting();
        }

        // Those that were accepted by the peer's account are served like the others.
        await Task.WhenAll(_accepting).ConfigureAwait(false);
        if (!_runs.IsEmpty)
        {
            HostingLog.ListenerDraining(Log, name, _runs.Count, settings.DrainTimeout);
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        CancellationTokenRegistration limit = cancellationToken.UnsafeRegister(static state => ((HostedListener)state!).Cut(), this);
        await using (limit.ConfigureAwait(false))
        {
            Task runs = Task.WhenAll(_runs.Values);
            if (!await EndsAsync(runs, settings.DrainTimeout, cancellationToken).ConfigureAwait(false))
            {
                HostingLog.ListenerCut(Log, name, _runs.Count);
                await _aborted.CancelAsync().ConfigureAwait(false);
                await EndsAsync(runs, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            }
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Cuts everything off.</summary>
    public async ValueTask DisposeAsync()
    {
        Listener = null;
        Cut();
        foreach (CausewayListener listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        _listeners.Clear();
        _plan?.Dispose();
        _plan = null;
    }

    private void Cut()
    {
        _stopping.Cancel();
        _aborted.Cancel();
        _cut.Cancel();
    }

    private async Task<bool> EndsAsync(Task task, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            await task.WaitAsync(limit, services.TimeProvider, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task AcceptAsync(CausewayListener listener)
    {
        try
        {
            while (true)
            {
                CausewayConnection connection = await listener.AcceptConnectionAsync().ConfigureAwait(false);
                Serve(connection);
            }
        }
        catch (TransportException end) when (end.Error == TransportError.ConnectionClosed)
        {
            // The stop.
        }
        catch (Exception error)
        {
            _failure = error.Message;
            HostingLog.ListenerFailed(Log, name, error.Message);
        }
    }

    private void Serve(CausewayConnection connection)
    {
        ConnectionRun run = new(connection, this, scopes);

        // In the table before it can take itself out.
        TaskCompletionSource begin = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _runs[connection] = RunAsync();
        begin.SetResult();

        async Task RunAsync()
        {
            await begin.Task.ConfigureAwait(false);
            await run.RunAsync(_stopping.Token, _aborted.Token, _cut.Token).ConfigureAwait(false);
            _runs.TryRemove(connection, out _);
        }
    }
}
