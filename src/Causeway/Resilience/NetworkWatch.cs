using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Causeway.Resilience;

/// <summary>Hears of changes of this machine's addresses, and tells the connections that want to know. Thread-safe.</summary>
internal static class NetworkWatch
{
    // An interface that comes up gets several addresses one after the other, and its routes a moment later.
    private static readonly TimeSpan s_settleTime = TimeSpan.FromMilliseconds(200);

    private static readonly ConcurrentDictionary<ClientPaths, object?> s_watchers = new();
    private static readonly Lock s_gate = new();
    private static Timer? s_settling;

    /// <summary>Tells somebody from now on.</summary>
    public static void Add(ClientPaths watcher)
    {
        s_watchers[watcher] = null;
        lock (s_gate)
        {
            if (s_settling is not null)
            {
                return;
            }

            s_settling = new Timer(static _ => Tell());
        }

        try
        {
            // An interface that goes down keeps its address on some systems: only the second event tells.
            NetworkChange.NetworkAddressChanged += static (_, _) => s_settling.Change(s_settleTime, Timeout.InfiniteTimeSpan);
            NetworkChange.NetworkAvailabilityChanged += static (_, _) => s_settling.Change(s_settleTime, Timeout.InfiniteTimeSpan);
        }
        catch (Exception error) when (error is NetworkInformationException or PlatformNotSupportedException)
        {
            // A system that does not tell: silence is noticed all the same.
        }
    }

    /// <summary>Tells nobody any more.</summary>
    public static void Remove(ClientPaths watcher) => s_watchers.TryRemove(watcher, out _);

    /// <summary>From which address the system would send to a peer now; null if there is no route.</summary>
    public static IPAddress? LocalAddressTowards(IPEndPoint remote)
    {
        try
        {
            // Nothing is sent: connecting a UDP socket only looks up the route.
            using Socket socket = new(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(remote);
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static void Tell()
    {
        foreach (ClientPaths watcher in s_watchers.Keys)
        {
            watcher.OnNetworkChanged(isCertain: false);
        }
    }
}
