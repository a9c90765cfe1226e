namespace Causeway.Hosting;

/// <summary>A setting cannot be used. The message is one line that names the setting, its value unless it is secret, and what is allowed.</summary>
internal sealed class SettingsException(string message, Exception? innerException = null) : Exception(message, innerException);
