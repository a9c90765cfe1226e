namespace Causeway.PortForwarder.Forward;

/// <summary>What the user wrote cannot be used; the message names it.</summary>
internal sealed class UsageException(string message, Exception? inner = null) : Exception(message, inner);
