using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>What connections take from the host.</summary>
internal sealed record HostServices(ILoggerFactory LoggerFactory, TimeProvider TimeProvider);
