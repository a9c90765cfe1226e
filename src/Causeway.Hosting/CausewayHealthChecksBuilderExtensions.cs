using Causeway.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the health check of Causeway.</summary>
public static class CausewayHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check that all listeners are up and that clients are connected: those with <see cref="CausewayClientSettings.KeepConnected"/>
    /// always, others unless the last attempt failed. Needs <see cref="CausewayServiceCollectionExtensions.AddCauseway(IServiceCollection)"/>. It
    /// sends nothing.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="failureStatus">What it reports if something is not up; null for <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags, to choose checks by.</param>
    public static IHealthChecksBuilder AddCauseway(
        this IHealthChecksBuilder builder, string name = "causeway", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name,
            static services => new CausewayHealthCheck(services.GetRequiredService<ListenerSet>(), services.GetRequiredService<ClientSet>()),
            failureStatus,
            tags));
    }
}
