using System.Net;
using System.Net.Sockets;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Hosting;

/// <summary>What a listener's settings come to: options for each of its ports, and what they need for as long as it lives.</summary>
internal sealed class ListenerPlan : IDisposable
{
    private readonly IdentityReader _identity;
    private readonly KcptunProfile? _kcptun;

    private ListenerPlan(CausewayListenerSettings settings, HostServices services)
    {
        _identity = new IdentityReader(settings, services);
        try
        {
            IReadOnlyList<CausewayListenerOptions> own;
            if (settings.KcptunFile is null)
            {
                own = [ForQuic(settings)];
            }
            else
            {
                _kcptun = KcptunFiles.Load(settings, services, KcptunServerConfig.Load);
                own = ForKcptun(settings, _kcptun);
            }

            Options = [.. own.Select(options => Finished(options, settings, services))];
            foreach (CausewayListenerOptions options in Options)
            {
                options.Validate();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>One for QUIC; one for each port of a range with kcptun.</summary>
    public IReadOnlyList<CausewayListenerOptions> Options { get; }

    /// <summary>Reads files, makes the options, and validates them.</summary>
    /// <exception cref="SettingsException">A setting cannot be used.</exception>
    /// <exception cref="KcptunConfigException">A kcptun file cannot be used.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="NotSupportedException">A certificate cannot be used for TLS 1.3.</exception>
    public static ListenerPlan Create(CausewayListenerSettings settings, HostServices services) => new(settings, services);

    /// <inheritdoc/>
    public void Dispose()
    {
        _identity.Dispose();
        _kcptun?.Dispose();
    }

    private CausewayListenerOptions ForQuic(CausewayListenerSettings settings)
    {
        string text = settings.EndPoint
            ?? throw new SettingsException($"{nameof(settings.EndPoint)} is not set; it must be \"address:port\", with * for all addresses.");
        (IPEndPoint endPoint, bool isAny) = HostEndPoint.ForListener(text);
        CausewayListenerOptions options = new()
        {
            Profile = QuicProfiles.ForListener(settings, _identity),
            ListenEndPoint = endPoint,
        };
        return options with { Udp = options.Udp with { DualMode = isAny && endPoint.AddressFamily == AddressFamily.InterNetworkV6 } };
    }

    private static IReadOnlyList<CausewayListenerOptions> ForKcptun(CausewayListenerSettings settings, KcptunProfile profile)
    {
        if (settings.EndPoint is not { } text)
        {
            return profile.NewListenerOptions();
        }

        (IPEndPoint endPoint, bool isAny) = HostEndPoint.ForListener(text);
        CausewayListenerOptions first = profile.NewListenerOptions()[0];
        return
        [
            first with
            {
                ListenEndPoint = endPoint,
                Udp = first.Udp with { DualMode = isAny && endPoint.AddressFamily == AddressFamily.InterNetworkV6 },
            },
        ];
    }

    private static CausewayListenerOptions Finished(CausewayListenerOptions options, CausewayListenerSettings settings, HostServices services) =>
        settings.Customized(options with
        {
            MaxConnections = settings.MaxConnections ?? options.MaxConnections,
            ConnectionBacklog = settings.ConnectionBacklog,
            Shards = settings.Shards ?? options.Shards,
            StreamBacklog = settings.StreamBacklog,
            CloseTimeout = settings.CloseTimeout,
            LoggerFactory = services.LoggerFactory,
            TimeProvider = services.TimeProvider,
        });
}
