using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Causeway.Kcp;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway.Tests;

/// <summary>What the library tells of itself (docs/telemetry.md).</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task EveryStartEndAndRefusalIsLoggedWithItsId()
    {
        using TestLoggers loggers = new();
        CausewayListener listener = await ListenAsync(loggers, maxConnections: 1);
        CausewayConnection client = await ConnectAsync(loggers, listener);
        (CausewayConnection server, _, _) = await OpenAsync(client, listener);
        CausewayConnection refused = await ConnectAsync(loggers, listener);
        await (await refused.OpenStreamAsync().Guarded()).FlushAsync().Guarded();
        await refused.Closed.Guarded();
        await client.CloseAsync().Guarded();
        await server.Closed.Guarded();
        await listener.DisposeAsync().Guarded();
        await loggers.UntilAsync(1102);

        string[] events = [.. loggers.Lines.Select(static line => $"{line.Category} {line.Id.Id} {line.Id.Name}")];
        Assert.Contains("Causeway.Listener 1101 ListenerStarted", events);
        Assert.Contains("Causeway.Connection 1001 ConnectionOpened", events);
        Assert.Contains("Causeway.Connection 1002 ConnectionAccepted", events);
        Assert.Contains("Causeway.Listener 1104 ConnectionRefused", events);
        Assert.Contains("Causeway.Connection 1004 ConnectionFailed", events);
        Assert.Equal(2, events.Count(static e => e == "Causeway.Connection 1003 ConnectionClosed"));
        Assert.Contains("Causeway.Listener 1102 ListenerStopped", events);
        Assert.Contains(loggers.Lines, static line => line.Text.Contains("ClosedByPeer", StringComparison.Ordinal));
        await refused.DisposeAsync().Guarded();
    }

    [Fact]
    public async Task LoggerThatStandsStillHoldsNothingUp()
    {
        using TestLoggers loggers = new();
        loggers.Hold();
        await using CausewayListener listener = await ListenAsync(loggers, maxConnections: 100_000);
        await using CausewayConnection client = await ConnectAsync(loggers, listener);
        (_, CausewayStream stream, CausewayStream accepted) = await OpenAsync(client, listener);
        ILogger queued = BackgroundLogger.Over(loggers, "Test");
        for (int i = 0; i < 2 * BackgroundLogger.Capacity; i++)
        {
            CausewayLog.ListenerStopped(queued, new IPEndPoint(IPAddress.Loopback, i));
        }

        // Traffic goes on, and what does not fit is dropped and told afterwards.
        await stream.WriteAsync(new byte[] { 1 }).Guarded();
        await accepted.ReadExactlyAsync(new byte[1]).Guarded();
        Assert.True(loggers.Lines.Count <= 1);
        loggers.Release();
        await loggers.UntilAsync(1901, "Test");
    }

    [Fact]
    public async Task MeterSumsConnectionsStreamsBytesAndDrops()
    {
        using TestLoggers loggers = new();
        Dictionary<string, long> before = Measure();
        await using (CausewayListener listener = await ListenAsync(loggers, maxConnections: 1))
        {
            CausewayConnection client = await ConnectAsync(loggers, listener);
            (CausewayConnection server, CausewayStream stream, CausewayStream accepted) = await OpenAsync(client, listener);
            await stream.WriteAsync(new byte[5_000]).Guarded();
            await accepted.ReadExactlyAsync(new byte[5_000]).Guarded();
            CausewayConnection refused = await ConnectAsync(loggers, listener);
            await (await refused.OpenStreamAsync().Guarded()).FlushAsync().Guarded();
            await refused.Closed.Guarded();
            await client.CloseAsync().Guarded();
            await server.Closed.Guarded();
            await refused.DisposeAsync().Guarded();
        }

        // Other tests count too, meanwhile.
        Dictionary<string, long> after = Measure();
        AtLeast(3, "causeway.connections.opened");
        AtLeast(2, "causeway.streams.opened");
        AtLeast(1, "causeway.streams.accepted");
        AtLeast(5_000, "causeway.bytes.sent");
        AtLeast(5_000, "causeway.bytes.received");
        AtLeast(5, "causeway.datagrams.sent");
        AtLeast(4, "causeway.datagrams.received");
        AtLeast(5_000, "causeway.network.sent");
        AtLeast(5_000, "causeway.network.received");
        AtLeast(1, "causeway.datagrams.dropped connection_limit");
        AtLeast(1, "causeway.connections.ended ConnectionClosed");
        AtLeast(1, "causeway.connections.ended ClosedByPeer");
        AtLeast(1, "causeway.connections.ended ConnectionRefused");
        Assert.Contains("causeway.connections.open", after.Keys);
        Assert.Contains("causeway.retransmissions", after.Keys);
        Assert.Contains("causeway.retransmissions.spurious", after.Keys);

        void AtLeast(long expected, string name) => Assert.True(
            after[name] - before.GetValueOrDefault(name) >= expected, $"{name}: {before.GetValueOrDefault(name)} -> {after[name]}");
    }

    [Fact]
    public async Task ActivitiesTellOfConnectsAcceptsAndStreams()
    {
        using TestLoggers loggers = new();
        ConcurrentQueue<Activity> stopped = new();
        using ActivityListener activities = new()
        {
            ShouldListenTo = static source => source.Name == "Causeway",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(activities);
        await using CausewayListener listener = await ListenAsync(loggers, maxConnections: 10);
        int port = ((IPEndPoint)listener.LocalEndPoint).Port;
        await using CausewayConnection client = await ConnectAsync(loggers, listener);
        int clientPort = ((IPEndPoint)client.LocalEndPoint).Port;
        await OpenAsync(client, listener);
        await client.CloseAsync().Guarded();
        await Assert.ThrowsAsync<TransportException>(() => client.OpenStreamAsync().Guarded());

        Activity[] ours = [.. stopped.Where(activity => port.Equals(activity.GetTagItem("network.peer.port")))];
        Assert.Single(ours, static activity => activity is { OperationName: "causeway.connect", Kind: ActivityKind.Client });
        Assert.Single(ours, static activity => activity is { OperationName: "causeway.stream.open", Status: ActivityStatusCode.Unset });
        Assert.Single(ours, static activity => activity is { OperationName: "causeway.stream.open", Status: ActivityStatusCode.Error }
            && activity.GetTagItem("error.type") is "ConnectionClosed");
        Assert.Single(stopped, activity => activity is { OperationName: "causeway.accept", Kind: ActivityKind.Server }
            && clientPort.Equals(activity.GetTagItem("network.peer.port")));
    }

    private static Dictionary<string, long> Measure()
    {
        Dictionary<string, long> values = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Meter.Name == "Causeway")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return values;

        void Note(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            values[tags.IsEmpty ? instrument.Name : $"{instrument.Name} {tags[0].Value}"] = value;
    }

    private static async Task<CausewayListener> ListenAsync(TestLoggers loggers, int maxConnections) =>
        await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            MaxConnections = maxConnections,
            LoggerFactory = loggers,
        });

    private static async Task<CausewayConnection> ConnectAsync(TestLoggers loggers, CausewayListener listener) =>
        await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = listener.LocalEndPoint,
            LoggerFactory = loggers,
        });

    private static async Task<(CausewayConnection Server, CausewayStream Opened, CausewayStream Accepted)> OpenAsync(
        CausewayConnection client, CausewayListener listener)
    {
        CausewayStream stream = await client.OpenStreamAsync().Guarded();
        await stream.FlushAsync().Guarded();
        CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        return (server, stream, await server.AcceptStreamAsync().Guarded());
    }

    private sealed record Line(string Category, EventId Id, string Text);

    private sealed class TestLoggers : ILoggerFactory
    {
        private readonly ManualResetEventSlim _open = new(initialState: true);

        public ConcurrentQueue<Line> Lines { get; } = new();

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

        public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        /// <summary>Lines come on other threads; the limit only keeps a broken test from hanging.</summary>
        public async Task UntilAsync(int id, string? category = null)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
            while (!Lines.Any(line => line.Id.Id == id && (category is null || line.Category == category)))
            {
                limit.Token.ThrowIfCancellationRequested();
                await Task.Delay(1, CancellationToken.None);
            }
        }

        public void Dispose() => _open.Set();

        private sealed class Logger(TestLoggers loggers, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                loggers._open.Wait();
                loggers.Lines.Enqueue(new Line(category, eventId, formatter(state, exception)));
            }
        }
    }
}
