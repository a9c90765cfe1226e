using System.Diagnostics;
using System.Globalization;

namespace Causeway.PortForwarder.Demo;

/// <summary>One line that shows a transfer while it runs: rewritten in place on a terminal, a line a second elsewhere.</summary>
internal sealed class DemoProgress(TextWriter output, bool isTerminal)
{
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_linePause = TimeSpan.FromSeconds(1);

    private string _name = "";
    private long _total;
    private long _shownAt;

    public void Begin(string name, long total)
    {
        _name = name;
        _total = total;
        _shownAt = Stopwatch.GetTimestamp();
    }

    public void Update(Func<DemoResult> describe)
    {
        if (Stopwatch.GetElapsedTime(_shownAt) >= (isTerminal ? s_refresh : s_linePause))
        {
            _shownAt = Stopwatch.GetTimestamp();
            Show(describe());
        }
    }

    public void End(DemoResult result)
    {
        Show(result);
        if (isTerminal)
        {
            output.WriteLine();
        }
    }

    private void Show(DemoResult now)
    {
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{_name,-24} {100.0 * now.Bytes / _total,4:0} %  {now.Bytes / 1e6,5:0.0} MB  {now.Bytes * 8 / 1e6 / now.Elapsed.TotalSeconds,6:0.0} Mbit/s  RTT {now.RoundTrip.TotalMilliseconds,3:0} ms  lost {now.LossPercent,4:0.0} %  repaired {now.Repaired,5}  sent again {now.SentAgain,5}");
        if (isTerminal)
        {
            output.Write("\r" + line);
        }
        else
        {
            output.WriteLine(line);
        }

        output.Flush();
    }
}
