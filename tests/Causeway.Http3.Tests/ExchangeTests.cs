using System.Net;
using System.Security.Cryptography;
using System.Text;
using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>Whole requests between our client and our server.</summary>
public sealed class ExchangeTests
{
    [Fact]
    public async Task CarriesMethodPathFieldsAndStatus()
    {
        Http3Request? seen = null;
        await using Harness harness = new((request, _) =>
        {
            seen = request;
            Http3Response response = new(418) { Body = new MemoryStream(Encoding.UTF8.GetBytes("short and stout")) };
            response.Headers.Add(new HttpField("X-Tea", "green"));
            response.Headers.Add(new HttpField("content-type", "text/plain"));
            return ValueTask.FromResult(response);
        });
        using HttpRequestMessage request = new(HttpMethod.Put, "/pot?size=2") { Content = new StringContent("water") };
        request.Headers.Add("x-many", ["one", "two"]);
        request.Headers.Connection.Add("keep-alive");
        using HttpResponseMessage response = await harness.Client.SendAsync(request);

        Assert.Equal(("PUT", "https", "a.example", "/pot?size=2", 5), (seen!.Method, seen.Scheme, seen.Authority, seen.Path, seen.ContentLength));
        Assert.Contains(new HttpField("x-many", "two"), seen.Headers);
        Assert.DoesNotContain(seen.Headers, static field => field.Name is "connection" or "host");
        Assert.Equal((HttpStatusCode)418, response.StatusCode);
        Assert.Equal(HttpVersion.Version30, response.Version);
        Assert.Equal("green", Assert.Single(response.Headers.GetValues("x-tea")));
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        Assert.NotNull(response.Headers.Date);
        Assert.Equal("short and stout", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData((16 * 1024) + 1)]
    [InlineData(20_000_000)]
    public async Task EchoesContentWhileItIsSent(int length)
    {
        await using Harness harness = new(Echo);
        byte[] content = RandomNumberGenerator.GetBytes(length);
        using HttpResponseMessage response = await harness.Client.PostAsync("/", new ByteArrayContent(content));
        byte[] echoed = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(echoed));
    }

    [Fact]
    public async Task ResponseBeginsBeforeTheRequestEnds()
    {
        await using Harness harness = new(Echo);
        PushContent content = new();
        using HttpRequestMessage request = new(HttpMethod.Post, "/") { Content = content };
        using HttpResponseMessage response = await harness.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using Stream body = await response.Content.ReadAsStreamAsync();
        Stream sink = await content.Started.WaitAsync(Harness.Patience);
        for (byte i = 0; i < 10; i++)
        {
            await sink.WriteAsync(new[] { i });
            byte[] received = new byte[1];
            await body.ReadExactlyAsync(received).AsTask().WaitAsync(Harness.Patience);
            Assert.Equal(i, received[0]);
        }

        content.Finish();
        Assert.Equal(0, await body.ReadAsync(new byte[1]).AsTask().WaitAsync(Harness.Patience));
    }

