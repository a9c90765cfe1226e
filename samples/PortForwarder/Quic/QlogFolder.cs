namespace Causeway.PortForwarder.Quic;

/// <summary>A folder for the qlogs of connections.</summary>
internal static class QlogFolder
{
    /// <summary>What opens a file of the folder by its name; null if there is no folder.</summary>
    public static Func<string, Stream?>? Open(string? folder)
    {
        if (string.IsNullOrEmpty(folder))
        {
            return null;
        }

        Directory.CreateDirectory(folder);

        // The engine writes whole pieces and flushes at the end, so that another buffer would only copy.
        return name => new FileStream(Path.Combine(folder, name), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
    }
}
