using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting.Tests;

/// <summary>Handlers: their scopes, their ends, and what peers are told of their failures.</summary>
public sealed class HandlerTests
{
    private static readonly byte[] s_hello = "hello"u8.ToArray();

    [Fact]
    public async Task EachStreamHasItsHandlerAndItsScope()
    {
        Journal journal = new();
        (IHost host, string fingerprint) = await TestHost.ListenAsync((builder, listen) =>
        {
            builder.Services.AddSingleton(journal).AddScoped<Scoped>();
            builder.AddListener<ScopedEcho>(TestHost.ListenerName, listen);
        });
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            Assert.Equal(s_hello, await client.AskAsync(s_hello));
            Assert.Equal(s_hello, await client.AskAsync(s_hello));
            await TestHost.UntilAsync(() => journal.Disposed.Count == 2);
            Assert.Equal(2, journal.Made.Distinct().Count());
            Assert.Equal(journal.Made.Order(), journal.Disposed.Order());
            await client.CloseAsync().Guarded();
            await host.StopAsync().Guarded();
        }
    }

    [Fact]
    public async Task AConnectionHandlerHasTheConnectionAndOneScopeForIt()
    {
        Journal journal = new();
        (IHost host, string fingerprint) = await TestHost.ListenAsync((builder, listen) =>
        {
            builder.Services.AddSingleton(journal).AddScoped<Scoped>();
            builder.AddListener<TwoStreams>(TestHost.ListenerName, listen);
        });
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            Assert.Equal(s_hello, await client.AskAsync(s_hello));
            Assert.Equal(s_hello, await client.AskAsync(s_hello));

            // The handler has returned: the connection is closed in order.
            await client.Closed.Guarded();
            Assert.Equal((TransportError.ClosedByPeer, 0L), (client.Failure!.Error, client.Failure.ErrorCode));
            await TestHost.UntilAsync(() => journal.Disposed.Count == 1);
            await host.StopAsync().Guarded();
        }
    }

    [Fact]
    public async Task AStreamHandlerThatFailsGivesItsStreamUpWithTheCodeAndOthersGoOn()
    {
        LogLines log = new();
        (IHost host, string fingerprint) = await TestHost.ListenAsync(
            (builder, listen) => builder.AddListener(
                TestHost.ListenerName,
                async (stream, context, cancellation) =>
                {
                    byte[] first = new byte[1];
                    await stream.ReadExactlyAsync(first, cancellation);
                    if (first[0] == 0)
                    {
                        throw new InvalidOperationException("The handler of the test.");
                    }

                    await stream.WriteAsync(first, cancellation);
                },
                settings =>
                {
                    listen(settings);
                    settings.HandlerErrorCode = 77;
                }),
            log);
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            TransportException error = await Assert.ThrowsAsync<TransportException>(() => client.AskAsync([0]));
            Assert.Equal((TransportError.StreamReset, 77L), (error.Error, error.ErrorCode));
            Assert.Equal([1], await client.AskAsync([1]));
            (int Id, LogLevel Level, string Text) line = Assert.Single(log.All, static line => line.Id == 1206);
            Assert.Equal(LogLevel.Error, line.Level);
            Assert.Contains(TestHost.ListenerName, line.Text, StringComparison.Ordinal);
            Assert.Contains("The handler of the test.", line.Text, StringComparison.Ordinal);
            await client.CloseAsync().Guarded();
            await host.StopAsync().Guarded();
        }
    }

    [Fact]
    public async Task AConnectionHandlerThatFailsClosesWithTheCodeAndKeepsTheReasonToItself()
    {
        LogLines log = new();
        (IHost host, string fingerprint) = await TestHost.ListenAsync(
            (builder, listen) => builder.AddListener<Failing>(TestHost.ListenerName, listen), log);
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            await client.Closed.Guarded();
            Assert.Equal((TransportError.ClosedByPeer, 1L), (client.Failure!.Error, client.Failure.ErrorCode));
            Assert.DoesNotContain("secret of the application", client.Failure.Message, StringComparison.Ordinal);
            Assert.Contains("secret of the application", Assert.Single(log.All, static line => line.Id == 1205).Text, StringComparison.Ordinal);
            await host.StopAsync().Guarded();
        }
    }

    [Fact]
    public async Task AHandlerIsToldWhenItsPeerLeavesAndThatIsNoFailure()
    {
        LogLines log = new();
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (IHost host, string fingerprint) = await TestHost.ListenAsync(
            (builder, listen) => builder.AddListener(
                TestHost.ListenerName,
                async (stream, context, cancellation) =>
                {
                    begun.SetResult();
                    await using CancellationTokenRegistration registration = cancellation.Register(told.SetResult);
                    await Task.Delay(Timeout.Infinite, cancellation);
                },
                listen),
            log);
        using (host)
        {
            CausewayConnection client = await host.ConnectAsync(fingerprint);
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(s_hello).Guarded();
            await begun.Task.Guarded();
            await client.CloseAsync().Guarded();
            await told.Task.Guarded();
            await host.StopAsync().Guarded();
        }

        Assert.DoesNotContain(log.All, static line => line.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task AHandlerThatTheServicesCannotMakeFailsTheStart()
    {
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            TestHost.ListenAsync(static (builder, listen) => builder.AddListener<ScopedEcho>(TestHost.ListenerName, listen)));
        Assert.Contains(nameof(Scoped), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ANameIsTakenOnce()
    {
        CausewayBuilder builder = new ServiceCollection().AddCauseway().AddListener("a", TestHost.EchoAsync).AddClient("a");
        Assert.Throws<ArgumentException>(() => builder.AddListener("a", TestHost.EchoAsync));
        Assert.Throws<ArgumentException>(() => builder.Services.AddCauseway().AddClient("a"));
    }

    private sealed class Journal
    {
        public ConcurrentBag<int> Made { get; } = [];

        public ConcurrentBag<int> Disposed { get; } = [];

        public int Next;
    }

    private sealed class Scoped : IAsyncDisposable
    {
        private readonly Journal _journal;
        private readonly int _number;

        public Scoped(Journal journal)
        {
            _journal = journal;
            _number = Interlocked.Increment(ref journal.Next);
        }

        public void Use() => _journal.Made.Add(_number);

        public ValueTask DisposeAsync()
        {
            // Of those that a handler used: the start makes one to see that it can.
            if (_journal.Made.Contains(_number))
            {
                _journal.Disposed.Add(_number);
            }

            return ValueTask.CompletedTask;
        }
    }

    private sealed class ScopedEcho(Scoped scoped) : CausewayStreamHandler
    {
        public override Task OnStreamAsync(CausewayStream stream, CausewayHandlerContext context, CancellationToken cancellationToken)
        {
            Assert.Same(scoped, context.Services.GetRequiredService<Scoped>());
            scoped.Use();
            return stream.CopyToAsync(stream, cancellationToken);
        }
    }

    private sealed class TwoStreams(Scoped scoped) : CausewayConnectionHandler
    {
        public override async Task OnConnectedAsync(CausewayConnection connection, CausewayHandlerContext context, CancellationToken cancellationToken)
        {
            scoped.Use();
            for (int i = 0; i < 2; i++)
            {
                await using CausewayStream stream = await connection.AcceptStreamAsync(cancellationToken);
                await stream.CopyToAsync(stream, cancellationToken);
            }
        }
    }

    private sealed class Failing : CausewayConnectionHandler
    {
        public override Task OnConnectedAsync(CausewayConnection connection, CausewayHandlerContext context, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("A secret of the application.");
    }
}
