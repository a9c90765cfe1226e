using Microsoft.Extensions.Options;

namespace Causeway.Hosting;

/// <summary>All clients that were registered.</summary>
internal sealed class ClientSet(Registrations registrations, IOptionsMonitor<CausewayClientSettings> settings, HostServices services)
    : ICausewayClientFactory, IAsyncDisposable
{
    private readonly Dictionary<string, NamedClient> _clients =
        registrations.Clients.ToDictionary(static name => name, name => new NamedClient(name, settings, services));

    /// <summary>All of them, by name.</summary>
    public IEnumerable<NamedClient> All => _clients.Values.OrderBy(static client => client.Name, StringComparer.Ordinal);

    /// <inheritdoc/>
    public ValueTask<CausewayConnection> GetConnectionAsync(string name, CancellationToken cancellationToken = default) =>
        new(Find(name).GetAsync(cancellationToken));

    /// <inheritdoc/>
    public ValueTask<CausewayConnection> ConnectAsync(string name, CancellationToken cancellationToken = default) =>
        Find(name).ConnectAsync(cancellationToken);

    /// <summary>Begins to connect those that are to be kept connected.</summary>
    public void Start()
    {
        foreach (NamedClient client in _clients.Values)
        {
            client.Start();
        }
    }

    /// <summary>Closes the shared connections.</summary>
    public Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_clients.Values.Select(client => client.StopAsync(cancellationToken)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (NamedClient client in _clients.Values)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    private NamedClient Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _clients.GetValueOrDefault(name) ?? throw new ArgumentException($"There is no client \"{name}\".", nameof(name));
    }
}
