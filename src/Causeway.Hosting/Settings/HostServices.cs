using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>What connections take from the host.</summary>
internal sealed record HostServices(ILoggerFactory LoggerFactory, TimeProvider TimeProvider, string ContentRoot)
{
    /// <summary>A file of the settings: relative ones are below the host's content root, as those of Kestrel are.</summary>
    public string PathOf(string file) => Path.Combine(ContentRoot, file);
}
