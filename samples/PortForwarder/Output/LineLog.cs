using Microsoft.Extensions.Logging;

namespace Causeway.PortForwarder.Output;

/// <summary>
/// Log lines as the reference has them: <c>YYYY/MM/DD HH:MM:SS message</c>, to the standard error or appended to a file. Holds
/// them until <see cref="Start"/>, so that a command which cannot start says that and nothing else. Nobody who logs waits.
/// </summary>
internal sealed class LineLog : ILoggerFactory, ILogger
{
    // As many as the queue would hold.
    private const int MostHeld = LineQueue.Capacity;

    private readonly Lock _gate = new();
    private readonly LineQueue _lines;
    private readonly bool _ownsLines;
    private List<string>? _held = [];

    private LineLog(LineQueue lines, bool ownsLines)
    {
        _lines = lines;
        _ownsLines = ownsLines;
    }

    /// <summary>Whether the lines go to a file, which <see cref="Reopen"/> opens anew.</summary>
    public bool IsFile => _ownsLines;

    /// <summary>Opens the log. A file is opened when its first line is written; what is wrong with it is a warning.</summary>
    /// <param name="path">A file to append to, or empty.</param>
    /// <param name="errors">Where lines go if there is no file, and warnings.</param>
    /// <param name="time">The clock.</param>
    public static LineLog Open(string path, LineQueue errors, TimeProvider time) => path.Length == 0
        ? new LineLog(errors, ownsLines: false)
        : new LineLog(
            new LineQueue(new FileSink(path, problem => errors.Add($"warning: {problem}", stamped: false)), time), ownsLines: true);

    /// <summary>Writes lines of the start, then what was held back, and holds nothing back any more.</summary>
    public void Start(IEnumerable<string> lines)
    {
        lock (_gate)
        {
            foreach (string line in lines.Concat(_held ?? []))
            {
                _lines.Add(line, stamped: true);
            }

            _held = null;
        }
    }

    /// <summary>Writes a line.</summary>
    public void Write(string message)
    {
        if (Volatile.Read(ref _held) is not null)
        {
            lock (_gate)
            {
                if (_held is not null)
                {
                    if (_held.Count < MostHeld)
                    {
                        _held.Add(message);
                    }

                    return;
                }
            }
        }

        _lines.Add(message, stamped: true);
    }

    /// <summary>Goes on in a new file of the same name, if the old one was renamed.</summary>
    public void Reopen() => _lines.Reopen();

    /// <summary>Waits until the lines so far are written, at most for that time.</summary>
    public void Flush(TimeSpan limit) => _lines.Flush(limit);

    /// <summary>A log for what the library says: its warnings, but those that the forwarder has words of its own for.</summary>
    public ILogger CreateLogger(string categoryName) => new LibraryLog(this);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The log has one place to write to.");

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Write(formatter(state, exception));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsLines)
        {
            _lines.Dispose();
        }
    }

    private sealed class LibraryLog(LineLog lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && IsNews(logLevel, eventId.Name))
            {
                lines.Write(formatter(state, exception));
            }
        }

        // What the forwarder says in its own words is left out, and so is what it says more of.
        private static bool IsNews(LogLevel logLevel, string? name) => logLevel >= LogLevel.Warning
            ? name is not ("ConnectionFailed" or "ConnectFailed")
            : name is "PathChanged" or "PeerMoved";
    }
}
