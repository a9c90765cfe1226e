using Causeway.Protocol;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>
/// Makes a client's connections to its server, with shorter datagrams after one ended because its own did not arrive. Thread-safe.
/// </summary>
internal sealed class ForwardConnector(Func<CausewayClientOptions> settings, ILogger logger)
{
    private int _mtu = TransportProfile.MaxMtu;

    public async ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        // Nothing here blocks, and relaying a small message is less work than waking a thread for it.
        CausewayClientOptions options = settings() with { UnsafePreferInlineScheduling = true };
        TransportProfile profile = options.Profile with { Mtu = Math.Min(options.Profile.Mtu, Volatile.Read(ref _mtu)) };
        CausewayConnection connection = await CausewayConnection.ConnectAsync(
            options with { Profile = profile }, cancellationToken).ConfigureAwait(false);
        _ = LearnAsync(connection, profile);
        ForwardingLog.ConnectionOpened(logger, options.Profile.StreamProtocol, connection.LocalEndPoint, connection.RemoteEndPoint);
        return connection;
    }

    private async Task LearnAsync(CausewayConnection connection, TransportProfile profile)
    {
        await connection.Closed.ConfigureAwait(false);
        if (connection.Failure?.Error == TransportError.PathTooNarrow && profile.WithShorterDatagrams() is { } shorter
            && LowerMtu(shorter.Mtu))
        {
            ForwardingLog.ShorterDatagrams(logger, profile.Mtu, shorter.Mtu);
        }
    }

    private bool LowerMtu(int mtu)
    {
        for (int known = Volatile.Read(ref _mtu); known > mtu; known = Volatile.Read(ref _mtu))
        {
            if (Interlocked.CompareExchange(ref _mtu, mtu, known) == known)
            {
                return true;
            }
        }

        return false;
    }
}
