using Causeway.Kcptun.Telemetry;

namespace Causeway.Kcptun.Tests.Telemetry;

public sealed class SnmpLogWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("snmp").FullName;
    private readonly ManualTime _time = new(new DateTimeOffset(2026, 1, 31, 22, 59, 0, TimeSpan.Zero));
    private readonly List<Exception> _failures = [];
    private ulong _sent;

    [Fact]
    public void AppendsALineEachPeriodAndRotatesInLocalTime()
    {
        using SnmpLogWriter writer = Start(Path.Combine(_folder, "snmp-20060102.log"));
        _time.Tick(TimeSpan.FromSeconds(30));
        _time.Tick(TimeSpan.FromSeconds(29));
        _time.Tick(TimeSpan.FromSeconds(2));
        Assert.Empty(_failures);

        // The clock's zone is an hour ahead of UTC: the third line belongs to the next day.
        string[] january = File.ReadAllText(Path.Combine(_folder, "snmp-20260131.log")).Split('\n');
        string[] february = File.ReadAllText(Path.Combine(_folder, "snmp-20260201.log")).Split('\n');
        Assert.Equal([KcptunCounters.CsvHeader, "1769900370", "1769900399", ""], january.Select(FirstColumnOrHeader));
        Assert.Equal([KcptunCounters.CsvHeader, "1769900401", ""], february.Select(FirstColumnOrHeader));
        Assert.StartsWith("1769900401,3,", february[1], StringComparison.Ordinal);
    }

    [Fact]
    public void AddsNoHeaderToAFileThatHasLines()
    {
        string path = Path.Combine(_folder, "counters.csv");
        File.WriteAllText(path, "before\n");
        using SnmpLogWriter writer = Start(path);
        _time.Tick(TimeSpan.FromSeconds(60));
        string[] lines = File.ReadAllLines(path);
        Assert.Equal(2, lines.Length);
        Assert.Equal("before", lines[0]);
    }

    [Fact]
    public void TheFolderIsNoLayout()
    {
        string folder = Path.Combine(_folder, "2006");
        Directory.CreateDirectory(folder);
        using SnmpLogWriter writer = Start(Path.Combine(folder, "x.log"));
        _time.Tick(TimeSpan.FromSeconds(60));
        Assert.True(File.Exists(Path.Combine(folder, "x.log")));
    }

    [Fact]
    public void ReportsAFailureAndGoesOn()
    {
        string folder = Path.Combine(_folder, "later");
        using SnmpLogWriter writer = Start(Path.Combine(folder, "x.log"));
        _time.Tick(TimeSpan.FromSeconds(60));
        Assert.IsType<DirectoryNotFoundException>(Assert.Single(_failures));
        Directory.CreateDirectory(folder);
        _time.Tick(TimeSpan.FromSeconds(60));
        Assert.Single(_failures);
        Assert.Equal(2, File.ReadAllLines(Path.Combine(folder, "x.log")).Length);
    }

    [Fact]
    public void WritesNothingOnceDisposed()
    {
        string path = Path.Combine(_folder, "x.log");
        Start(path).Dispose();
        _time.Tick(TimeSpan.FromSeconds(60));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void RefusesAFolderAndAPeriodOfNothing()
    {
        Assert.Throws<ArgumentException>(() => Start(_folder + Path.DirectorySeparatorChar));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new SnmpLogWriter("x", TimeSpan.Zero, static () => new(), static _ => { }, _time));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string FirstColumnOrHeader(string line) => line == KcptunCounters.CsvHeader ? line : line.Split(',')[0];

    private SnmpLogWriter Start(string path) => new(
        path, TimeSpan.FromSeconds(60), () => new KcptunCounters { BytesSent = ++_sent }, _failures.Add, _time);

    /// <summary>A clock that stands until it is told to tick, an hour ahead of UTC.</summary>
    private sealed class ManualTime(DateTimeOffset now) : TimeProvider
    {
        private DateTimeOffset _now = now;
        private Action? _tick;

        public override TimeZoneInfo LocalTimeZone { get; } =
            TimeZoneInfo.CreateCustomTimeZone("test", TimeSpan.FromHours(1), "test", "test");

        public override DateTimeOffset GetUtcNow() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(dueTime, period);
            _tick = () => callback(state);
            return new Timer();
        }

        /// <summary>Moves the clock and fires the timer, also after it was disposed: callbacks may be late.</summary>
        public void Tick(TimeSpan step)
        {
            _now += step;
            _tick!();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
