using System.Collections.Concurrent;
using System.Globalization;
using Causeway.Quic;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting.Tests;

/// <summary>Makes hosts without files, environment or console, and keeps what they log.</summary>
internal static class TestHost
{
    public const string ListenerName = "echo";

    /// <summary>A host that is not started.</summary>
    public static IHost Create(Action<CausewayBuilder> configure, LogLines? log = null, params (string Key, string? Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value)));
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        if (log is not null)
        {
            builder.Logging.AddProvider(log);
        }

        builder.Services.AddHealthChecks().AddCauseway();
        configure(builder.Services.AddCauseway());
        return builder.Build();
    }

    /// <summary>A started host with one listener on a free port, and the key that clients know it by.</summary>
    public static async Task<(IHost Host, string Fingerprint)> ListenAsync(
        Action<CausewayBuilder, Action<CausewayListenerSettings>> add, LogLines? log = null)
    {
        using CausewayKey key = CausewayKey.Create();
        string pem = key.ToPem();
        IHost host = Create(
            builder => add(builder, settings =>
            {
                settings.EndPoint = "127.0.0.1:0";
                settings.UseKey(pem);
            }),
            log);
        await host.StartAsync().Guarded();
        return (host, key.Fingerprint);
    }

    public static CausewayListener Listener(this IHost host) => host.Services.GetRequiredService<ICausewayListeners>().GetListener(ListenerName);

    public static ICausewayClientFactory Clients(this IHost host) => host.Services.GetRequiredService<ICausewayClientFactory>();

    /// <summary>A connection to a host's listener, without hosting.</summary>
    public static async Task<CausewayConnection> ConnectAsync(this IHost host, string fingerprint) =>
        await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(fingerprint) },
            RemoteEndPoint = host.Listener().LocalEndPoint,
        }).Guarded();

    /// <summary>Writes, ends the direction, and reads what comes back.</summary>
    public static async Task<byte[]> AskAsync(this CausewayConnection connection, byte[] question)
    {
        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        await stream.WriteAsync(question).Guarded();
        stream.CompleteWrites();
        using MemoryStream answer = new();
        await stream.CopyToAsync(answer).Guarded();
        return answer.ToArray();
    }

    public static async Task EchoAsync(CausewayStream stream, CausewayHandlerContext context, CancellationToken cancellationToken) =>
        await stream.CopyToAsync(stream, cancellationToken);

    /// <summary>Only keeps a broken test from hanging: no test's outcome depends on it.</summary>
    public static Task Guarded(this Task task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    public static Task<T> Guarded<T>(this Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    public static Task Guarded(this ValueTask task) => task.AsTask().Guarded();

    public static Task<T> Guarded<T>(this ValueTask<T> task) => task.AsTask().Guarded();

    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(1, limit.Token);
        }
    }
}

/// <summary>Log lines with their exceptions.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(int Id, LogLevel Level, string Text)> _lines = [];

    public IReadOnlyCollection<(int Id, LogLevel Level, string Text)> All => _lines;

    public string Text => string.Join('\n', _lines.Select(static line => string.Create(CultureInfo.InvariantCulture, $"{line.Id} {line.Level} {line.Text}")));

    public ILogger CreateLogger(string categoryName) => new Writer(_lines);

    public void Dispose()
    {
    }

    private sealed class Writer(ConcurrentQueue<(int Id, LogLevel Level, string Text)> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue((eventId.Id, logLevel, $"{formatter(state, exception)} {exception}"));
    }
}
