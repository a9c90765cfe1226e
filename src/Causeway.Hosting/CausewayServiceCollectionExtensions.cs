using Causeway.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds Causeway to a host's services.</summary>
public static class CausewayServiceCollectionExtensions
{
    /// <summary>
    /// Adds listeners that the host runs, and clients. Their settings come from the section <c>Causeway</c> of the host's configuration. The
    /// host's <see cref="ILoggerFactory"/> gets all log lines; a <see cref="TimeProvider"/> among the services is the clock. May be called
    /// more than once.
    /// </summary>
    public static CausewayBuilder AddCauseway(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        Registrations? registrations = (Registrations?)services
            .LastOrDefault(static service => service.ServiceType == typeof(Registrations))?.ImplementationInstance;
        if (registrations is null)
        {
            registrations = new Registrations();
            services.AddSingleton(registrations);
            AddServices(services);
        }

        return new CausewayBuilder(services, registrations);
    }

    /// <summary>The same with another section for the settings: one that has <c>Listeners</c> and <c>Clients</c>.</summary>
    public static CausewayBuilder AddCauseway(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        CausewayBuilder builder = services.AddCauseway();
        Registrations registrations = (Registrations)services
            .Last(static service => service.ServiceType == typeof(Registrations)).ImplementationInstance!;
        registrations.Configuration = configuration;
        registrations.Path = configuration is IConfigurationSection section ? section.Path : Registrations.DefaultPath;
        return builder;
    }

    private static void AddServices(IServiceCollection services)
    {
        services.AddOptions();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(static provider => new HostServices(
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<IHostEnvironment>()?.ContentRootPath ?? ""));
        services.AddSingleton<IConfigureOptions<CausewayListenerSettings>, SettingsSources>();
        services.AddSingleton<IConfigureOptions<CausewayClientSettings>, SettingsSources>();
        services.AddSingleton<IValidateOptions<CausewayListenerSettings>, SettingsValidator>();
        services.AddSingleton<IValidateOptions<CausewayClientSettings>, SettingsValidator>();
        services.AddSingleton<ListenerSet>();
        services.AddSingleton<ICausewayListeners>(static provider => provider.GetRequiredService<ListenerSet>());
        services.AddSingleton<ClientSet>();
        services.AddSingleton<ICausewayClientFactory>(static provider => provider.GetRequiredService<ClientSet>());
        services.AddHostedService<CausewayService>();
    }
}
