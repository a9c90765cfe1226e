using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway.Telemetry;

/// <summary>
/// Passes log lines on to another logger from a thread of its own, so that whoever logs never waits: a logger that blocks, or
/// throws, holds up no traffic. Thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// Up to <see cref="Capacity"/> lines wait; further ones are dropped and counted, and a line says how many once the logger
/// takes lines again. Everything that belongs to the other logger runs on the thread: its
/// <see cref="ILogger.IsEnabled"/> and the formatting of the line too. Scopes and the caller's execution context do not
/// travel along.
/// </para>
/// <code>
/// no thread --Log--> running --nothing for some seconds--> no thread
/// </code>
/// </remarks>
public sealed partial class BackgroundLogger : ILogger
{
    /// <summary>Lines that may wait.</summary>
    public const int Capacity = 1024;

    private const long Idle = long.MaxValue;

    // A logger that is used now and then does not keep a thread.
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10);

    // A logger that has been busy with one line for so long will not take the last ones in time either.
    private static readonly TimeSpan s_stuck = TimeSpan.FromMilliseconds(250);

    // How often who waits for the lines looks whether the logger is stuck.
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    private static readonly ConditionalWeakTable<ILogger, BackgroundLogger> s_known = [];
    private static readonly ConditionalWeakTable<ILoggerFactory, ConcurrentDictionary<string, ILogger>> s_categories = [];

    private readonly ILogger _inner;
    private readonly object _gate = new();
    private Queue<Line> _waiting = [];
    private long _dropped;
    private long _reported;
    private long _writingSince = Idle;
    private bool _hasThread;
    private bool _isIdle;

    private BackgroundLogger(ILogger inner) => _inner = inner;

    /// <summary>Lines that were dropped because too many were waiting.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>
    /// Puts a thread in front of a logger: the same one for the same logger, however often it is asked for. One that needs
    /// none, since it does nothing or has one already, comes back as it is.
    /// </summary>
    public static ILogger Over(ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(logger);
        return logger is BackgroundLogger or NullLogger ? logger : s_known.GetValue(logger, static inner => new BackgroundLogger(inner));
    }

    /// <summary>The logger of a factory's category behind a thread: the same one however often it is asked for.</summary>
    internal static ILogger Over(ILoggerFactory factory, string category) =>
        factory == NullLoggerFactory.Instance
            ? NullLogger.Instance
            : s_categories.GetOrCreateValue(factory).GetOrAdd(
                category, static (name, from) => Over(from.CreateLogger(name)), factory);

    /// <summary>Waits until what was logged before has been written; not for a logger that is stuck in a line.</summary>
    /// <param name="logger">What <see cref="Over(ILogger)"/> returned.</param>
    /// <param name="limit">How long to wait at most.</param>
    public static Task FlushAsync(ILogger logger, TimeSpan limit) =>
        logger is BackgroundLogger background ? background.FlushAsync(limit) : Task.CompletedTask;

    /// <inheritdoc/>
    /// <remarks>Scopes are left out.</remarks>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    /// <remarks>The other logger is asked later, on the thread.</remarks>
    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        if (logLevel != LogLevel.None)
        {
            Add(new Line<TState>(logLevel, eventId, state, exception, formatter), always: false);
        }
    }

    private async Task FlushAsync(TimeSpan limit)
    {
        Mark mark = new();
        Add(mark, always: true);
        long begun = Stopwatch.GetTimestamp();
        while (!mark.Written.Task.IsCompleted && Stopwatch.GetElapsedTime(begun) < limit && !IsStuck)
        {
            await mark.Written.Task.WaitAsync(s_look).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool IsStuck => Volatile.Read(ref _writingSince) is var since and not Idle && Stopwatch.GetElapsedTime(since) > s_stuck;

    private void Add(Line line, bool always)
    {
        lock (_gate)
        {
            if (!always && _waiting.Count >= Capacity)
            {
                _dropped++;
                return;
            }

            _waiting.Enqueue(line);
            if (_isIdle)
            {
                Monitor.Pulse(_gate);
            }

            if (_hasThread)
            {
                return;
            }

            _hasThread = true;
        }

        StartThread();
    }

    private void StartThread()
    {
        try
        {
            new Thread(Run) { IsBackground = true, Name = "Causeway log" }.UnsafeStart();
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            // The system gives no thread now: the next line tries again.
            lock (_gate)
            {
                _hasThread = false;
            }
        }
    }

    private void Run()
    {
        Queue<Line> taken = [];
        while (TryTake(ref taken, out long dropped))
        {
            while (taken.TryDequeue(out Line? line))
            {
                Write(line);
            }

            if (dropped > 0)
            {
                Write(new DroppedLine(dropped));
            }
        }
    }

    /// <summary>Takes all that waits; false if there was nothing for so long that the thread should end.</summary>
    private bool TryTake(ref Queue<Line> taken, out long dropped)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                _isIdle = true;
                bool pulsed = Monitor.Wait(_gate, s_idle);
                _isIdle = false;
                if (!pulsed && _waiting.Count == 0)
                {
                    _hasThread = false;
                    dropped = 0;
                    return false;
                }
            }

            (taken, _waiting) = (_waiting, taken);
            dropped = _dropped - _reported;
            _reported = _dropped;
            return true;
        }
    }

    private void Write(Line line)
    {
        Volatile.Write(ref _writingSince, Stopwatch.GetTimestamp());
        try
        {
            line.Write(_inner);
        }
        catch (Exception)
        {
            // The application's logger is to blame, and there is nowhere to say so.
        }

        Volatile.Write(ref _writingSince, Idle);
    }

    private abstract class Line
    {
        public abstract void Write(ILogger logger);
    }

    private sealed class Line<TState>(
        LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter) : Line
    {
        public override void Write(ILogger logger)
        {
            if (logger.IsEnabled(level))
            {
                logger.Log(level, id, state, exception, formatter);
            }
        }
    }

    private sealed partial class DroppedLine(long count) : Line
    {
        public override void Write(ILogger logger) => LogDropped(logger, count);

        [LoggerMessage(1901, LogLevel.Warning, "{Count} log lines were dropped, because the log did not take them in time",
            EventName = "LinesDropped")]
        private static partial void LogDropped(ILogger logger, long count);
    }

    /// <summary>A place in the queue that somebody waits for.</summary>
    private sealed class Mark : Line
    {
        public TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override void Write(ILogger logger) => Written.TrySetResult();
    }
}
