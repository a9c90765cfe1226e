using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Causeway.Hosting;

/// <summary>One client: the connection that its callers share, and others of their own.</summary>
internal sealed class NamedClient(string name, IOptionsMonitor<CausewayClientSettings> monitor, HostServices services) : IAsyncDisposable
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);

    private readonly ILogger _log = services.LoggerFactory.CreateLogger(HostingLog.Category);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _disposal = new();
    private ClientPlan? _plan;
    private CausewayConnection? _connection;
    private Task<CausewayConnection>? _connecting;
    private Task _keeping = Task.CompletedTask;
    private string? _failure;
    private bool _isStopped;

    public string Name => name;

    public CausewayClientSettings Settings => monitor.Get(name);

    /// <summary>The shared connection if there is one that is open.</summary>
    public CausewayConnection? Open
    {
        get
        {
            lock (_lock)
            {
                return _connection is { Closed.IsCompleted: false } open ? open : null;
            }
        }
    }

    /// <summary>Why the last attempt to connect failed; null if it did not, or there was none.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    /// <summary>The shared connection, made if there is none.</summary>
    public Task<CausewayConnection> GetAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isStopped, typeof(ICausewayClientFactory));
            if (_connection is { Closed.IsCompleted: false })
            {
                return Task.FromResult(_connection);
            }

            // On the pool: it takes the lock at its end, and may end at once.
            _connecting ??= Task.Run(ConnectSharedAsync, CancellationToken.None);
            return _connecting.WaitAsync(cancellationToken);
        }
    }

    /// <summary>A connection that is the caller's.</summary>
    public async ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        ClientPlan plan;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isStopped, typeof(ICausewayClientFactory));
            plan = _plan ??= ClientPlan.Create(Settings, services);
        }

        return await CausewayConnection.ConnectAsync(plan.NewOptions(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Connects now, and again whenever the connection has ended, if the settings want that.</summary>
    public void Start()
    {
        if (Settings.KeepConnected)
        {
            _keeping = Task.Run(KeepAsync, CancellationToken.None);
        }
    }

    /// <summary>Closes the shared connection in order. Nothing can be had any more.</summary>
    /// <param name="cancellationToken">Cuts it off.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task<CausewayConnection>? connecting;
        lock (_lock)
        {
            _isStopped = true;
            connecting = _connecting;
        }

        await _disposal.CancelAsync().ConfigureAwait(false);

        await Task.WhenAll(_keeping, connecting ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        CausewayConnection? connection;
        ClientPlan? plan;
        lock (_lock)
        {
            (connection, _connection) = (_connection, null);
            (plan, _plan) = (_plan, null);
        }

        try
        {
            if (connection is not null)
            {
                await connection.CloseAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Cut off.
        }

        plan?.Dispose();
    }

    /// <summary>Cuts the shared connection off.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);

    private async Task<CausewayConnection> ConnectSharedAsync()
    {
        try
        {
            CausewayConnection connection = await ConnectAsync(_disposal.Token).ConfigureAwait(false);
            lock (_lock)
            {
                _connection = connection;
            }

            Volatile.Write(ref _failure, null);
            HostingLog.ClientConnected(_log, name, connection.RemoteEndPoint);
            return connection;
        }
        catch (Exception error)
        {
            Volatile.Write(ref _failure, error.Message);
            throw;
        }
        finally
        {
            lock (_lock)
            {
                _connecting = null;
            }
        }
    }

    private async Task KeepAsync()
    {
        TimeSpan wait = s_firstWait;
        try
        {
            while (!_disposal.IsCancellationRequested)
            {
                string reason;
                try
                {
                    CausewayConnection connection = await GetAsync(_disposal.Token).ConfigureAwait(false);
                    wait = s_firstWait;
                    await connection.Closed.WaitAsync(_disposal.Token).ConfigureAwait(false);
                    reason = connection.Failure?.Message ?? "It was closed here.";
                }
                catch (TransportException error)
                {
                    reason = error.Message;
                }

                HostingLog.ClientWaiting(_log, name, wait, reason);
                await Task.Delay(wait, services.TimeProvider, _disposal.Token).ConfigureAwait(false);
                wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // The stop.
        }
    }
}
