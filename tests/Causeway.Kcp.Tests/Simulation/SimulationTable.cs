using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>
/// Tables of what simulations measure, kept beside the tests, so that a change of behaviour shows up as a difference that
/// somebody reviews.
/// </summary>
internal static class SimulationTable
{
    /// <summary>Fails if a table is not the one that is kept under its name.</summary>
    public static void Check(string name, string actual)
    {
        string difference = StoredTable.Check(Path.Combine(Folder(), name), actual);
        Assert.True(difference.Length == 0, difference);
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

    private static string Folder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
