using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Causeway.Tests;

internal sealed class ListLogger : ILogger
{
    public ConcurrentQueue<string> Lines { get; } = new();

    /// <summary>Waits for a line: they come on a thread of the log's own. The limit only keeps a broken test from hanging.</summary>
    public async Task WaitForAsync(Func<string, bool> isMeant)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!Lines.Any(isMeant))
        {
            await Task.Delay(10, limit.Token);
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue(formatter(state, exception));
}
