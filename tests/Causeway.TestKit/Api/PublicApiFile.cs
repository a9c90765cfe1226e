using System.Reflection;

namespace Causeway.TestKit;

/// <summary>
/// Compares an assembly with the reviewed text of its public API. With the environment variable
/// <c>CAUSEWAY_UPDATE_TABLES=1</c> the file is rewritten instead: run the test so, and read the diff.
/// </summary>
public static class PublicApiFile
{
    /// <summary>Compares or rewrites <c>PublicApi/{assembly}.txt</c> in <paramref name="projectFolder"/>.</summary>
    /// <returns>The lines that differ, with what to do about them; empty if none do.</returns>
    public static string Check(Assembly assembly, string projectFolder)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        string name = assembly.GetName().Name!;
        string file = Path.Combine(projectFolder, "PublicApi", name + ".txt");
        string actual = PublicApiText.Describe(assembly);
        if (Environment.GetEnvironmentVariable(StoredTable.UpdateVariable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, actual);
            return "";
        }

        string expected = File.Exists(file) ? File.ReadAllText(file) : "";
        string differences = PublicApiText.Differences(expected, actual);
        return differences.Length == 0
            ? ""
            : $"The public API of {name} is not what was reviewed. If that is meant, run this test with {StoredTable.UpdateVariable}=1.\n{differences}";
    }
}
