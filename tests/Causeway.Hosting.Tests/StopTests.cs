using System.Net;
using Causeway.Quic;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Causeway.Hosting.Tests;

/// <summary>What happens to connections and streams when the host stops.</summary>
public sealed class StopTests
{
    [Fact]
    public async Task StreamsThatHaveBegunFinishAndNothingNewBegins()
    {
        TaskCompletionSource stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (IHost host, string fingerprint) = await TestHost.ListenAsync((builder, listen) => builder.AddListener(
            TestHost.ListenerName,
            async (stream, context, cancellation) =>
            {
                await stream.WriteAsync(new byte[] { 1 }, cancellation);
                await using CancellationTokenRegistration registration = context.Stopping.Register(() => stopping.TrySetResult());
                await stream.CopyToAsync(stream, cancellation);
            },
            settings =>
            {
                listen(settings);
                settings.StopErrorCode = 5;
                settings.DrainTimeout = TimeSpan.FromDays(1);
            }));
        using (host)
        {
            EndPoint address = host.Listener().LocalEndPoint;
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new byte[] { 2 }).Guarded();
            byte[] answer = new byte[2];
            await stream.ReadExactlyAsync(answer).Guarded();
            Assert.Equal([1, 2], answer);

            Task stop = host.StopAsync();
            await stopping.Task.Guarded();

            // New streams and new connections are refused at once.
            TransportException late = await Assert.ThrowsAsync<TransportException>(() => client.AskAsync([3]));
            Assert.Equal((TransportError.StreamReset, 5L), (late.Error, late.ErrorCode));
            TransportException refused = await Assert.ThrowsAsync<TransportException>(() => CausewayConnection.ConnectAsync(new CausewayClientOptions
            {
                Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(fingerprint) },
                RemoteEndPoint = address,
            }).Guarded());
            Assert.Equal(TransportError.ConnectionRefused, refused.Error);
            Assert.False(stop.IsCompleted);

            // The old stream goes on to its end, and then the connection ends with the code.
            await stream.WriteAsync(new byte[] { 4 }).Guarded();
            stream.CompleteWrites();
            Assert.Equal(1, await stream.ReadAsync(answer).Guarded());
            Assert.Equal(4, answer[0]);
            Assert.Equal(0, await stream.ReadAsync(answer).Guarded());
            await client.Closed.Guarded();
            Assert.Equal((TransportError.ClosedByPeer, 5L), (client.Failure!.Error, client.Failure.ErrorCode));
            await stop.Guarded();
            Assert.Throws<InvalidOperationException>(() => host.Listener());
        }
    }

    [Fact]
    public async Task WhatDoesNotFinishInTimeIsCutOffWithTheCode()
    {
        LogLines log = new();
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (IHost host, string fingerprint) = await TestHost.ListenAsync(
            (builder, listen) => builder.AddListener(
                TestHost.ListenerName,
                async (stream, context, cancellation) =>
                {
                    begun.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellation);
                },
                settings =>
                {
                    listen(settings);
                    settings.DrainTimeout = TimeSpan.Zero;
                }),
            log);
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new byte[] { 1 }).Guarded();
            await begun.Task.Guarded();
            Task<int> reading = stream.ReadAsync(new byte[1]).Guarded();
            await host.StopAsync().Guarded();
            TransportException error = await Assert.ThrowsAsync<TransportException>(() => reading);
            Assert.Equal(2, error.ErrorCode);
            await client.Closed.Guarded();
            Assert.Equal((TransportError.ClosedByPeer, 2L), (client.Failure!.Error, client.Failure.ErrorCode));
            Assert.Single(log.All, static line => line.Id == 1204);
        }
    }

    [Fact]
    public async Task TheHostsLimitEndsAStopThoughAHandlerDoesNot()
    {
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (IHost host, string fingerprint) = await TestHost.ListenAsync((builder, listen) => builder.AddListener(
            TestHost.ListenerName,
            async (stream, context, cancellation) =>
            {
                begun.SetResult();
                await end.Task;
            },
            settings =>
            {
                listen(settings);
                settings.DrainTimeout = TimeSpan.FromDays(1);
            }));
        using (host)
        {
            await using CausewayConnection client = await host.ConnectAsync(fingerprint);
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new byte[] { 1 }).Guarded();
            await begun.Task.Guarded();
            CausewayService service = Assert.Single(host.Services.GetServices<IHostedService>().OfType<CausewayService>());
            using CancellationTokenSource limit = new();
            Task stop = service.StopAsync(limit.Token);
            Assert.False(stop.IsCompleted);
            await limit.CancelAsync();
            await stop.Guarded();
            end.SetResult();
        }
    }

    [Fact]
    public async Task AStartThatFailsLeavesNoListenerBehind()
    {
        (IHost first, _) = await TestHost.ListenAsync(static (builder, listen) => builder.AddListener(TestHost.ListenerName, TestHost.EchoAsync, listen));
        using (first)
        {
            string taken = first.Listener().LocalEndPoint.ToString()!;
            LogLines log = new();
            using CausewayKey key = CausewayKey.Create();
            using IHost second = TestHost.Create(builder => builder
                .AddListener("a", TestHost.EchoAsync, settings =>
                {
                    settings.EndPoint = "127.0.0.1:0";
                    settings.UseKey(key.ToPem());
                })
                .AddListener("b", TestHost.EchoAsync, settings =>
                {
                    settings.EndPoint = taken;
                    settings.UseKey(key.ToPem());
                }), log);
            TransportException error = await Assert.ThrowsAsync<TransportException>(() => second.StartAsync().Guarded());
            Assert.Equal(TransportError.AddressUnavailable, error.Error);

            // "a" was up, and is not any more.
            await TestHost.UntilAsync(() => log.All.Any(static line => line.Id == 1102));
            Assert.Single(log.All, static line => line.Id == 1201);
            Assert.Throws<InvalidOperationException>(() => second.Services.GetRequiredService<ICausewayListeners>().GetListener("a"));
            await first.StopAsync().Guarded();
        }
    }
}
