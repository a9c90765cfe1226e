using System.Text;

namespace Causeway.TestKit;

/// <summary>
/// Compares computed text with a reviewed file of it. With the environment variable <c>CAUSEWAY_UPDATE_TABLES=1</c> the file
/// is rewritten first: run the test so, and read the diff.
/// </summary>
public static class StoredTable
{
    /// <summary>The environment variable that makes <see cref="Check"/> rewrite files when it is 1.</summary>
    public const string UpdateVariable = "CAUSEWAY_UPDATE_TABLES";

    /// <summary>Compares or rewrites a file. What differs is also left beside the test's assembly as <c>{name}.actual.txt</c>.</summary>
    /// <param name="file">The file.</param>
    /// <param name="actual">What it should hold, with lines that end in a line feed.</param>
    /// <returns>The lines that differ, with what to do about them; empty if none do.</returns>
    public static string Check(string file, string actual)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(actual);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(file, actual);
        }

        string expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (expected == actual)
        {
            return "";
        }

        string output = Path.Combine(AppContext.BaseDirectory, Path.GetFileNameWithoutExtension(file) + ".actual.txt");
        File.WriteAllText(output, actual);
        return $"The table differs from {Path.GetFileName(file)}; the new one is {output}. Review it, and run with "
            + $"{UpdateVariable}=1 to take it over.\n{Differences(expected, actual)}";
    }

    private static string Differences(string expected, string actual)
    {
        string[] before = expected.Split('\n');
        string[] after = actual.Split('\n');
        StringBuilder text = new();
        for (int i = 0; i < Math.Max(before.Length, after.Length); i++)
        {
            string old = i < before.Length ? before[i] : "";
            string now = i < after.Length ? after[i] : "";
            if (old != now)
            {
                text.Append("- ").Append(old).Append('\n').Append("+ ").Append(now).Append('\n');
            }
        }

        return text.ToString();
    }
}
