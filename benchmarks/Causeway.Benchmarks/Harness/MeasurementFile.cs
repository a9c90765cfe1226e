using System.Globalization;
using System.Text;

namespace Causeway.Benchmarks.Harness;

/// <summary>Measurements as CSV, one a line. No field of ours has a comma, so none is quoted.</summary>
internal static class MeasurementFile
{
    private const string Header = "scenario,program,run,metric,value";

    /// <summary>Writes a new file, directories included.</summary>
    public static void Write(string path, IEnumerable<Measurement> measurements)
    {
        StringBuilder text = new(Header + "\n");
        foreach (Measurement m in measurements)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Field(m.Scenario.Text)},{Field(m.Program)},{m.Run},{Field(m.Metric)},{m.Value:G6}\n");
        }

        if (Path.GetDirectoryName(path) is { Length: > 0 } directory)
        {
            Directory.CreateDirectory(directory);
        }

        File.WriteAllText(path, text.ToString());
    }

    /// <exception cref="UsageException">It is missing or is not such a file.</exception>
    public static List<Measurement> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"there is no file {path}");
        }

        string[] lines = File.ReadAllLines(path);
        if (lines.Length == 0 || lines[0] != Header)
        {
            throw new UsageException($"{path} does not begin with '{Header}'");
        }

        return [.. lines.Skip(1).Where(static line => line.Length > 0).Select((line, index) => Parse(line, path, index + 2))];
    }

    private static Measurement Parse(string line, string path, int number)
    {
        string[] fields = line.Split(',');
        return fields.Length == 5
            && int.TryParse(fields[2], CultureInfo.InvariantCulture, out int run)
            && double.TryParse(fields[4], CultureInfo.InvariantCulture, out double value)
            ? new Measurement(new Scenario(fields[0]), fields[1], run, fields[3], value)
            : throw new UsageException($"{path}:{number} is not a measurement");
    }

    private static string Field(string text) => text.Replace(',', '+').ReplaceLineEndings(" ");
}
