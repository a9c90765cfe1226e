using System.Globalization;

namespace Causeway.Benchmarks.Harness;

/// <summary>One number that one run of one program gave.</summary>
/// <param name="Scenario">What was measured under which settings.</param>
/// <param name="Program">Who was measured.</param>
/// <param name="Run">Runs of the same number were neighbours in time.</param>
/// <param name="Metric">Its name and unit.</param>
/// <param name="Value">The number.</param>
internal sealed record Measurement(Scenario Scenario, string Program, int Run, string Metric, double Value);

/// <summary>Metrics by name, as tables, files and plots call them.</summary>
internal static class Metrics
{
    public const string Throughput = "Mbit/s";
    public const string Cpu = "CPU s/GB";
    public const string PeakMemory = "peak MB";
    public const string Connections = "conn/s";
    public const string Failures = "failed";
    public const string P50 = "p50 ms";
    public const string P90 = "p90 ms";
    public const string P99 = "p99 ms";
    public const string P999 = "p99.9 ms";
    public const string Resident = "RSS MB";
    public const string Proportional = "PSS MB";
    public const string WireCost = "wire/payload";
    public const string BackCost = "back/payload";
    public const string RelayDrops = "relay drops";
}

/// <summary>Settings as "key=value" words in a fixed order, of which the first says what is measured.</summary>
internal sealed record Scenario(string Text)
{
    /// <summary>What is measured.</summary>
    public string Measure => this["measure"];

    /// <summary>A setting, or an empty text.</summary>
    public string this[string key] => Text.Split(' ').FirstOrDefault(word => word.StartsWith(key + "=", StringComparison.Ordinal)) is { } found
        ? found[(key.Length + 1)..]
        : "";

    public static Scenario Of(string measure, params ReadOnlySpan<(string Key, object Value)> settings)
    {
        string text = $"measure={measure}";
        foreach ((string key, object value) in settings)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" {key}={value}");
        }

        return new Scenario(text);
    }

    public override string ToString() => Text["measure=".Length..];
}
