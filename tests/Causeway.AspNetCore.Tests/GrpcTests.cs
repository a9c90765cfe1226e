using System.Net;
using Causeway.AspNetCore.Tests.Grpc;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Causeway.AspNetCore.Tests;

/// <summary>gRPC, by HTTP/2 over streams.</summary>
public sealed class GrpcTests : IAsyncLifetime
{
    private readonly CountingService _service = new();
    private StreamServer _server = null!;
    private CausewayHttpConnector _connector = null!;
    private GrpcChannel _channel = null!;

    private Counting.CountingClient Client => new(_channel);

    public async Task InitializeAsync()
    {
        _server = await StreamServer.StartAsync(
            static app => app.MapGrpcService<CountingService>(),
            HttpProtocols.Http2,
            builder =>
            {
                builder.Services.AddGrpc();
                builder.Services.AddSingleton(_service);
            });
        _connector = _server.NewConnector();
        _channel = GrpcChannel.ForAddress("http://service.test", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { ConnectCallback = _connector.ConnectAsync },
            DisposeHttpClient = true,
        });
    }

    public async Task DisposeAsync()
    {
        _channel.Dispose();
        await _connector.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task UnaryCallsAreAnswered()
    {
        Number answer = await Client.DoubleAsync(new Number { Value = 21, Ballast = ByteString.CopyFrom(new byte[1_000_000]) });
        Assert.Equal((42, 1_000_000), (answer.Value, answer.Ballast.Length));
        Number[] all = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Client.DoubleAsync(new Number { Value = i }).ResponseAsync));
        Assert.Equal(Enumerable.Range(0, 50).Select(static i => i * 2L), all.Select(static number => number.Value));
    }

    [Fact]
    public async Task TheServerStreams()
    {
        using AsyncServerStreamingCall<Number> call = Client.CountTo(new Number { Value = 1000 });
        List<long> numbers = [];
        await foreach (Number number in call.ResponseStream.ReadAllAsync())
        {
            numbers.Add(number.Value);
        }

        Assert.Equal(Enumerable.Range(1, 1000).Select(static i => (long)i), numbers);
    }

    [Fact]
    public async Task BothSidesStreamInTurns()
    {
        using AsyncDuplexStreamingCall<Number, Number> call = Client.Sums();
        long sum = 0;
        for (int i = 1; i <= 100; i++)
        {
            sum += i;
            await call.RequestStream.WriteAsync(new Number { Value = i });
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal(sum, call.ResponseStream.Current.Value);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task ADeadlineEndsACallAtBothEnds()
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => Client.WaitForEverAsync(new Number(), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(300)).ResponseAsync);
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
    }

    [Fact]
    public async Task ACancelledCallIsCancelledAtTheServer()
    {
        using CancellationTokenSource cancellation = new();
        Task<Number> call = Client.WaitForEverAsync(new Number(), cancellationToken: cancellation.Token).ResponseAsync;
        await _service.Begun.Task.WaitAsync(KestrelServer.Patience);
        await cancellation.CancelAsync();
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await _service.Cancelled.Task.WaitAsync(KestrelServer.Patience);
    }

    internal sealed class CountingService : Counting.CountingBase
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override Task<Number> Double(Number request, ServerCallContext context) =>
            Task.FromResult(new Number { Value = request.Value * 2, Ballast = request.Ballast });

        public override async Task CountTo(Number request, IServerStreamWriter<Number> responseStream, ServerCallContext context)
        {
            for (long i = 1; i <= request.Value; i++)
            {
                await responseStream.WriteAsync(new Number { Value = i });
            }
        }

        public override async Task Sums(IAsyncStreamReader<Number> requestStream, IServerStreamWriter<Number> responseStream, ServerCallContext context)
        {
            long sum = 0;
            await foreach (Number number in requestStream.ReadAllAsync())
            {
                sum += number.Value;
                await responseStream.WriteAsync(new Number { Value = sum });
            }
        }

        public override async Task<Number> WaitForEver(Number request, ServerCallContext context)
        {
            using CancellationTokenRegistration registration = context.CancellationToken.Register(Cancelled.SetResult);
            Begun.SetResult();
            await Cancelled.Task.WaitAsync(KestrelServer.Patience);
            return request;
        }
    }
}
