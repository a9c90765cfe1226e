using System.Diagnostics;
using System.Net;

namespace Causeway.Telemetry;

/// <summary>The library's activities (docs/telemetry.md), begun and ended on the threads of those who call it.</summary>
internal static class CausewayActivities
{
    /// <summary>Whether anybody listens.</summary>
    public static bool IsEnabled => s_source.HasListeners();

    private static readonly ActivitySource s_source = new("Causeway");

    /// <summary>Begins an activity, or null if nobody wants it.</summary>
    public static Activity? Start(string name, ActivityKind kind, EndPoint? peer)
    {
        Activity? activity = s_source.StartActivity(name, kind);
        if (activity is { IsAllDataRequested: true } && peer is not null)
        {
            (string address, int port) = peer switch
            {
                IPEndPoint ip => (ip.Address.ToString(), ip.Port),
                DnsEndPoint dns => (dns.Host, dns.Port),
                _ => (peer.ToString() ?? "", 0),
            };
            activity.SetTag("network.peer.address", address);
            activity.SetTag("network.peer.port", port);
        }

        return activity;
    }

    /// <summary>Marks an activity as failed.</summary>
    public static void Fail(Activity? activity, Exception error)
    {
        if (activity is not null)
        {
            activity.SetStatus(ActivityStatusCode.Error, error.Message);
            activity.SetTag("error.type", error is TransportException known ? known.Error.ToString() : error.GetType().Name);
        }
    }
}
