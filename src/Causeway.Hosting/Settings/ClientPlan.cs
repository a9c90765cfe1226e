using System.Net;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Hosting;

/// <summary>What a client's settings come to, and what its connections need for as long as they live.</summary>
internal sealed class ClientPlan : IDisposable
{
    private readonly CausewayClientSettings _settings;
    private readonly HostServices _services;
    private readonly IdentityReader _identity;
    private readonly KcptunProfile? _kcptun;
    private readonly CausewayClientOptions? _quic;

    private ClientPlan(CausewayClientSettings settings, HostServices services)
    {
        _settings = settings;
        _services = services;
        _identity = new IdentityReader(settings, services);
        try
        {
            if (settings.KcptunFile is null)
            {
                EndPoint remote = HostEndPoint.ForClient(settings.EndPoint
                    ?? throw new SettingsException($"{nameof(settings.EndPoint)} is not set; it must be \"host:port\"."));
                _quic = new CausewayClientOptions { Profile = QuicProfiles.ForClient(settings, _identity, remote), RemoteEndPoint = remote };
            }
            else
            {
                _kcptun = KcptunFiles.Load(settings, services, KcptunClientConfig.Load);
            }

            NewOptions().Validate();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Reads files, makes options, and validates them; fails as <see cref="ListenerPlan.Create"/>.</summary>
    public static ClientPlan Create(CausewayClientSettings settings, HostServices services) => new(settings, services);

    /// <summary>Options of the next connection: with kcptun's ranges of ports each has another.</summary>
    public CausewayClientOptions NewOptions()
    {
        CausewayClientOptions options = _quic ?? _kcptun!.NewClientOptions();
        return _settings.Customized(options with
        {
            RemoteEndPoint = _settings.EndPoint is null ? options.RemoteEndPoint : HostEndPoint.ForClient(_settings.EndPoint),
            StreamBacklog = _settings.StreamBacklog,
            CloseTimeout = _settings.CloseTimeout,
            LoggerFactory = _services.LoggerFactory,
            TimeProvider = _services.TimeProvider,
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _identity.Dispose();
        _kcptun?.Dispose();
    }
}
