using System.Runtime.CompilerServices;

namespace Causeway.TestKit;

/// <summary>The files of the repository that a test was compiled from, for rules about source and documents.</summary>
public static class RepositoryFiles
{
    private static readonly string s_root = FindRoot();

    /// <summary>All files under a folder of the repository whose names end in <paramref name="extension"/>.</summary>
    /// <param name="folder">Relative to the repository's root, e.g. <c>"src"</c>.</param>
    /// <param name="extension">With its dot.</param>
    /// <returns>Paths relative to the root, in order, with their text.</returns>
    public static IEnumerable<(string Path, string Text)> Read(string folder, string extension) =>
        Directory.EnumerateFiles(Path.Combine(s_root, folder), "*" + extension, SearchOption.AllDirectories)
            .Where(static path => !Path.GetRelativePath(s_root, path).Split(Path.DirectorySeparatorChar).Any(IsBuildOutput))
            .Order(StringComparer.Ordinal)
            .Select(static path => (Path.GetRelativePath(s_root, path), File.ReadAllText(path)));

    /// <summary>The text of one file.</summary>
    /// <param name="path">Relative to the repository's root.</param>
    public static string Read(string path) => File.ReadAllText(Path.Combine(s_root, path));

    private static bool IsBuildOutput(string folder) => folder is "bin" or "obj" or "artifacts";

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        string? folder = Path.GetDirectoryName(thisFile);
        while (folder is not null && !File.Exists(Path.Combine(folder, "Directory.Build.props")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"No repository around {thisFile}.");
    }
}
