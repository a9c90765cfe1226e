namespace Causeway.PortForwarder.Forward;

/// <summary>The secret that two ends share in place of keys: from a file or the environment.</summary>
internal static class SharedSecret
{
    /// <summary>The environment variable.</summary>
    public const string Variable = "CAUSEWAY_PSK";

    /// <summary>Which secret it is, for a peer that has several.</summary>
    public const string Name = "causeway";

    private const int ShortSecret = 16;

    /// <summary>Finds the secret; null if there is none.</summary>
    /// <param name="file">The file whose first line it is; null for none.</param>
    /// <param name="flag">The secret from the command line; null for none.</param>
    /// <param name="warn">Takes warnings.</param>
    /// <exception cref="UsageException">It is given twice, or the file has none.</exception>
    public static string? Find(string? file, string? flag, Action<string> warn)
    {
        if (file is not null && flag is not null)
        {
            throw new UsageException("--psk and --psk-file are given both; one secret is enough");
        }

        string? secret = flag ?? (file is null ? Environment.GetEnvironmentVariable(Variable) : ReadFile(file));
        if (flag is not null)
        {
            warn($"--psk shows the secret to every user of this machine; --psk-file and {Variable} do not");
        }

        if (secret is { Length: < ShortSecret })
        {
            warn($"the shared secret has {secret.Length} characters; who records a connection can try short ones (causeway keygen --psk makes a long one)");
        }

        return string.IsNullOrEmpty(secret) ? null : secret;
    }

    private static string ReadFile(string path)
    {
        try
        {
            string? line = File.ReadLines(path).FirstOrDefault()?.Trim();
            return string.IsNullOrEmpty(line) ? throw new UsageException($"the first line of {path} is empty; the secret belongs there") : line;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the secret cannot be read: {error.Message}", error);
        }
    }
}
