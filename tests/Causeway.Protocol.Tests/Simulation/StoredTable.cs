using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Causeway.Protocol.Tests.Simulation;

/// <summary>
/// Tables of what simulations measure, kept beside the tests, so that a change of behaviour shows up as a difference that
/// somebody reviews.
/// </summary>
/// <remarks>
/// To take over a new table, run its test with the environment variable <c>CAUSEWAY_UPDATE_TABLES=1</c> and read the diff.
/// </remarks>
internal static class StoredTable
{
    private const string UpdateVariable = "CAUSEWAY_UPDATE_TABLES";

    /// <summary>Fails if a table is not the one that is kept under its name.</summary>
    public static void Check(string name, string actual)
    {
        string file = Path.Combine(Folder(), name);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(file, actual);
        }

        string expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (expected != actual)
        {
            string output = Path.Combine(AppContext.BaseDirectory, Path.ChangeExtension(name, ".actual.txt"));
            File.WriteAllText(output, actual);
            Assert.Fail(
                $"The table differs from Simulation/{name}; the new one is {output}. Review it, and run with "
                + $"{UpdateVariable}=1 to take it over.{Environment.NewLine}{Differences(expected, actual)}");
        }
    }

    /// <summary>The kept rows of a table, split at blanks; comments, empty lines and lines of headings are left out.</summary>
    public static IEnumerable<string[]> Rows(string name, int headings = 1) =>
        File.ReadLines(Path.Combine(Folder(), name))
            .Where(static line => line.Length > 0 && line[0] != '#')
            .Skip(headings)
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>
    /// Makes rows on all processors, one simulation on each at a time, the last rows first: tables begin with the quick ones. A
    /// row owns everything that it changes, so that it is the same whatever runs beside it.
    /// </summary>
    public static TRow[] Make<TCase, TRow>(IReadOnlyList<TCase> cases, Func<TCase, TRow> make)
    {
        TRow[] rows = new TRow[cases.Count];
        Parallel.ForEach(
            Partitioner.Create(Enumerable.Range(0, cases.Count).Reverse(), EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            index => rows[index] = make(cases[index]));
        return rows;
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
                text.AppendLine(CultureInfo.InvariantCulture, $"- {old}").AppendLine(CultureInfo.InvariantCulture, $"+ {now}");
            }
        }

        return text.ToString();
    }

    private static string Folder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
