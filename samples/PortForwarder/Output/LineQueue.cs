using System.Globalization;
using System.Text;

namespace Causeway.PortForwarder.Output;

/// <summary>
/// Lines on their way to a place that may take its time or none at all: a full pipe, a closed terminal, a full disk. They are
/// written by a thread of the queue's own, so that whoever adds one never waits; what finds no room is dropped and counted.
/// Thread-safe.
/// </summary>
internal sealed class LineQueue : IDisposable
{
    /// <summary>Lines that may wait.</summary>
    public const int Capacity = 4096;

    // A place that has not taken a line for so long will not take the last ones of a process either.
    private const int StuckMilliseconds = 250;

    // How often who waits for the lines looks whether the place is stuck.
    private const int LookMilliseconds = 20;

    private readonly object _gate = new();
    private readonly ILineSink _sink;
    private readonly TimeProvider _time;
    private Queue<Line> _waiting = [];
    private long _dropped;
    private long _reported;
    private long _added;
    private long _done;
    private bool _reopen;
    private long _writingSince = long.MaxValue;
    private bool _hasThread;
    private bool _disposed;

    /// <summary>Makes a queue; its thread begins with the first line.</summary>
    /// <param name="sink">Where the lines go.</param>
    /// <param name="time">The clock, and the time zone of the lines.</param>
    public LineQueue(ILineSink sink, TimeProvider time)
    {
        _sink = sink;
        _time = time;
    }

    /// <summary>Lines that were lost: there was no room for them, or the place refused them.</summary>
    public long Dropped
    {
        get
        {
            lock (_gate)
            {
                return _dropped;
            }
        }
    }

    /// <summary>Adds a line.</summary>
    /// <param name="text">The line without its end.</param>
    /// <param name="stamped">Whether the time goes before it.</param>
    public void Add(string text, bool stamped)
    {
        // The time zone, which may have to be looked up, is the thread's business.
        Line line = new(stamped ? _time.GetUtcNow() : null, text);
        lock (_gate)
        {
            if (_disposed || _waiting.Count >= Capacity)
            {
                _dropped++;
                return;
            }

            _waiting.Enqueue(line);
            _added++;
            Wake();
        }
    }

    /// <summary>Asks for the place to be opened anew before the next line.</summary>
    public void Reopen()
    {
        lock (_gate)
        {
            _reopen = true;
            Wake();
        }
    }

    /// <summary>
    /// Waits until what was added before has been written; no longer than that, and not for a place that is stuck.
    /// </summary>
    /// <returns>False if it was not written.</returns>
    public bool Flush(TimeSpan limit)
    {
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_gate)
        {
            long wanted = _added;
            while (_done < wanted)
            {
                long now = Environment.TickCount64;
                if (now >= until || now - StuckMilliseconds > _writingSince)
                {
                    return false;
                }

                Monitor.Wait(_gate, LookMilliseconds);
            }

            return true;
        }
    }

    /// <summary>Takes no more lines. Those that wait are still written, if the process lasts that long.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Wake()
    {
        Monitor.PulseAll(_gate);
        if (!_hasThread)
        {
            _hasThread = true;
            new Thread(Run) { IsBackground = true, Name = "Log writer" }.UnsafeStart();
        }
    }

    private void Run()
    {
        Queue<Line> taken = [];
        StringBuilder text = new();
        while (TryTake(ref taken, out bool reopen, out long lost))
        {
            int count = taken.Count;
            bool written = TryWrite(taken, text, reopen, lost);
            lock (_gate)
            {
                _done += count;
                _writingSince = long.MaxValue;
                if (written)
                {
                    _reported += lost;
                }
                else
                {
                    _dropped += count;
                }

                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryTake(ref Queue<Line> taken, out bool reopen, out long lost)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_reopen)
            {
                if (_disposed)
                {
                    _hasThread = false;
                    (reopen, lost) = (false, 0);
                    return false;
                }

                Monitor.Wait(_gate);
            }

            (taken, _waiting) = (_waiting, taken);
            _writingSince = Environment.TickCount64;
            reopen = _reopen;
            _reopen = false;
            lost = _dropped - _reported;
            return true;
        }
    }

    private bool TryWrite(Queue<Line> lines, StringBuilder text, bool reopen, long lost)
    {
        try
        {
            if (reopen)
            {
                _sink.Reopen();
            }

            while (lines.TryDequeue(out Line line))
            {
                Append(text, line);
            }

            if (lost > 0)
            {
                Append(text, new Line(_time.GetUtcNow(), string.Create(CultureInfo.InvariantCulture, $"log: {lost} lines before this one were dropped")));
            }

            if (text.Length > 0)
            {
                _sink.Write(text.ToString());
            }

            return true;
        }
        catch (Exception)
        {
            // Whatever it is: the lines are lost and counted, and nobody is above this thread to catch it.
            lines.Clear();
            return false;
        }
        finally
        {
            text.Clear();
        }
    }

    private void Append(StringBuilder text, Line line)
    {
        if (line.Time is { } utc)
        {
            DateTimeOffset local = TimeZoneInfo.ConvertTime(utc, _time.LocalTimeZone);
            text.Append(CultureInfo.InvariantCulture, $"{local:yyyy'/'MM'/'dd HH':'mm':'ss} ");
        }

        text.Append(line.Text.ReplaceLineEndings(" ")).Append('\n');
    }

    private readonly record struct Line(DateTimeOffset? Time, string Text);
}
