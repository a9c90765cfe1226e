using Causeway.Kcptun.Telemetry;

namespace Causeway.Kcptun.Tests.Telemetry;

public sealed class GoTimeLayoutTests
{
    private static readonly DateTimeOffset s_afternoon =
        new DateTimeOffset(2026, 3, 7, 14, 5, 9, TimeSpan.FromHours(5.5)).AddTicks(1_230_000);

    private static readonly DateTimeOffset s_midnight = new(2009, 12, 31, 0, 40, 30, TimeSpan.Zero);
    private static readonly DateTimeOffset s_west = new(2026, 11, 22, 12, 0, 0, TimeSpan.FromMinutes(-210));

    [Theory]
    [InlineData("snmp-20060102.log", "snmp-20260307.log")]
    [InlineData("snmp-20060102-150405.log", "snmp-20260307-140509.log")]
    [InlineData("2006-1-2 3:4:5pm", "2026-3-7 2:5:9pm")]
    [InlineData("06 Jan _2 03PM", "26 Mar  7 02PM")]
    [InlineData("Monday Mon January Jan", "Saturday Sat March Mar")]
    [InlineData("Month Jane", "Month Jane")]
    [InlineData("_2006", "_2026")]
    [InlineData("002 __2", "066  66")]
    [InlineData("-0700 -07:00 -07 -070000 -07:00:00", "+0530 +05:30 +05 +053000 +05:30:00")]
    [InlineData("Z0700 Z07:00 Z07 Z070000 Z07:00:00", "+0530 +05:30 +05 +053000 +05:30:00")]
    [InlineData("MST", "+0530")]
    [InlineData("05.000 05,00 05.999999 05.000000000000", "09.123 09,12 09.123 09.123000000")]
    [InlineData("x.0009", "x.0009")]
    [InlineData("snmp.log", "snmp.log")]
    [InlineData("v1.csv", "v3.csv")]
    [InlineData("", "")]
    public void FollowsTheReferenceTime(string layout, string expected) =>
        Assert.Equal(expected, GoTimeLayout.Format(layout, s_afternoon));

    [Theory]
    [InlineData("15 3 03 PM", "00 12 12 AM")]
    [InlineData("MST Z0700 Z07:00 -0700", "UTC Z Z +0000")]
    [InlineData("002 __2 _2 2", "365 365 31 31")]
    [InlineData("05.999 05.000", "30 30.000")]
    public void ShowsMidnightInUtc(string layout, string expected) =>
        Assert.Equal(expected, GoTimeLayout.Format(layout, s_midnight));

    [Theory]
    [InlineData("-0700 Z07:00 MST", "-0330 -03:30 -0330")]
    [InlineData("3PM 15 1", "12PM 12 11")]
    public void ShowsOffsetsToTheWest(string layout, string expected) => Assert.Equal(expected, GoTimeLayout.Format(layout, s_west));

    [Fact]
    public void TakesAnyText()
    {
        Random random = new(11);
        const string Pieces = "0123456789_JanuMondyTSPpmZ-:.,x";
        for (int round = 0; round < 20_000; round++)
        {
            string layout = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            Assert.InRange(GoTimeLayout.Format(layout, s_afternoon).Length, 0, 10 * layout.Length);
        }
    }
}
