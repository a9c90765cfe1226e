using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>What a client may not send to our server, and the code that it gets for it.</summary>
public sealed class MalformedServerTests
{
    private static readonly byte[] s_get = Wire.Request("GET");
    private static readonly byte[] s_cutData = [(byte)FrameType.Data, 5, 1, 2];

    /// <summary>Bytes of one request stream that end the connection.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> RequestBytes => new()
    {
        { "DATA first", Wire.Data(1), Http3ErrorCode.FrameUnexpected },
        { "SETTINGS", Wire.Concat(s_get, Wire.Settings()), Http3ErrorCode.FrameUnexpected },
        { "GOAWAY", Wire.Concat(s_get, Wire.Frame(FrameType.GoAway, 0)), Http3ErrorCode.FrameUnexpected },
        { "MAX_PUSH_ID", Wire.Concat(s_get, Wire.Frame(FrameType.MaxPushId, 0)), Http3ErrorCode.FrameUnexpected },
        { "CANCEL_PUSH", Wire.Concat(s_get, Wire.Frame(FrameType.CancelPush, 0)), Http3ErrorCode.FrameUnexpected },
        { "PUSH_PROMISE", Wire.Concat(s_get, Wire.Frame(FrameType.PushPromise, 0)), Http3ErrorCode.FrameUnexpected },
        { "PRIORITY of HTTP/2", Wire.Frame(0x02), Http3ErrorCode.FrameUnexpected },
        { "PING of HTTP/2", Wire.Frame(0x06), Http3ErrorCode.FrameUnexpected },
        { "WINDOW_UPDATE of HTTP/2", Wire.Frame(0x08), Http3ErrorCode.FrameUnexpected },
        { "CONTINUATION of HTTP/2", Wire.Frame(0x09), Http3ErrorCode.FrameUnexpected },
        { "DATA after trailers", Wire.Concat(s_get, Wire.Headers(), Wire.Data(1)), Http3ErrorCode.FrameUnexpected },
        { "HEADERS after trailers", Wire.Concat(s_get, Wire.Headers(), Wire.Headers()), Http3ErrorCode.FrameUnexpected },
        { "DATA cut off", Wire.Concat(s_get, s_cutData), Http3ErrorCode.FrameError },
        { "HEADERS cut off", s_get[..^1], Http3ErrorCode.FrameError },
        { "type cut off", [0x40], Http3ErrorCode.FrameError },
        { "length missing", [0x21], Http3ErrorCode.FrameError },
        { "unknown frame cut off", [0x21, 5, 1], Http3ErrorCode.FrameError },
        { "empty HEADERS payload", Wire.Frame(FrameType.Headers), Http3ErrorCode.QpackDecompressionFailed },
        { "dynamic reference", Wire.Frame(FrameType.Headers, 3, 0x81, 0x10), Http3ErrorCode.QpackDecompressionFailed },
        { "dynamic reference in trailers", Wire.Concat(s_get, Wire.Frame(FrameType.Headers, 0, 0, 0x80)), Http3ErrorCode.QpackDecompressionFailed },
        { "a thousand empty DATA frames", Wire.Concat([s_get, .. Enumerable.Repeat(Wire.Data(), 1100)]), Http3ErrorCode.ExcessiveLoad },
        { "a thousand unknown frames", Wire.Concat([.. Enumerable.Repeat(Wire.Frame(0x21), 1100)]), Http3ErrorCode.ExcessiveLoad },
    };

