using System.Text;

namespace Causeway.Kcptun.Telemetry;

/// <summary>
/// Appends the counters to a file at an interval, as kcptun's <c>snmplog</c> does (docs/wire/kcptun.md 10.8). The
/// file's name, not its folder, is a Go time layout in local time, taken anew for each line, so that the file can
/// rotate; an empty file gets a header.
/// </summary>
/// <remarks>
/// A line that cannot be written is reported and left out. Callbacks run on a thread of their own, never two at once; with a
/// clock of the application's own, on its timer's thread.
/// </remarks>
public sealed class SnmpLogWriter : IDisposable
{
    // A disk that has hung for so long must not keep the process from ending.
    private static readonly TimeSpan s_lastLine = TimeSpan.FromMilliseconds(250);

    private readonly string _folder;
    private readonly string _layout;
    private readonly Func<KcptunCounters> _snapshot;
    private readonly Action<Exception> _failed;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _writing = new();
    private bool _disposed;

    /// <summary>Starts writing; the first line comes after one period.</summary>
    /// <param name="path">The file, such as <c>logs/snmp-20060102.log</c>.</param>
    /// <param name="period">The time between two lines; more than zero and less than 49 days.</param>
    /// <param name="snapshot">Where the counters come from.</param>
    /// <param name="failed">Told about a line that could not be written.</param>
    /// <param name="time">The clock, whose time zone is the local one.</param>
    /// <exception cref="ArgumentException"><paramref name="path"/> has no file name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="period"/> is out of range.</exception>
    public SnmpLogWriter(
        string path, TimeSpan period, Func<KcptunCounters> snapshot, Action<Exception> failed, TimeProvider time)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(failed);
        ArgumentNullException.ThrowIfNull(time);
        _layout = Path.GetFileName(path);
        _folder = path[..^_layout.Length];
        if (_layout.Length == 0)
        {
            throw new ArgumentException("The path has no file name.", nameof(path));
        }

        _snapshot = snapshot;
        _failed = failed;
        _time = time;
        _timer = time.CreateTimer(static self => ((SnmpLogWriter)self!).OnTimer(), this, period, period);
    }

    /// <summary>Stops writing. A line that is being written is finished first, unless the disk hangs.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        bool entered = _writing.TryEnter(s_lastLine);
        Volatile.Write(ref _disposed, true);
        if (entered)
        {
            _writing.Exit();
        }
    }

    private void OnTimer()
    {
        if (_time == TimeProvider.System)
        {
            // A disk may hang, and the thread pool's few threads carry the traffic.
            new Thread(Write) { IsBackground = true, Name = "Counters" }.UnsafeStart();
        }
        else
        {
            Write();
        }
    }

    private void Write()
    {
        // A disk that hangs must not gather a waiting thread with each period: the line is left out.
        if (!_writing.TryEnter())
        {
            return;
        }

        try
        {
            if (!Volatile.Read(ref _disposed))
            {
                DateTimeOffset now = _time.GetLocalNow();
                Append(_folder + GoTimeLayout.Format(_layout, now), _snapshot().ToCsvLine(now));
            }
        }
        catch (Exception e)
        {
            // Every exception is caught, because nobody above the thread does.
            _failed(e);
        }
        finally
        {
            _writing.Exit();
        }
    }

    private static void Append(string path, string line)
    {
        using FileStream file = new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        string text = file.Position == 0 ? $"{KcptunCounters.CsvHeader}\n{line}\n" : $"{line}\n";
        file.Write(Encoding.ASCII.GetBytes(text));
    }
}
