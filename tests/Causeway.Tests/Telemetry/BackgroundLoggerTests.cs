using System.Collections.Concurrent;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway.Tests.Telemetry;

public sealed class BackgroundLoggerTests
{
    // Only keeps a broken test from hanging.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task ABlockedLoggerHoldsUpNobodyAndWhatFindsNoRoomIsCounted()
    {
        using GateLogger inner = new();
        ILogger logger = BackgroundLogger.Over(inner);
        logger.LogInformation("first");
        Assert.True(inner.Entered.Wait(s_limit));

        for (int i = 0; i < BackgroundLogger.Capacity + 50; i++)
        {
            logger.LogInformation("line {Number}", i);
        }

        Assert.Equal(50, ((BackgroundLogger)logger).Dropped);
        Assert.Equal(["first"], inner.Lines);

        // It is stuck in a line, so this does not wait for as long as it may.
        await BackgroundLogger.FlushAsync(logger, TimeSpan.FromDays(1)).WaitAsync(s_limit);
        Assert.Equal(["first"], inner.Lines);

        inner.Open();
        await FlushAsync(logger, inner, BackgroundLogger.Capacity + 2);
        Assert.Equal(BackgroundLogger.Capacity + 2, inner.Lines.Count);
        Assert.StartsWith("50 log lines were dropped", inner.Lines.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EverythingOfTheLoggerRunsOnAThreadOfItsOwn()
    {
        using GateLogger inner = new();
        inner.Open();
        ILogger logger = BackgroundLogger.Over(inner);
        logger.LogInformation("line");
        await FlushAsync(logger, inner, 1);

        Assert.NotEmpty(inner.Threads);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, inner.Threads);
        Assert.Single(inner.Threads.Distinct());
    }

    [Fact]
    public async Task ALoggerThatThrowsMissesNoLineAfterThat()
    {
        using GateLogger inner = new() { ThrowsOn = "bad" };
        inner.Open();
        ILogger logger = BackgroundLogger.Over(inner);
        logger.LogInformation("bad");
        logger.LogInformation("good");
        await FlushAsync(logger, inner, 2);

        Assert.Equal(["bad", "good"], inner.Lines);
    }

    [Fact]
    public void OneLoggerHasOneThreadAndNoneIsPutOverNothing()
    {
        using GateLogger inner = new();
        ILogger logger = BackgroundLogger.Over(inner);

        Assert.Same(logger, BackgroundLogger.Over(inner));
        Assert.Same(logger, BackgroundLogger.Over(logger));
        Assert.Same(NullLogger.Instance, BackgroundLogger.Over(NullLogger.Instance));
    }

    private static async Task FlushAsync(ILogger logger, GateLogger inner, int lines)
    {
        using CancellationTokenSource limit = new(s_limit);
        while (inner.Lines.Count < lines)
        {
            await BackgroundLogger.FlushAsync(logger, s_limit).WaitAsync(limit.Token);
        }
    }

    /// <summary>A logger that takes its first line and keeps whoever brought it, until it is opened.</summary>
    private sealed class GateLogger : ILogger, IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public ManualResetEventSlim Entered { get; } = new();

        public ConcurrentQueue<string> Lines { get; } = new();

        public ConcurrentQueue<int> Threads { get; } = new();

        public string? ThrowsOn { get; init; }

        public void Open() => _open.Set();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel)
        {
            Threads.Enqueue(Environment.CurrentManagedThreadId);
            return true;
        }

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Threads.Enqueue(Environment.CurrentManagedThreadId);
            string line = formatter(state, exception);
            Lines.Enqueue(line);
            Entered.Set();
            _open.Wait(s_limit);
            if (line == ThrowsOn)
            {
                throw new InvalidOperationException(line);
            }
        }

        public void Dispose()
        {
            _open.Set();
            Entered.Dispose();
        }
    }
}
