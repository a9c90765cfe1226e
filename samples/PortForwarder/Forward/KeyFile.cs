using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary>An end's own key in a file that only its user can read. It is made when it is first asked for.</summary>
internal static class KeyFile
{
    private const UnixFileMode OnlyUser = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Where a key is unless the user says so.</summary>
    public static string DefaultPath(string name) => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "causeway",
        $"{name}.key");

    /// <summary>Reads the key, or makes one.</summary>
    /// <param name="path">The file, in PEM.</param>
    /// <param name="warn">Takes what is wrong with the file without being in the way.</param>
    /// <param name="isNew">Whether it was made now.</param>
    /// <exception cref="UsageException">The file holds no key, or cannot be read or written.</exception>
    public static CausewayKey LoadOrCreate(string path, Action<string> warn, out bool isNew)
    {
        try
        {
            isNew = !File.Exists(path);
            return isNew ? Create(path) : Load(path, warn);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the key file {path} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>Makes a key in a file that must not exist.</summary>
    /// <exception cref="UsageException">There is such a file, or it cannot be written.</exception>
    public static CausewayKey CreateNew(string path)
    {
        try
        {
            return Create(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the key file {path} cannot be made: {error.Message}", error);
        }
    }

    private static CausewayKey Load(string path, Action<string> warn)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~OnlyUser & ~UnixFileMode.UserExecute) != 0)
        {
            warn($"others than its owner can read the key file {path} (chmod 600)");
        }

        try
        {
            return CausewayKey.FromPem(File.ReadAllText(path));
        }
        catch (ArgumentException error)
        {
            throw new UsageException($"the key file {path} holds no private key in PEM", error);
        }
    }

    private static CausewayKey Create(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        CausewayKey key = CausewayKey.Create();
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OnlyUser;
        }

        using StreamWriter writer = new(path, options);
        writer.WriteLine(key.ToPem());
        return key;
    }
}
