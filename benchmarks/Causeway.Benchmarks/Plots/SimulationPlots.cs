using System.Globalization;

namespace Causeway.Benchmarks.Plots;

/// <summary>Draws what the tests keep of simulations in virtual time: congestion.txt and dynamics.txt.</summary>
internal static class SimulationPlots
{
    private static readonly (string Path, string Title)[] s_dynamics =
    [
        ("rate-falls", "100 Mbit/s become 25 after 4 s (50 ms, simulated)"),
        ("rtt-doubles", "50 ms become 100 after 4 s (100 Mbit/s, simulated)"),
        ("blackout-2s", "Nothing gets through from 4 to 6 s (100 Mbit/s, 50 ms, simulated)"),
    ];

    /// <summary>The images by name.</summary>
    /// <param name="directory">Where the tables are.</param>
    /// <exception cref="IOException">A table cannot be read.</exception>
    public static IEnumerable<(string Name, IChart Chart)> Draw(string directory)
    {
        yield return ("congestion-loss.png", new LineChart(
            "Goodput against loss (100 Mbit/s, 50 ms, queue of one round trip, simulated)",
            "datagrams lost, %, each direction", "Mbit/s", OverLoss(Rows(Path.Combine(directory, "congestion.txt")))));
        List<string> dynamics = Rows(Path.Combine(directory, "dynamics.txt"));
        foreach ((string path, string title) in s_dynamics)
        {
            yield return ($"congestion-{path}.png", new LineChart(title, "seconds", "Mbit/s", OverTime(dynamics, path)));
        }
    }

    // Columns: rate, rtt, queue, loss, controller, goodput. Bursts have no place on an axis of loss.
    private static ChartSeries[] OverLoss(List<string> rows) =>
    [
        .. rows.Select(static row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(static row => row is ["100", "50", "1", [.., '%'] or "0", ..])
            .GroupBy(static row => row[4])
            .Select(static controller => new ChartSeries(
                controller.Key,
                [.. controller.Select(static row => new ChartPoint(Number(row[3].TrimEnd('%')), Number(row[5])))])),
    ];

    // Columns: path, controller and others up to a bar; then the rates, of which the heading has the times.
    private static ChartSeries[] OverTime(List<string> rows, string path)
    {
        double[] times = Numbers(rows[0]);
        return
        [
            .. rows.Where(row => row.StartsWith(path + " ", StringComparison.Ordinal)).Select(row => new ChartSeries(
                row.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                [.. times.Zip(Numbers(row), static (time, rate) => new ChartPoint(time, rate))])),
        ];
    }

    private static double[] Numbers(string row) =>
        [.. row[(row.IndexOf('|') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Number)];

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static List<string> Rows(string file) => [.. File.ReadLines(file).Where(static line => line is [not '#', ..])];
}
