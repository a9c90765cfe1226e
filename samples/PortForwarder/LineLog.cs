using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Causeway.PortForwarder;

/// <summary>
/// Writes log lines as the reference does: <c>YYYY/MM/DD HH:MM:SS message</c>, to the standard error or appended to a file.
/// Holds them until <see cref="Start"/>, so that a command which cannot start says that and nothing else.
/// </summary>
internal sealed class LineLog : ILoggerFactory, ILogger
{
    private readonly Lock _gate = new();
    private readonly TextWriter _writer;
    private readonly bool _ownsWriter;
    private readonly TimeProvider _time;
    private List<string>? _held = [];

    private LineLog(TextWriter writer, bool ownsWriter, TimeProvider time)
    {
        _writer = writer;
        _ownsWriter = ownsWriter;
        _time = time;
    }

    /// <summary>Opens the log.</summary>
    /// <param name="path">A file to append to, or empty.</param>
    /// <param name="error">Where lines go if there is no file.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static LineLog Open(string path, TextWriter error, TimeProvider time)
    {
        if (path.Length == 0)
        {
            return new LineLog(error, ownsWriter: false, time);
        }

        try
        {
            FileStream file = new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            return new LineLog(new StreamWriter(file, new UTF8Encoding(false)), ownsWriter: true, time);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new IOException($"log is \"{path}\", which cannot be appended to: {problem.Message}", problem);
        }
    }

    /// <summary>Writes lines of the start, then what was held back, and holds nothing back any more.</summary>
    public void Start(IEnumerable<string> lines)
    {
        lock (_gate)
        {
            foreach (string line in lines)
            {
                _writer.WriteLine(Stamp(line));
            }

            foreach (string line in _held ?? [])
            {
                _writer.WriteLine(line);
            }

            _held = null;
            _writer.Flush();
        }
    }

    /// <summary>Writes a line.</summary>
    public void Write(string message)
    {
        string line = Stamp(message);
        lock (_gate)
        {
            if (_held is not null)
            {
                _held.Add(line);
                return;
            }

            try
            {
                _writer.WriteLine(line);
                _writer.Flush();
            }
            catch (Exception problem) when (problem is IOException or ObjectDisposedException)
            {
                // A full disk or a closed terminal must not stop the traffic.
            }
        }
    }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => this;

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
        lock (_gate)
        {
            if (_ownsWriter)
            {
                _writer.Dispose();
            }
        }
    }

    private string Stamp(string message) => string.Create(
        CultureInfo.InvariantCulture, $"{_time.GetLocalNow():yyyy'/'MM'/'dd HH':'mm':'ss} {message.ReplaceLineEndings(" ")}");
}
