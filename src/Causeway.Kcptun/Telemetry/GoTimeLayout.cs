using System.Globalization;
using System.Text;

namespace Causeway.Kcptun.Telemetry;

/// <summary>
/// Formats a time by a Go layout: an example of how the reference time, Mon Jan 2 15:04:05 MST 2006 (-0700), would
/// look. Text that is no element is copied (pkg.go.dev/time#pkg-constants). kcptun names its counter files so.
/// </summary>
internal static class GoTimeLayout
{
    // Where several elements match at a place, the one that comes first here is meant.
    private static readonly (string Element, Func<DateTimeOffset, string> Format)[] s_elements =
    [
        ("January", static t => Invariant(t, "MMMM")),
        ("Jan", static t => Invariant(t, "MMM")),
        ("Monday", static t => Invariant(t, "dddd")),
        ("Mon", static t => Invariant(t, "ddd")),
        ("MST", Zone),
        ("2006", static t => Invariant(t, "yyyy")),
        ("002", static t => t.DayOfYear.ToString("000", CultureInfo.InvariantCulture)),
        ("01", static t => Invariant(t, "MM")),
        ("02", static t => Invariant(t, "dd")),
        ("03", static t => Invariant(t, "hh")),
        ("04", static t => Invariant(t, "mm")),
        ("05", static t => Invariant(t, "ss")),
        ("06", static t => Invariant(t, "yy")),
        ("15", static t => Invariant(t, "HH")),
        ("1", static t => Invariant(t, "%M")),
        ("2", static t => Invariant(t, "%d")),
        ("3", static t => Invariant(t, "%h")),
        ("4", static t => Invariant(t, "%m")),
        ("5", static t => Invariant(t, "%s")),
        ("__2", static t => t.DayOfYear.ToString(CultureInfo.InvariantCulture).PadLeft(3)),
        ("_2", static t => t.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2)),
        ("PM", static t => t.Hour < 12 ? "AM" : "PM"),
        ("pm", static t => t.Hour < 12 ? "am" : "pm"),
        ("-07:00:00", static t => Offset(t, "':'", seconds: true)),
        ("-070000", static t => Offset(t, "", seconds: true)),
        ("-07:00", static t => Offset(t, "':'")),
        ("-0700", static t => Offset(t, "")),
        ("-07", static t => Offset(t, null)),
        ("Z07:00:00", static t => Utc(t) ?? Offset(t, "':'", seconds: true)),
        ("Z070000", static t => Utc(t) ?? Offset(t, "", seconds: true)),
        ("Z07:00", static t => Utc(t) ?? Offset(t, "':'")),
        ("Z0700", static t => Utc(t) ?? Offset(t, "")),
        ("Z07", static t => Utc(t) ?? Offset(t, null)),
    ];

    /// <summary>Formats a time.</summary>
    /// <param name="layout">The layout, such as <c>snmp-20060102.log</c>.</param>
    /// <param name="time">The time, shown in its own offset.</param>
    /// <returns>
    /// The text. A zone's name (<c>MST</c>) is <c>UTC</c> or, as Go does where it knows no name, the offset.
    /// </returns>
    public static string Format(string layout, DateTimeOffset time)
    {
        ArgumentNullException.ThrowIfNull(layout);
        StringBuilder text = new(layout.Length + 16);
        ReadOnlySpan<char> rest = layout;
        while (!rest.IsEmpty)
        {
            int length = FormatElement(rest, time, text);
            if (length == 0)
            {
                text.Append(rest[0]);
                length = 1;
            }

            rest = rest[length..];
        }

        return text.ToString();
    }

    /// <summary>
    /// Appends the element that the layout starts with, and returns how many characters of the layout it is.
    /// </summary>
    private static int FormatElement(ReadOnlySpan<char> layout, DateTimeOffset time, StringBuilder text)
    {
        // The year in "_2006" is not the day in "_2".
        if (layout.StartsWith("_2006", StringComparison.Ordinal))
        {
            text.Append('_').Append(Invariant(time, "yyyy"));
            return "_2006".Length;
        }

        foreach ((string element, Func<DateTimeOffset, string> format) in s_elements)
        {
            if (!layout.StartsWith(element, StringComparison.Ordinal))
            {
                continue;
            }

            // "Month" or "Jane" are words, not elements with something behind them.
            if (element is "Jan" or "Mon" && layout.Length > 3 && char.IsAsciiLetterLower(layout[3]))
            {
                continue;
            }

            text.Append(format(time));
            return element.Length;
        }

        return FormatFraction(layout, time, text);
    }

    /// <summary>
    /// A point or comma and a run of zeros (that many digits) or nines (without trailing zeros), if no digit follows.
    /// </summary>
    private static int FormatFraction(ReadOnlySpan<char> layout, DateTimeOffset time, StringBuilder text)
    {
        if (layout.Length < 2 || layout[0] is not ('.' or ',') || layout[1] is not ('0' or '9'))
        {
            return 0;
        }

        char digit = layout[1];
        int end = layout[1..].IndexOfAnyExcept(digit);
        end = end < 0 ? layout.Length : end + 1;
        if (end < layout.Length && char.IsAsciiDigit(layout[end]))
        {
            return 0;
        }

        // Ticks are 100 ns; Go has nanoseconds and shows at most nine digits.
        long nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        ReadOnlySpan<char> digits = nanoseconds.ToString("000000000", CultureInfo.InvariantCulture);
        digits = digits[..Math.Min(end - 1, digits.Length)];
        if (digit == '9')
        {
            digits = digits.TrimEnd('0');
        }

        if (!digits.IsEmpty)
        {
            text.Append(layout[0]).Append(digits);
        }

        return end;
    }

    private static string Invariant(DateTimeOffset time, string format) =>
        time.ToString(format, CultureInfo.InvariantCulture);

    private static string Zone(DateTimeOffset time) => time.Offset == TimeSpan.Zero ? "UTC" : Offset(time, "");

    private static string? Utc(DateTimeOffset time) => time.Offset == TimeSpan.Zero ? "Z" : null;

    /// <param name="time">The time.</param>
    /// <param name="separator">What stands between the parts, as a format; null for hours alone.</param>
    /// <param name="seconds">Whether seconds follow; an offset has none.</param>
    private static string Offset(DateTimeOffset time, string? separator, bool seconds = false)
    {
        string format = separator is null ? "hh" : $"hh{separator}mm" + (seconds ? $"{separator}ss" : "");
        return (time.Offset < TimeSpan.Zero ? "-" : "+") + time.Offset.ToString(format, CultureInfo.InvariantCulture);
    }
}
