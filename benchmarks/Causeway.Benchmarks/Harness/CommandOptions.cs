using System.Globalization;

namespace Causeway.Benchmarks.Harness;

/// <summary>
/// The options of one command. Which exist is read from the help text, whose lines "  --name VALUE   text" are thus the
/// only list of them; one without a VALUE is a switch.
/// </summary>
internal sealed class CommandOptions
{
    private readonly Dictionary<string, List<string>> _values = [];

    /// <exception cref="UsageException">An option is unknown or lacks its value.</exception>
    public CommandOptions(string help, ReadOnlySpan<string> args)
    {
        Dictionary<string, bool> known = ReadHelp(help);
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] is "--help" or "-h")
            {
                WantsHelp = true;
                continue;
            }

            string name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : "";
            if (!known.TryGetValue(name, out bool takesValue))
            {
                throw new UsageException($"there is no option '{args[i]}'; --help lists them");
            }

            if (takesValue && i + 1 == args.Length)
            {
                throw new UsageException($"--{name} needs a value");
            }

            if (!_values.TryGetValue(name, out List<string>? values))
            {
                _values.Add(name, values = []);
            }

            values.Add(takesValue ? args[++i] : "");
        }
    }

    public bool WantsHelp { get; }

    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>The last value given.</summary>
    public string Text(string name, string fallback) => _values.TryGetValue(name, out List<string>? all) ? all[^1] : fallback;

    /// <summary>All values of an option that may be repeated.</summary>
    public IReadOnlyList<string> All(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>The parts of a value that is a list with commas.</summary>
    public string[] List(string name, string fallback) =>
        Text(name, fallback).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <exception cref="UsageException">The value is not a whole number of that range.</exception>
    public int Integer(string name, int fallback, int min = 1, int max = int.MaxValue) =>
        _values.ContainsKey(name) ? ParseInteger(name, Text(name, ""), min, max) : fallback;

    /// <exception cref="UsageException">The value is not a number of that range.</exception>
    public double Number(string name, double fallback, double min = 0, double max = 1e9) =>
        _values.ContainsKey(name) ? ParseNumber(name, Text(name, ""), min, max) : fallback;

    /// <exception cref="UsageException">A part is not a whole number of that range.</exception>
    public int[] Integers(string name, string fallback, int min = 1, int max = int.MaxValue) =>
        [.. List(name, fallback).Select(part => ParseInteger(name, part, min, max))];

    /// <exception cref="UsageException">A part is not a number of that range.</exception>
    public double[] Numbers(string name, string fallback, double min = 0, double max = 1e9) =>
        [.. List(name, fallback).Select(part => ParseNumber(name, part, min, max))];

    /// <summary>A list of names, each of which must be one of those allowed.</summary>
    /// <exception cref="UsageException">One is not.</exception>
    public string[] Choices(string name, string fallback, params string[] allowed)
    {
        string[] chosen = List(name, fallback);
        return chosen.FirstOrDefault(value => !allowed.Contains(value)) is { } wrong
            ? throw new UsageException($"--{name} takes {string.Join(", ", allowed)}, not '{wrong}'")
            : chosen;
    }

    private static int ParseInteger(string name, string text, int min, int max) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= min && value <= max
            ? value
            : throw new UsageException($"--{name} must be a whole number from {min} to {max}, not '{text}'");

    private static double ParseNumber(string name, string text, double min, double max) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= min && value <= max
            ? value
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--{name} must be a number from {min} to {max}, not '{text}'"));

    private static Dictionary<string, bool> ReadHelp(string help)
    {
        Dictionary<string, bool> known = [];
        foreach (string line in help.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words.Length > 0 && line.StartsWith("  --", StringComparison.Ordinal))
            {
                // A value's name is in capitals; a word of the explanation is not.
                known.Add(words[0][2..], words.Length > 1 && words[1].Any(char.IsLetter) && !words[1].Any(char.IsLower));
            }
        }

        return known;
    }
}
