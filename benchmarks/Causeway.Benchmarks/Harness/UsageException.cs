namespace Causeway.Benchmarks.Harness;

/// <summary>A command line, or a file that it names, cannot be used. The message is one line for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);
