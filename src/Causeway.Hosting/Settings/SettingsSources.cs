using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Causeway.Hosting;

/// <summary>Binds the settings of listeners and clients from configuration. What does not bind is a problem that validation reports.</summary>
internal sealed class SettingsSources(Registrations registrations, IServiceProvider services)
    : IConfigureNamedOptions<CausewayListenerSettings>, IConfigureNamedOptions<CausewayClientSettings>
{
    private const string Key = "Key";
    private const string SharedSecret = "SharedSecret";
    private const string CertificatePassword = "CertificatePassword";

    private static readonly string[] s_common =
    [
        nameof(CausewayEndSettings.EndPoint), nameof(CausewayEndSettings.KeyFile), Key, nameof(CausewayEndSettings.Peers),
        nameof(CausewayEndSettings.CertificateFile), nameof(CausewayEndSettings.CertificateKeyFile), CertificatePassword,
        nameof(CausewayEndSettings.AuthorityFile), nameof(CausewayEndSettings.SharedSecretName), nameof(CausewayEndSettings.SharedSecretFile),
        SharedSecret, nameof(CausewayEndSettings.KcptunFile), nameof(CausewayEndSettings.ApplicationProtocols),
        nameof(CausewayEndSettings.IdleTimeout), nameof(CausewayEndSettings.KeepAliveInterval), nameof(CausewayEndSettings.HandshakeTimeout),
        nameof(CausewayEndSettings.MaxInboundBidirectionalStreams), nameof(CausewayEndSettings.MaxInboundUnidirectionalStreams),
        nameof(CausewayEndSettings.MemoryBudget), nameof(CausewayEndSettings.StreamBacklog), nameof(CausewayEndSettings.CloseTimeout),
    ];

    /// <summary>What a listener's section may have.</summary>
    public static IReadOnlyList<string> ListenerKeys { get; } =
    [
        .. s_common, nameof(CausewayListenerSettings.MaxConnections), nameof(CausewayListenerSettings.ConnectionBacklog),
        nameof(CausewayListenerSettings.Shards), nameof(CausewayListenerSettings.DrainTimeout),
        nameof(CausewayListenerSettings.HandlerErrorCode), nameof(CausewayListenerSettings.StopErrorCode),
    ];

    /// <summary>What a client's section may have.</summary>
    public static IReadOnlyList<string> ClientKeys { get; } =
        [.. s_common, nameof(CausewayClientSettings.TargetHost), nameof(CausewayClientSettings.KeepConnected)];

    public void Configure(string? name, CausewayListenerSettings options)
    {
        if (name is not null && registrations.Listeners.ContainsKey(name) && Section(Registrations.ListenersKey, name) is { } section)
        {
            Bind(section, options, ListenerKeys, static (section, options) => section.Bind(options));
        }
    }

    public void Configure(CausewayListenerSettings options) => Configure(Options.DefaultName, options);

    public void Configure(string? name, CausewayClientSettings options)
    {
        if (name is not null && registrations.Clients.Contains(name) && Section(Registrations.ClientsKey, name) is { } section)
        {
            Bind(section, options, ClientKeys, static (section, options) => section.Bind(options));
        }
    }

    public void Configure(CausewayClientSettings options) => Configure(Options.DefaultName, options);

    private static void Bind<T>(IConfigurationSection section, T options, IReadOnlyList<string> keys, Action<IConfigurationSection, T> bind)
        where T : CausewayEndSettings
    {
        foreach (IConfigurationSection child in section.GetChildren())
        {
            if (!keys.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                options.Hidden().Problems.Add($"{child.Key} is no setting; there are {string.Join(", ", keys)}.");
            }
        }

        try
        {
            bind(section, options);
        }
        catch (InvalidOperationException error)
        {
            // Names the key, the value and the type. Secrets are not bound by it.
            options.Hidden().Problems.Add(error.Message);
        }

        // By hand: the settings have no property that a dump of them could show.
        Pass(section[Key], options.UseKey);
        Pass(section[SharedSecret], options.UseSharedSecret);
        Pass(section[CertificatePassword], options.UseCertificatePassword);
    }

    private static void Pass(string? value, Action<string> use)
    {
        if (!string.IsNullOrEmpty(value))
        {
            use(value);
        }
    }

    private IConfigurationSection? Section(string kind, string name)
    {
        IConfiguration? root = registrations.Configuration
            ?? (services.GetService(typeof(IConfiguration)) as IConfiguration)?.GetSection(registrations.Path);
        return root?.GetSection(kind).GetSection(name);
    }
}