    /// <summary>Requests that are malformed: a stream error.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> MalformedRequests => new()
    {
        { "nothing", [], Http3ErrorCode.RequestIncomplete },
        { "only unknown frames", Wire.Frame(0x21), Http3ErrorCode.RequestIncomplete },
        { "no fields", Wire.Headers(), Http3ErrorCode.MessageError },
        { "no method", Wire.Headers(new(":scheme", "https"), new(":authority", "a"), new(":path", "/")), Http3ErrorCode.MessageError },
        { "no scheme", Wire.Headers(new(":method", "GET"), new(":authority", "a"), new(":path", "/")), Http3ErrorCode.MessageError },
        { "no path", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new(":authority", "a")), Http3ErrorCode.MessageError },
        { "no authority", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new(":path", "/")), Http3ErrorCode.MessageError },
        { "empty path", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new(":authority", "a"), new(":path", "")), Http3ErrorCode.MessageError },
        { "path without a slash", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new(":authority", "a"), new(":path", "x")), Http3ErrorCode.MessageError },
        { "user information", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new(":authority", "u@a"), new(":path", "/")), Http3ErrorCode.MessageError },
        { "method with a space", Wire.Request("GET x"), Http3ErrorCode.MessageError },
        { "method twice", Wire.Request("GET", new HttpField(":method", "GET")), Http3ErrorCode.MessageError },
        { "status", Wire.Request("GET", new HttpField(":status", "200")), Http3ErrorCode.MessageError },
        { "unknown pseudo-header field", Wire.Request("GET", new HttpField(":protocol", "x")), Http3ErrorCode.MessageError },
        { "pseudo-header field last", Wire.Headers(new(":method", "GET"), new(":scheme", "https"), new("a", "b"), new(":authority", "a"), new(":path", "/")), Http3ErrorCode.MessageError },
        { "upper case", Wire.Request("GET", new HttpField("Accept", "x")), Http3ErrorCode.MessageError },
        { "empty name", Wire.Request("GET", new HttpField("", "x")), Http3ErrorCode.MessageError },
        { "name with a colon", Wire.Request("GET", new HttpField("a:b", "x")), Http3ErrorCode.MessageError },
        { "value with a line feed", Wire.Request("GET", new HttpField("a", "x\ny")), Http3ErrorCode.MessageError },
        { "value with a zero", Wire.Request("GET", new HttpField("a", "x\0")), Http3ErrorCode.MessageError },
        { "value that ends in a space", Wire.Request("GET", new HttpField("a", "x ")), Http3ErrorCode.MessageError },
        { "connection", Wire.Request("GET", new HttpField("connection", "close")), Http3ErrorCode.MessageError },
        { "transfer-encoding", Wire.Request("GET", new HttpField("transfer-encoding", "chunked")), Http3ErrorCode.MessageError },
        { "te", Wire.Request("GET", new HttpField("te", "gzip")), Http3ErrorCode.MessageError },
        { "host differs", Wire.Request("GET", new HttpField("host", "b.example")), Http3ErrorCode.MessageError },
        { "CONNECT with a path", Wire.Request("CONNECT"), Http3ErrorCode.MessageError },
        { "content-length no number", Wire.Request("PUT", new HttpField("content-length", "-1")), Http3ErrorCode.MessageError },
        { "content-length twice", Wire.Request("PUT", new("content-length", "1"), new("content-length", "2")), Http3ErrorCode.MessageError },
        { "content too long", Wire.Concat(Wire.Request("PUT", new HttpField("content-length", "1")), Wire.Data(1, 2)), Http3ErrorCode.MessageError },
        { "content too short", Wire.Concat(Wire.Request("PUT", new HttpField("content-length", "3")), Wire.Data(1, 2)), Http3ErrorCode.MessageError },
        { "pseudo-header field in trailers", Wire.Concat(s_get, Wire.Headers(new HttpField(":path", "/"))), Http3ErrorCode.MessageError },
        { "trailers above the limit", Wire.Concat(s_get, Wire.Headers(new HttpField("a", new string('x', 70_000)))), Http3ErrorCode.ExcessiveLoad },
    };

    /// <summary>Bytes of one unidirectional stream that end the connection.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> UnidirectionalBytes => new()
    {
        { "no SETTINGS", Wire.Concat([0], Wire.Frame(FrameType.GoAway, 0)), Http3ErrorCode.MissingSettings },
        { "reserved frame before SETTINGS", Wire.Concat([0], Wire.Frame(0x21)), Http3ErrorCode.MissingSettings },
        { "SETTINGS twice", Wire.Concat([0], Wire.Settings(), Wire.Settings()), Http3ErrorCode.FrameUnexpected },
        { "DATA", Wire.Concat([0], Wire.Settings(), Wire.Data(1)), Http3ErrorCode.FrameUnexpected },
        { "HEADERS", Wire.Concat([0], Wire.Settings(), s_get), Http3ErrorCode.FrameUnexpected },
        { "PUSH_PROMISE", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.PushPromise, 0)), Http3ErrorCode.FrameUnexpected },
        { "PING of HTTP/2", Wire.Concat([0], Wire.Settings(), Wire.Frame(0x06)), Http3ErrorCode.FrameUnexpected },
        { "setting twice", Wire.Concat([0], Wire.Settings(6, 1, 6, 1)), Http3ErrorCode.SettingsError },
        { "ENABLE_PUSH of HTTP/2", Wire.Concat([0], Wire.Settings(2, 0)), Http3ErrorCode.SettingsError },
        { "MAX_FRAME_SIZE of HTTP/2", Wire.Concat([0], Wire.Settings(5, 0)), Http3ErrorCode.SettingsError },
        { "setting cut off", Wire.Concat([0], Wire.Frame(FrameType.Settings, 6)), Http3ErrorCode.FrameError },
        { "SETTINGS too long", Wire.Concat([0], [(byte)FrameType.Settings], Wire.Integer(1 << 20)), Http3ErrorCode.FrameError },
        { "GOAWAY too long", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.GoAway, 0, 0)), Http3ErrorCode.FrameError },
        { "GOAWAY empty", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.GoAway)), Http3ErrorCode.FrameError },
        { "GOAWAY grows", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.GoAway, 1), Wire.Frame(FrameType.GoAway, 2)), Http3ErrorCode.IdError },
        { "MAX_PUSH_ID shrinks", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.MaxPushId, 2), Wire.Frame(FrameType.MaxPushId, 1)), Http3ErrorCode.IdError },
        { "CANCEL_PUSH of no push", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.CancelPush, 0)), Http3ErrorCode.IdError },
        { "a thousand unknown frames", Wire.Concat([[0], Wire.Settings(), .. Enumerable.Repeat(Wire.Frame(0x21), 1100)]), Http3ErrorCode.ExcessiveLoad },
        { "push stream", [1, 0], Http3ErrorCode.StreamCreationError },
        { "insert", [2, 0xc0, 0], Http3ErrorCode.QpackEncoderStreamError },
        { "acknowledgement", [3, 0x80], Http3ErrorCode.QpackDecoderStreamError },
    };

    [Theory]
    [MemberData(nameof(RequestBytes))]
    public async Task RequestStreamsThatBreakTheConnection(string name, byte[] bytes, Http3ErrorCode code)
    {
        Peer peer = Harness.Serve(ReadAllAsync, out Task<Http3Exception?> serving);
        await peer.OpenControlAsync();
        await peer.RequestAsync(bytes);
        await AssertClosedAsync(name, code, peer, serving);
    }

    [Theory]
    [MemberData(nameof(UnidirectionalBytes))]
    public async Task UnidirectionalStreamsThatBreakTheConnection(string name, byte[] bytes, Http3ErrorCode code)
    {
        Peer peer = Harness.Serve(ReadAllAsync, out Task<Http3Exception?> serving);
        await peer.OpenAsync(bytes);
        await AssertClosedAsync(name, code, peer, serving);
    }

    [Theory]
    [InlineData(StreamType.Control)]
    [InlineData(StreamType.QpackEncoder)]
    [InlineData(StreamType.QpackDecoder)]
    public async Task CriticalStreamsMayNotBeClosedResetOrOpenedTwice(long type)
    {
        byte[] bytes = type == StreamType.Control ? [0, .. Wire.Settings()] : [(byte)type];
        Peer peer = Harness.Serve(ReadAllAsync, out Task<Http3Exception?> serving);
        (await peer.OpenAsync(bytes)).CompleteWrites();
        await AssertClosedAsync("closed", Http3ErrorCode.ClosedCriticalStream, peer, serving);

        peer = Harness.Serve(ReadAllAsync, out serving);
        Http3Stream stream = await peer.OpenAsync(bytes);
        await AcceptedAsync(peer);
        stream.Abort(StreamDirections.Write, Http3ErrorCode.NoError);
        await AssertClosedAsync("reset", Http3ErrorCode.ClosedCriticalStream, peer, serving);

        peer = Harness.Serve(ReadAllAsync, out serving);
        await peer.OpenAsync(bytes);
        await peer.OpenAsync(bytes);
        await AssertClosedAsync("opened twice", Http3ErrorCode.StreamCreationError, peer, serving);
    }

    [Theory]
    [MemberData(nameof(MalformedRequests))]
    public async Task MalformedRequestsAreStreamErrors(string name, byte[] bytes, Http3ErrorCode code)
    {
        Peer peer = Harness.Serve(ReadAllAsync, out _);
        await peer.OpenControlAsync();
        Http3Stream stream = await peer.RequestAsync(bytes);
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => Peer.ReadToEndAsync(stream));
        Assert.Equal((name, code, true), (name, error.ErrorCode, error.IsByPeer));

        // Others are not concerned.
        Assert.False(peer.Transport.ClosedWith.IsCompleted);
        Assert.NotEmpty(await Peer.ReadToEndAsync(await peer.RequestAsync(s_get)));
    }

    [Fact]
    public async Task UnknownFramesSettingsAndStreamsAreIgnored()
    {
        Peer peer = Harness.Serve(ReadAllAsync, out _);
        byte[] unknown = Wire.Frame(0x1f * 7 + 0x21, new byte[5000]);
        await peer.OpenAsync([0, .. Wire.Settings(0x21, 5, 0x33, 1, 0x4242, 9), .. unknown, .. Wire.Frame(0x4040, 1)]);
        Http3Stream strange = await peer.OpenAsync([0x40, 0x54, 1, 2, 3]);
        (await peer.OpenAsync([])).CompleteWrites();
        (await peer.OpenAsync([0x40])).Abort(StreamDirections.Write, Http3ErrorCode.NoError);
        byte[] response = await Peer.ReadToEndAsync(await peer.RequestAsync(
            Wire.Concat(unknown, s_get, unknown, Wire.Data(1, 2), unknown, Wire.Headers(new HttpField("x-sum", "3")), unknown)));
        Assert.NotEmpty(response);
        Assert.False(peer.Transport.ClosedWith.IsCompleted);

        // The strange stream is not read, and its sender is told.
        Http3Exception stopped = await Assert.ThrowsAsync<Http3Exception>(
            () => strange.WriteAsync(new byte[2 * MemoryTransport.Window]).AsTask().WaitAsync(Harness.Patience));
        Assert.Equal(Http3ErrorCode.StreamCreationError, stopped.ErrorCode);
    }

    [Fact]
    public async Task MoreRequestsThanTheLimitAreRejected()
    {
        TaskCompletionSource release = new();
        Peer peer = Harness.Serve(
            async (_, _) =>
            {
                await release.Task;
                return new Http3Response(200);
            },
            out _,
            new Http3Limits { MaxConcurrentRequests = 2 });
        Http3Stream first = await peer.RequestAsync(s_get);
        await peer.RequestAsync(s_get);
        Http3Stream third = await peer.RequestAsync(s_get);
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => Peer.ReadToEndAsync(third));
        Assert.Equal(Http3ErrorCode.RequestRejected, error.ErrorCode);
        release.SetResult();
        Assert.NotEmpty(await Peer.ReadToEndAsync(first));
    }

    private static async Task AcceptedAsync(Peer peer) =>
        Assert.NotEmpty(await Peer.ReadToEndAsync(await peer.RequestAsync(s_get)));

    private static async Task AssertClosedAsync(string name, Http3ErrorCode code, Peer peer, Task<Http3Exception?> serving)
    {
        Http3ErrorCode closedWith = await peer.Transport.ClosedWith.WaitAsync(Harness.Patience);
        Assert.Equal((name, code), (name, closedWith));
        Http3Exception? failure = await serving.WaitAsync(Harness.Patience);
        Assert.Equal((code, true, false), (failure!.ErrorCode, failure.IsConnectionError, failure.IsByPeer));
    }

    private static async ValueTask<Http3Response> ReadAllAsync(Http3Request request, CancellationToken cancellationToken)
    {
        await request.Body.CopyToAsync(Stream.Null, cancellationToken);
        return new Http3Response(200);
    }
}
