using System.Net;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>Requests before the handshake (RFC 8470).</summary>
public sealed class EarlyDataTests
{
    [Fact]
    public async Task WhatMayNotBeCarriedOutTwiceWaitsForTheHandshake()
    {
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        TaskCompletionSource handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Handshake = handshake.Task;
        List<string> served = [];
        Http3Server service = new((request, _) =>
        {
            lock (served)
            {
                served.Add(request.Method);
            }

            return ValueTask.FromResult(new Http3Response(200));
        });
        Task<Http3Exception?> serving = service.ServeAsync(server, default);
        Peer peer = new(client);
        await peer.OpenControlAsync();
        Http3Stream post = await peer.RequestAsync(Wire.Request("POST"));
        Http3Stream get = await peer.RequestAsync(Wire.Request("GET"));
        await Peer.ReadToEndAsync(get);
        Assert.Equal(["GET"], served);
        handshake.SetResult();
        await Peer.ReadToEndAsync(post);
        Assert.Equal(["GET", "POST"], served);
        await client.CloseAsync(Http3ErrorCode.NoError, "");
        await serving.WaitAsync(Harness.Patience);
    }

    [Theory]
    [InlineData("GET", 200, 2)]
    [InlineData("POST", 425, 1)]
    public async Task ARequestThatIsTooEarlyGoesAgainOnceIfItMayHaveBeen(string method, int status, int expected)
    {
        int count = 0;
        await using Harness harness = new((_, _) => ValueTask.FromResult(new Http3Response(Interlocked.Increment(ref count) == 1 ? 425 : 200)));
        using HttpRequestMessage request = new(new HttpMethod(method), "/");
        using HttpResponseMessage response = await harness.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        Assert.Equal(expected, count);
    }

    [Fact]
    public async Task AServerThatAlwaysThinksItTooEarlyIsBelieved()
    {
        await using Harness harness = new(static (_, _) => ValueTask.FromResult(new Http3Response(425)));
        using HttpResponseMessage response = await harness.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal((HttpStatusCode)425, response.StatusCode);
    }
}
