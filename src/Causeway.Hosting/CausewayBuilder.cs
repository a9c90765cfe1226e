using System.Diagnostics.CodeAnalysis;
using Causeway.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds listeners and clients; from <see cref="CausewayServiceCollectionExtensions.AddCauseway(IServiceCollection)"/>.</summary>
public sealed class CausewayBuilder
{
    private readonly Registrations _registrations;

    internal CausewayBuilder(IServiceCollection services, Registrations registrations)
    {
        Services = services;
        _registrations = registrations;
    }

    /// <summary>The services that are added to.</summary>
    public IServiceCollection Services { get; }

    /// <summary>
    /// Adds a listener, which the host starts and stops. Its settings come from <c>Causeway:Listeners:name</c>, then from
    /// <paramref name="configure"/>.
    /// </summary>
    /// <typeparam name="THandler">
    /// A <see cref="CausewayConnectionHandler"/> or <see cref="CausewayStreamHandler"/>. One is made for each connection or stream with what its
    /// constructor asks for, unless the services have the type already.
    /// </typeparam>
    /// <param name="name">The listener's name: in configuration, logs and health checks.</param>
    /// <param name="configure">Sets what configuration does not.</param>
    /// <exception cref="ArgumentException">There is a listener of that name.</exception>
    public CausewayBuilder AddListener<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        string name, Action<CausewayListenerSettings>? configure = null)
        where THandler : CausewayHandler
    {
        Add(name, configure, static services => services.GetRequiredService<THandler>());
        Services.TryAddScoped<THandler>();
        return this;
    }

    /// <summary>The same with a function that serves each stream, in place of a class.</summary>
    /// <param name="name">The listener's name.</param>
    /// <param name="onStream">See <see cref="CausewayStreamHandler.OnStreamAsync"/>.</param>
    /// <param name="configure">Sets what configuration does not.</param>
    /// <exception cref="ArgumentException">There is a listener of that name.</exception>
    public CausewayBuilder AddListener(
        string name,
        Func<CausewayStream, CausewayHandlerContext, CancellationToken, Task> onStream,
        Action<CausewayListenerSettings>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(onStream);
        DelegateStreamHandler handler = new(onStream);
        Add(name, configure, _ => handler);
        return this;
    }

    /// <summary>
    /// Adds a client, whose connections <see cref="ICausewayClientFactory"/> gives. Its settings come from <c>Causeway:Clients:name</c>, then
    /// from <paramref name="configure"/>.
    /// </summary>
    /// <param name="name">The client's name: in configuration, logs and health checks.</param>
    /// <param name="configure">Sets what configuration does not.</param>
    /// <exception cref="ArgumentException">There is a client of that name.</exception>
    public CausewayBuilder AddClient(string name, Action<CausewayClientSettings>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_registrations.Clients.Add(name))
        {
            throw new ArgumentException($"There is a client \"{name}\" already.", nameof(name));
        }

        Options.OptionsBuilder<CausewayClientSettings> options = Services.AddOptions<CausewayClientSettings>(name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        options.ValidateOnStart();
        return this;
    }

    private void Add(string name, Action<CausewayListenerSettings>? configure, Func<IServiceProvider, CausewayHandler> handler)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_registrations.Listeners.TryAdd(name, handler))
        {
            throw new ArgumentException($"There is a listener \"{name}\" already.", nameof(name));
        }

        Options.OptionsBuilder<CausewayListenerSettings> options = Services.AddOptions<CausewayListenerSettings>(name);
        if (configure is not null)
        {
            options.Configure(configure);
        }

        options.ValidateOnStart();
    }
}
