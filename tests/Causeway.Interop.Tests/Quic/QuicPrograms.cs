using System.Text.Json;

namespace Causeway.Interop.Tests.Quic;

/// <summary>Other people's QUIC: ngtcp2 as Debian packages it, and Cloudflare's quiche by its npm package.</summary>
internal static class QuicPrograms
{
    public static string? NgtcpClient { get; } = Locate("gtlsclient");

    public static string? NgtcpServer { get; } = Locate("gtlsserver");

    public static string? Chromium { get; } = Locate("chromium");

    public static string? Node { get; } = Locate("node");

    /// <summary>Where the script is that makes a peer of quiche.</summary>
    public static string QuicheScript { get; } = Path.Combine(ProjectFolder(), "quiche", "quiche-peer.mjs");

    /// <summary>What is not installed, and how to change that; null if everything is.</summary>
    public static string? Missing { get; } =
        NgtcpClient is null || NgtcpServer is null ? "gtlsclient and gtlsserver are missing (Debian: apt-get install ngtcp2-client ngtcp2-server)"
        : Node is null ? "node is not on the PATH (Debian: apt-get install nodejs npm)"
        : !Directory.Exists(QuichePackage) ? "quiche is missing (npm ci in tests/Causeway.Interop.Tests/quiche)"
        : null;

    public static string QuicheVersion
    {
        get
        {
            using JsonDocument package = JsonDocument.Parse(File.ReadAllText(Path.Combine(QuichePackage, "package.json")));
            return package.RootElement.GetProperty("version").GetString() ?? "unknown";
        }
    }

    /// <summary>Opens the qlog of one of our connections in the folder that the environment variable QLOGDIR names; null for none.</summary>
    public static Func<string, Stream?>? Qlog { get; } = Environment.GetEnvironmentVariable("QLOGDIR") is { Length: > 0 } folder
        ? name => File.Create(Path.Combine(folder, name))
        : null;

    private static string QuichePackage => Path.Combine(ProjectFolder(), "quiche", "node_modules", "@matrixai", "quic");

    /// <summary>The folder of this project in the checkout, whichever folder the tests run in.</summary>
    public static string ProjectFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "Causeway.Interop.Tests");
            if (File.Exists(Path.Combine(candidate, "Causeway.Interop.Tests.csproj")))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException("The tests do not run inside a checkout.");
    }

    // Debian puts servers where only root's PATH looks.
    private static string? Locate(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Append("/usr/sbin")
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);
}

/// <summary>A theory about other people's QUIC; skipped, with the reason, where something of it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class QuicTheoryAttribute : TheoryAttribute
{
    public QuicTheoryAttribute() => Skip = QuicPrograms.Missing;
}
