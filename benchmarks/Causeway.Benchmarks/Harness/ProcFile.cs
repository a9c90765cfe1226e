using System.Globalization;

namespace Causeway.Benchmarks.Harness;

/// <summary>Reads files under /proc that say "Name: 123 kB".</summary>
internal static class ProcFile
{
    /// <summary>The value of that name in MB; NaN where there is no such file, as on other systems than Linux.</summary>
    public static double Megabytes(string path, string name)
    {
        if (!File.Exists(path))
        {
            return double.NaN;
        }

        string? line = File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is null
            ? double.NaN
            : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
