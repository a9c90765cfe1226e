using System.Net;
using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

public sealed class GoAwayTests
{
    [Fact]
    public async Task AServerThatShutsDownFinishesWhatItHasAndTheClientTurnsToAnotherConnection()
    {
        TaskCompletionSource begun = new();
        TaskCompletionSource release = new();
        await using Harness harness = new(async (request, _) =>
        {
            if (request.Path == "/slow")
            {
                begun.SetResult();
                await release.Task.WaitAsync(Harness.Patience / 2);
            }

            return new Http3Response(200);
        });
        Task<HttpResponseMessage> slow = harness.Client.GetAsync("/slow");
        await begun.Task.WaitAsync(Harness.Patience);
        harness.ShutDown();

        // Whether GOAWAY or the request is first, the request is answered, at the latest by the second connection.
        using HttpResponseMessage next = await harness.Client.GetAsync("/next");
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.Equal(2, harness.Connections.Count);
        Assert.False(slow.IsCompleted);
        release.SetResult();
        using HttpResponseMessage last = await slow.WaitAsync(Harness.Patience);
        Assert.Equal(HttpStatusCode.OK, last.StatusCode);
        Assert.Equal(Http3ErrorCode.NoError, await harness.Connections[0].ClosedWith.WaitAsync(Harness.Patience));
        Assert.Null(await harness.Servings[0].WaitAsync(Harness.Patience));
    }

    [Fact]
    public async Task RequestsThatGoAwayExcludesAreRejectedAndOthersGoOn()
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Task<HttpResponseMessage> first = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        Http3Stream firstStream = await peer.AcceptRequestAsync();
        Task<HttpResponseMessage> second = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        Http3Stream secondStream = await peer.AcceptRequestAsync();
        await peer.OpenControlAsync(Wire.Frame(FrameType.GoAway, (byte)secondStream.Id));

        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => second.WaitAsync(Harness.Patience));
        Assert.True(error.IsRejected);
        Assert.False(connection.IsUsable);
        error = await Assert.ThrowsAsync<Http3Exception>(() => connection.SendAsync(Harness.Get(), mayBeEarly: false, default));
        Assert.True(error.IsRejected);
        await firstStream.WriteAsync(Wire.Concat(Wire.Response("200"), Wire.Data(1)));
        firstStream.CompleteWrites();
        using HttpResponseMessage response = await first.WaitAsync(Harness.Patience);
        Assert.Equal([1], await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TheClientLeavesAServerThatShutsDownAndHasAnswered(bool isBusy)
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        byte[] announcement = Wire.Frame(FrameType.GoAway, Wire.Integer(VarInt.MaxValue - 3));
        if (isBusy)
        {
            Task<HttpResponseMessage> sending = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
            Http3Stream request = await peer.AcceptRequestAsync();
            await peer.OpenControlAsync(announcement);
            await request.WriteAsync(Wire.Concat(Wire.Response("200"), Wire.Data(1)));
            using HttpResponseMessage response = await sending.WaitAsync(Harness.Patience);
            Assert.False(peer.Transport.ClosedWith.IsCompleted);
            request.CompleteWrites();
            Assert.Equal([1], await response.Content.ReadAsByteArrayAsync());
        }
        else
        {
            await peer.OpenControlAsync(announcement);
        }

        Assert.Equal(Http3ErrorCode.NoError, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public async Task GoAwayMayShrinkDownToNothing(int below)
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Task<HttpResponseMessage> sending = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        await peer.AcceptRequestAsync();

        // The largest ID announces the shutdown and excludes nothing (RFC 9114, 5.2). Kestrel sends the largest integer in its place.
        byte[] announcement = Wire.Frame(FrameType.GoAway, Wire.Integer(VarInt.MaxValue - below));
        await peer.OpenControlAsync(announcement, Wire.Frame(FrameType.GoAway, 0));
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => sending.WaitAsync(Harness.Patience));
        Assert.True(error.IsRejected);
        Assert.Equal(Http3ErrorCode.NoError, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience));
    }

    [Fact]
    public async Task GoAwayMayNotGrow()
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Task<HttpResponseMessage> sending = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        await peer.AcceptRequestAsync();
        await peer.OpenControlAsync(Wire.Frame(FrameType.GoAway, 4), Wire.Frame(FrameType.GoAway, 8));
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => sending.WaitAsync(Harness.Patience));
        Assert.Equal((Http3ErrorCode.IdError, true), (error.ErrorCode, error.IsConnectionError));
        Assert.Equal(Http3ErrorCode.IdError, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience));
    }

    [Fact]
    public async Task ARequestThatTheServerRejectsIsSentAgainOnAnotherConnection()
    {
        Queue<Peer> peers = new();
        Queue<IHttp3Transport> transports = new();
        for (int i = 0; i < 2; i++)
        {
            (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
            transports.Enqueue(client);
            peers.Enqueue(new Peer(server));
        }

        using Http3ClientHandler handler = new((_, _) => ValueTask.FromResult(transports.Dequeue()), null);
        using HttpClient http = new(handler);
        Task<HttpResponseMessage> sending = http.GetAsync(new Uri("https://a.example/"));
        (await peers.Dequeue().AcceptRequestAsync()).Abort(StreamDirections.Both, Http3ErrorCode.RequestRejected);
        Http3Stream again = await peers.Dequeue().AcceptRequestAsync();
        await again.WriteAsync(Wire.Response("204"));
        again.CompleteWrites();
        using HttpResponseMessage response = await sending.WaitAsync(Harness.Patience);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    [Fact]
    public async Task ARequestWithContentTakesAnotherConnectionWhenTheFirstHasEnded()
    {
        await using Harness harness = new((request, _) => ValueTask.FromResult(new Http3Response(200) { Body = request.Body }));
        using HttpResponseMessage first = await harness.Client.PostAsync("/", new ByteArrayContent([1]));
        Assert.Equal([1], await first.Content.ReadAsByteArrayAsync());
        await harness.Connections[0].CloseAsync(Http3ErrorCode.NoError, "");
        using HttpResponseMessage second = await harness.Client.PostAsync("/", new ByteArrayContent([2]));
        Assert.Equal([2], await second.Content.ReadAsByteArrayAsync());
        Assert.Equal(2, harness.Connections.Count);
    }

    [Theory]
    [InlineData("https://b\u00fccher.example/", "xn--bcher-kva.example")]
    [InlineData("https://[::1]:4433/", "[::1]:4433")]
    [InlineData("https://user@a.example:444/", "a.example:444")]
    public async Task TheAuthorityIsInAsciiWithoutUserInformation(string uri, string authority)
    {
        string? seen = null;
        (MemoryTransport client, MemoryTransport server) = MemoryTransport.NewPair();
        _ = new Http3Server((request, _) =>
        {
            seen = request.Authority;
            return ValueTask.FromResult(new Http3Response(204));
        }).ServeAsync(server, default);
        using HttpClient http = new(new Http3ClientHandler((_, _) => ValueTask.FromResult<IHttp3Transport>(client), null));
        using HttpResponseMessage response = await http.GetAsync(new Uri(uri));
        Assert.Equal(authority, seen);
    }
}
