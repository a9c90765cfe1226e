using Microsoft.Extensions.Hosting;

namespace Causeway.Hosting;

/// <summary>
/// Starts with the host and stops with it: listeners first, since their handlers may need the clients.
/// </summary>
internal sealed class CausewayService(ListenerSet listeners, ClientSet clients) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await listeners.StartAsync(cancellationToken).ConfigureAwait(false);
        clients.Start();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await listeners.StopAsync(cancellationToken).ConfigureAwait(false);
        await clients.StopAsync(cancellationToken).ConfigureAwait(false);
    }
}
