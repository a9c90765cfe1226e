using System.Collections.Concurrent;
using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.TestKit;
using Microsoft.Extensions.Logging;

namespace Causeway.Tests.Links;

public sealed class RefusalLogTests
{
    private readonly VirtualTimeProvider _time = new();
    private readonly Lines _lines = new();

    [Fact]
    public async Task AnAddressIsNamedOnceAMinuteWhateverItsPort()
    {
        RefusalLog log = new(_lines, _time);
        for (int i = 0; i < 1000; i++)
        {
            log.Note(Peer("192.0.2.1", 1000 + i));
        }

        Assert.Contains("192.0.2.1:1000", await _lines.NextAsync(), StringComparison.Ordinal);
        await NoteAsync(log, "192.0.2.2");
        log.Note(Peer("192.0.2.1", 5));
        _time.Advance(RefusalLog.Period - TimeSpan.FromSeconds(1));
        log.Note(Peer("192.0.2.1", 5));
        Assert.Equal(0, _lines.Waiting);
        _time.Advance(TimeSpan.FromSeconds(1));
        await NoteAsync(log, "192.0.2.1");
    }

    [Fact]
    public async Task AFloodFromManyAddressesIsBounded()
    {
        RefusalLog log = new(_lines, _time);
        for (int i = 0; i < RefusalLog.MaxAddresses; i++)
        {
            await NoteAsync(log, $"10.0.{i / 250}.{1 + (i % 250)}");
        }

        string last = await UntilLoggedAsync(() => log.Note(Peer("10.9.9.9", 1)));
        Assert.Contains($"more than {RefusalLog.MaxAddresses} addresses", last, StringComparison.Ordinal);
        for (int i = 0; i < 1000; i++)
        {
            log.Note(Peer($"10.8.{i / 250}.{1 + (i % 250)}", 1));
        }

        Assert.Equal(0, _lines.Waiting);
    }

    [Fact]
    public async Task ALoggerThatBlocksOrThrowsHoldsNothingUp()
    {
        using ManualResetEventSlim block = new();
        _lines.Before = () => block.Wait(TimeSpan.FromSeconds(60));
        RefusalLog log = new(_lines, _time);
        for (int i = 0; i < 100; i++)
        {
            log.Note(Peer($"10.0.0.{1 + i}", 1));
        }

        _lines.Before = static () => throw new InvalidOperationException("no room");
        block.Set();
        await _lines.NextAsync();
        Assert.Equal(0, _lines.Waiting);

        // Who was passed over is named when it comes again.
        _lines.Before = null;
        await NoteAsync(log, "10.0.0.77");
    }

    private static PeerAddress Peer(string address, int port) => PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.Parse(address), port));

    private async Task NoteAsync(RefusalLog log, string address) =>
        Assert.Contains($"from {address}:7", await UntilLoggedAsync(() => log.Note(Peer(address, 7))), StringComparison.Ordinal);

    // One line is written at a time, so that the one before may still be on its way out.
    private async Task<string> UntilLoggedAsync(Action note)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            note();
            if (await _lines.TryNextAsync(TimeSpan.FromMilliseconds(1)) is { } line)
            {
                return line;
            }

            limit.Token.ThrowIfCancellationRequested();
        }
    }

    private sealed class Lines : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();
        private readonly SemaphoreSlim _count = new(0);

        public Action? Before { get; set; }

        public int Waiting => _lines.Count;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Before?.Invoke();
            _lines.Enqueue(formatter(state, exception));
            _count.Release();
        }

        public async Task<string> NextAsync() => await TryNextAsync(TimeSpan.FromSeconds(60)) ?? throw new TimeoutException();

        public async Task<string?> TryNextAsync(TimeSpan limit) =>
            await _count.WaitAsync(limit) && _lines.TryDequeue(out string? line) ? line : null;
    }
}
