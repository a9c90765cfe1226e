using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Causeway.Hosting;

/// <summary>All listeners of the host.</summary>
internal sealed class ListenerSet(
    Registrations registrations, IOptionsMonitor<CausewayListenerSettings> settings, IServiceScopeFactory scopes, HostServices services)
    : ICausewayListeners, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private Dictionary<string, HostedListener> _listeners = [];

    /// <summary>Names of all that were registered, in order.</summary>
    public IEnumerable<string> Names => registrations.Listeners.Keys.Order(StringComparer.Ordinal);

    /// <summary>A listener that the host has started; null before, and after its stop.</summary>
    public HostedListener? Find(string name)
    {
        lock (_lock)
        {
            return _listeners.GetValueOrDefault(name);
        }
    }

    /// <inheritdoc/>
    public CausewayListener GetListener(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return !registrations.Listeners.ContainsKey(name)
            ? throw new ArgumentException($"There is no listener \"{name}\".", nameof(name))
            : Find(name)?.Listener ?? throw new InvalidOperationException($"The listener \"{name}\" is not up: the host starts and stops it.");
    }

    /// <summary>Starts all, or none.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (string name in Names)
            {
                HostedListener listener = new(name, settings.Get(name), registrations.Listeners[name], scopes, services);
                lock (_lock)
                {
                    _listeners[name] = listener;
                }

                await listener.StartAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops all at the same time: each has the whole limit.</summary>
    public Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(TakeAll().Select(listener => listener.StopAsync(cancellationToken)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (HostedListener listener in TakeAll())
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }
    }

    private Dictionary<string, HostedListener>.ValueCollection TakeAll()
    {
        lock (_lock)
        {
            Dictionary<string, HostedListener> all = _listeners;
            _listeners = [];
            return all.Values;
        }
    }
}
