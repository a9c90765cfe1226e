using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Hosting;

/// <summary>The kcptun profile, from a file of kcptun.</summary>
internal static class KcptunFiles
{
    /// <exception cref="SettingsException">A setting of QUIC is set beside it.</exception>
    /// <exception cref="KcptunConfigException">The file cannot be read, or an option in it cannot be used.</exception>
    public static KcptunProfile Load(CausewayEndSettings settings, HostServices services, Func<string, KcptunConfig> load)
    {
        string? beside = OfQuic(settings).FirstOrDefault(static setting => setting.IsSet).Name;
        return beside is null
            ? new KcptunProfile(load(services.PathOf(settings.KcptunFile!)))
            : throw new SettingsException($"{beside} is set beside {nameof(settings.KcptunFile)} \"{settings.KcptunFile}\"; it is for QUIC and must not be.");
    }

    private static IEnumerable<(string Name, bool IsSet)> OfQuic(CausewayEndSettings settings)
    {
        HiddenSettings hidden = settings.Hidden();
        return
        [
            (nameof(settings.KeyFile), settings.KeyFile is not null),
            (nameof(hidden.Key), hidden.Key is not null),
            (nameof(settings.Peers), settings.Peers.Count > 0),
            (nameof(settings.CertificateFile), settings.CertificateFile is not null || hidden.Certificate is not null),
            (nameof(settings.AuthorityFile), settings.AuthorityFile is not null),
            (nameof(settings.SharedSecretFile), settings.SharedSecretFile is not null),
            (nameof(hidden.SharedSecret), hidden.SharedSecret is not null),
            (nameof(settings.ApplicationProtocols), settings.ApplicationProtocols.Count > 0),
            (nameof(settings.IdleTimeout), settings.IdleTimeout is not null),
            (nameof(settings.KeepAliveInterval), settings.KeepAliveInterval is not null),
            (nameof(settings.HandshakeTimeout), settings.HandshakeTimeout is not null),
            (nameof(settings.MaxInboundBidirectionalStreams), settings.MaxInboundBidirectionalStreams is not null),
            (nameof(settings.MaxInboundUnidirectionalStreams), settings.MaxInboundUnidirectionalStreams is not null),
            (nameof(settings.MemoryBudget), settings.MemoryBudget is not null),
        ];
    }
}
