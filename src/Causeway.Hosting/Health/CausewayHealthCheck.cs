using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Causeway.Hosting;

/// <summary>Whether all listeners are up, and clients connected as far as they have been asked to be.</summary>
internal sealed class CausewayHealthCheck(ListenerSet listeners, ClientSet clients) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        List<string> problems = [];
        Dictionary<string, object> data = [];
        foreach (string name in listeners.Names)
        {
            HostedListener? listener = listeners.Find(name);
            (bool isUp, string state) = (listener, listener?.Listener) switch
            {
                ({ Failure: { } failure }, _) => (false, failure),
                (_, null) => (false, "not up"),
                ({ } up, { } socket) => (true, $"up on {socket.LocalEndPoint}, {up.ConnectionCount} connections"),
                _ => (false, "not up"),
            };
            Add("listener", name, isUp, state);
        }

        foreach (NamedClient client in clients.All)
        {
            (bool isUp, string state) = client.Open switch
            {
                { IsUnresponsive: true } silent => (false, $"no answer from {silent.RemoteEndPoint}"),
                { } open => (true, $"connected to {open.RemoteEndPoint}"),
                null when client.Failure is { } failure => (false, failure),
                null when client.Settings.KeepConnected => (false, "not connected"),
                null => (true, "not connected, not asked for"),
            };
            Add("client", client.Name, isUp, state);
        }

        return Task.FromResult(problems.Count == 0
            ? HealthCheckResult.Healthy("All listeners are up, and clients connected.", data)
            : new HealthCheckResult(context.Registration.FailureStatus, string.Join("; ", problems), exception: null, data));

        void Add(string kind, string name, bool isUp, string state)
        {
            data[$"{kind}:{name}"] = state;
            if (!isUp)
            {
                problems.Add($"{kind} {name}: {state}");
            }
        }
    }
}
