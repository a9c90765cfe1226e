using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway.Telemetry;

/// <summary>
/// Takes log lines from the turns of shards to the thread pool: an application's logger may wait for a disk or a pipe, and
/// nothing of a socket may wait for that. When a logger does not keep up, lines are dropped and counted.
/// </summary>
internal sealed class LogQueue : IThreadPoolWorkItem
{
    /// <summary>Lines that may wait; more are dropped.</summary>
    public const int Limit = 1024;

    private static readonly ConditionalWeakTable<ILoggerFactory, LogQueue> s_queues = [];

    private readonly ConcurrentQueue<Action> _lines = new();
    private readonly ILogger _own;
    private int _count;
    private int _running;
    private long _dropped;
    private long _reported;

    private LogQueue(ILoggerFactory factory) => _own = factory.CreateLogger("Causeway");

    /// <summary>Lines dropped because too many waited.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>A logger of the factory that may be used on a shard's turn.</summary>
    /// <remarks>All loggers of one factory share a queue, so that their lines keep their order.</remarks>
    public static ILogger NewLogger(ILoggerFactory factory, string category)
    {
        if (factory == NullLoggerFactory.Instance)
        {
            return NullLogger.Instance;
        }

        LogQueue queue = s_queues.GetValue(factory, static created => new LogQueue(created));
        return new QueuedLogger(factory.CreateLogger(category), queue);
    }

    /// <summary>Runs on the thread pool, after what was posted before; dropped if too many wait.</summary>
    public void Post(Action line)
    {
        if (Interlocked.Increment(ref _count) > Limit)
        {
            Interlocked.Decrement(ref _count);
            Interlocked.Increment(ref _dropped);
            return;
        }

        _lines.Enqueue(line);
        if (Interlocked.CompareExchange(ref _running, 1, 0) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            while (_lines.TryDequeue(out Action? line))
            {
                Interlocked.Decrement(ref _count);
                Write(line);
            }

            long dropped = Dropped;
            if (dropped != _reported)
            {
                long lost = dropped - _reported;
                _reported = dropped;
                Write(() => CausewayLog.LinesDropped(_own, lost));
            }

            // A full fence: either this thread sees what was posted, or the poster sees nobody inside.
            Interlocked.Exchange(ref _running, 0);
        }
        while (!_lines.IsEmpty && Interlocked.CompareExchange(ref _running, 1, 0) == 0);
    }

    private static void Write(Action line)
    {
        try
        {
            line();
        }
        catch (Exception)
        {
            // A logger that throws must not end the process, and has nowhere to say so.
        }
    }

    /// <summary>Passes lines on by way of the queue. Whether a level is wanted is asked there too.</summary>
    private sealed class QueuedLogger(ILogger inner, LogQueue queue) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            queue.Post(() =>
            {
                if (inner.IsEnabled(logLevel))
                {
                    inner.Log(logLevel, eventId, state, exception, formatter);
                }
            });
    }
}
