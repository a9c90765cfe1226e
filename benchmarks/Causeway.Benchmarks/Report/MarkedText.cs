using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Report;

/// <summary>Replaces what stands between two lines of a text, which say where generated parts go.</summary>
internal static class MarkedText
{
    /// <summary>The text with the part between <c>&lt;!-- NAME --&gt;</c> and <c>&lt;!-- /NAME --&gt;</c> replaced.</summary>
    /// <exception cref="UsageException">A mark is missing.</exception>
    public static string Replace(string text, string name, string content)
    {
        string open = $"<!-- {name} -->\n";
        string close = $"<!-- /{name} -->";
        int start = text.IndexOf(open, StringComparison.Ordinal);
        int end = start < 0 ? -1 : text.IndexOf(close, start, StringComparison.Ordinal);
        return end >= 0
            ? string.Concat(text.AsSpan(0, start + open.Length), content.TrimEnd('\n'), "\n", text.AsSpan(end))
            : throw new UsageException($"the page lacks the marks '{open.TrimEnd()}' and '{close}'");
    }
}
