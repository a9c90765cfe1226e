using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;

namespace Causeway.Hosting;

/// <summary>What was registered, and where its configuration is. One for each collection of services.</summary>
internal sealed class Registrations
{
    public const string ListenersKey = "Listeners";
    public const string ClientsKey = "Clients";
    public const string DefaultPath = "Causeway";

    /// <summary>The section given; null for the host's configuration at <see cref="Path"/>.</summary>
    public IConfiguration? Configuration { get; set; }

    /// <summary>Where settings stand, for messages.</summary>
    public string Path { get; set; } = DefaultPath;

    /// <summary>How each listener's handler is found, in a scope.</summary>
    public ConcurrentDictionary<string, Func<IServiceProvider, CausewayHandler>> Listeners { get; } = [];

    /// <summary>Names of clients.</summary>
    public HashSet<string> Clients { get; } = [];
}