    [Theory]
    [InlineData(256)]
    [InlineData(8)]
    public async Task ServesTwoHundredRequestsAtATime(int clientLimit)
    {
        int active = 0;
        int mostActive = 0;
        TaskCompletionSource together = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Harness harness = new(
            async (request, cancellationToken) =>
            {
                int now = Interlocked.Increment(ref active);
                InterlockedMax(ref mostActive, now);
                if (now == Math.Min(clientLimit, 200))
                {
                    together.TrySetResult();
                }

                await together.Task.WaitAsync(Harness.Patience, cancellationToken);
                Interlocked.Decrement(ref active);
                return new Http3Response(200) { Body = request.Body };
            },
            new Http3Limits { MaxConcurrentRequests = clientLimit });
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            byte[] content = Encoding.ASCII.GetBytes(new string((char)('a' + (i % 26)), i * 50));
            using HttpResponseMessage response = await harness.Client.PostAsync($"/{i}", new ByteArrayContent(content));
            Assert.Equal(content, await response.Content.ReadAsByteArrayAsync());
        }));
        Assert.Equal(Math.Min(clientLimit, 200), mostActive);
        Assert.Single(harness.Connections);
    }

    [Fact]
    public async Task CarriesTrailersBothWays()
    {
        await using Harness harness = new(async (request, cancellationToken) =>
        {
            await request.Body.CopyToAsync(Stream.Null, cancellationToken);
            return new Http3Response(200)
            {
                Body = new MemoryStream([1, 2, 3]),
                Trailers = () => request.Trailers.Select(static field => new HttpField("x-back", field.Value)),
            };
        });
        using HttpRequestMessage request = new(HttpMethod.Post, "/") { Content = new ByteArrayContent([9]) };
        request.Options.Set(Http3ClientHandler.RequestTrailers, [new HttpField("x-sum", "7")]);
        using HttpResponseMessage response = await harness.Client.SendAsync(request);
        Assert.Equal("7", Assert.Single(response.TrailingHeaders.GetValues("x-back")));
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 204)]
    [InlineData("GET", 304)]
    public async Task ResponsesWithoutContentFreeTheirSlot(string method, int status)
    {
        await using Harness harness = new(
            (_, _) =>
            {
                Http3Response response = new(status) { Body = new MemoryStream(new byte[100]) };
                response.Headers.Add(new HttpField("content-length", "100"));
                return ValueTask.FromResult(response);
            },
            new Http3Limits { MaxConcurrentRequests = 1 });
        for (int i = 0; i < 20; i++)
        {
            // Not disposed: the slot must not wait for that.
            HttpResponseMessage response = await harness.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/"));
            Assert.Equal(status, (int)response.StatusCode);
            Assert.Equal(100, response.Content.Headers.ContentLength);
            Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task CancellingTellsTheServer()
    {
        TaskCompletionSource reading = new();
        TaskCompletionSource<Http3Exception> seen = new();
        await using Harness harness = new(async (request, cancellationToken) =>
        {
            reading.SetResult();
            seen.SetResult(await Assert.ThrowsAsync<Http3Exception>(
                () => request.Body.ReadAsync(new byte[1], cancellationToken).AsTask()));
            return new Http3Response(200);
        });
        using CancellationTokenSource cancellation = new();
        Task<HttpResponseMessage> sending = harness.Client.PostAsync("/", new PushContent(), cancellation.Token);
        await reading.Task.WaitAsync(Harness.Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Http3Exception error = await seen.Task.WaitAsync(Harness.Patience);
        Assert.Equal((Http3ErrorCode.RequestCancelled, true, false), (error.ErrorCode, error.IsByPeer, error.IsConnectionError));

        // The connection goes on.
        Assert.False(harness.Connections[0].ClosedWith.IsCompleted);
    }

    [Fact]
    public async Task DisposingAResponseEarlyTellsTheServer()
    {
        EndlessStream endless = new();
        await using Harness harness = new((_, _) => ValueTask.FromResult(new Http3Response(200) { Body = endless }));
        using (HttpResponseMessage response = await harness.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead))
        {
            await using Stream body = await response.Content.ReadAsStreamAsync();
            await body.ReadExactlyAsync(new byte[100_000]);
        }

        await endless.Disposed.WaitAsync(Harness.Patience);
    }

    [Fact]
    public async Task AFailedResponseContentResetsTheStream()
    {
        await using Harness harness = new((_, _) => ValueTask.FromResult(new Http3Response(200) { Body = new FailingStream() }));
        using HttpResponseMessage response = await harness.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead);
        await using Stream body = await response.Content.ReadAsStreamAsync();
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => body.CopyToAsync(Stream.Null).WaitAsync(Harness.Patience));
        Assert.Equal((Http3ErrorCode.InternalError, true), (error.ErrorCode, error.IsByPeer));
    }

    [Fact]
    public async Task AHandlerThatThrowsAnswers500()
    {
        await using Harness harness = new((_, _) => throw new InvalidOperationException("ours"));
        using HttpResponseMessage response = await harness.Client.GetAsync("/");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
    }

    [Fact]
    public async Task AnEarlyResponseEndsALargeUpload()
    {
        await using Harness harness = new((_, _) => ValueTask.FromResult(new Http3Response(413)));
        using HttpResponseMessage response = await harness.Client.PostAsync("/", new StreamContent(new EndlessStream()));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task ContentThatFailsFailsTheRequest()
    {
        await using Harness harness = new(Echo);
        HttpRequestException error = await Assert.ThrowsAsync<HttpRequestException>(async () =>
        {
            using HttpResponseMessage response = await harness.Client.PostAsync("/", new StreamContent(new FailingStream()));
        });
        Assert.Contains("broken", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHeaderSectionAboveTheLimitIsAnswered431OrNotSent()
    {
        await using Harness harness = new(Echo, serverLimits: new Http3Limits { MaxFieldSectionSize = 1000 });
        async Task<HttpResponseMessage> SendAsync()
        {
            using HttpRequestMessage request = new(HttpMethod.Get, "/");
            request.Headers.Add("x-large", new string('x', 2000));
            return await harness.Client.SendAsync(request);
        }

        // Until the server's SETTINGS are there the client cannot know; from then on it does not send.
        try
        {
            using HttpResponseMessage response = await SendAsync();
            Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, response.StatusCode);
        }
        catch (HttpRequestException error)
        {
            Assert.Contains("accepts 1000", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ContentCanBeReadSynchronously()
    {
        await using Harness harness = new((_, _) => ValueTask.FromResult(new Http3Response(200) { Body = new MemoryStream([1, 2, 3]) }));
        using HttpResponseMessage response = await harness.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead);
        byte[] content = await Task.Run(() =>
        {
            using Stream body = response.Content.ReadAsStream();
            MemoryStream all = new();
            body.CopyTo(all);
            return all.ToArray();
        });
        Assert.Equal([1, 2, 3], content);
    }

    [Fact]
    public async Task AResponseWhoseHeaderSectionTheClientDoesNotAcceptIsGivenUp()
    {
        Peer peer = Harness.Serve(
            (_, _) =>
            {
                Http3Response response = new(200);
                response.Headers.Add(new HttpField("x-large", new string('x', 1000)));
                return ValueTask.FromResult(response);
            },
            out _);
        await peer.OpenAsync([0, .. Wire.Settings(PeerSettings.MaxFieldSectionSizeId, 600)]);

        // Until the SETTINGS frame has been read, the response is sent.
        Http3Exception? error = null;
        while (error is null)
        {
            Http3Stream stream = await peer.RequestAsync(Wire.Request("GET"));
            error = await Record.ExceptionAsync(() => Peer.ReadToEndAsync(stream)) as Http3Exception;
        }

        Assert.Equal((Http3ErrorCode.InternalError, true), (error.ErrorCode, error.IsByPeer));
    }

    [Theory]
    [InlineData("x-line", "a\r\nb")]
    [InlineData("x-wide", "\u4e2d")]
    public async Task FieldsThatCannotBeSentAreRefused(string name, string value)
    {
        await using Harness harness = new(Echo);
        using HttpRequestMessage request = new(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation(name, value);
        await Assert.ThrowsAsync<HttpRequestException>(() => harness.Client.SendAsync(request));
    }

    private static ValueTask<Http3Response> Echo(Http3Request request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new Http3Response(200) { Body = request.Body });

    private static void InterlockedMax(ref int target, int value)
    {
        int seen = target;
        while (value > seen)
        {
            int before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
