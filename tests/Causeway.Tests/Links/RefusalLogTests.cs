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
    public void AnAddressIsNamedOnceAMinuteWhateverItsPort()
    {
        RefusalLog log = new(_lines, _time);
        for (int i = 0; i < 1000; i++)
        {
            log.Note(Peer("192.0.2.1", 1000 + i));
        }

        Assert.Contains("192.0.2.1:1000", Assert.Single(_lines.Texts), StringComparison.Ordinal);
        log.Note(Peer("192.0.2.2", 7));
        Assert.Contains("192.0.2.2:7", _lines.Texts[1], StringComparison.Ordinal);
        _time.Advance(RefusalLog.Period - TimeSpan.FromSeconds(1));
        log.Note(Peer("192.0.2.1", 5));
        Assert.Equal(2, _lines.Texts.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        log.Note(Peer("192.0.2.1", 5));
        Assert.Contains("192.0.2.1:5", _lines.Texts[2], StringComparison.Ordinal);
    }

    [Fact]
    public void AFloodFromManyAddressesIsBounded()
    {
        RefusalLog log = new(_lines, _time);
        for (int i = 0; i < 3000; i++)
        {
            log.Note(Peer($"10.8.{i / 250}.{1 + (i % 250)}", 1));
        }

        Assert.Equal(RefusalLog.MaxAddresses + 1, _lines.Texts.Count);
        Assert.Contains($"more than {RefusalLog.MaxAddresses} addresses", _lines.Texts[^1], StringComparison.Ordinal);
    }

    private static PeerAddress Peer(string address, int port) => PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.Parse(address), port));

    private sealed class Lines : ILogger
    {
        public List<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Texts.Add(formatter(state, exception));
    }
}
