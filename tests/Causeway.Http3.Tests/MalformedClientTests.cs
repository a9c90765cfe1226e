using Causeway.Http3.Framing;
using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>What a server may not send to our client, and the code that it gets for it.</summary>
public sealed class MalformedClientTests
{
    private static readonly byte[] s_ok = Wire.Response("200");

    /// <summary>Bytes of a response that end the connection.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> ConnectionErrors => new()
    {
        { "DATA first", Wire.Data(1), Http3ErrorCode.FrameUnexpected },
        { "DATA after an interim response", Wire.Concat(Wire.Response("103"), Wire.Data(1)), Http3ErrorCode.FrameUnexpected },
        { "PUSH_PROMISE", Wire.Frame(FrameType.PushPromise, 0), Http3ErrorCode.IdError },
        { "SETTINGS", Wire.Concat(s_ok, Wire.Settings()), Http3ErrorCode.FrameUnexpected },
        { "GOAWAY", Wire.Concat(s_ok, Wire.Frame(FrameType.GoAway, 0)), Http3ErrorCode.FrameUnexpected },
        { "HEADERS cut off", s_ok[..^1], Http3ErrorCode.FrameError },
        { "DATA cut off", Wire.Concat(s_ok, [0, 9, 1]), Http3ErrorCode.FrameError },
        { "dynamic reference", Wire.Frame(FrameType.Headers, 3, 0x81, 0x10), Http3ErrorCode.QpackDecompressionFailed },
        { "HEADERS after trailers", Wire.Concat(s_ok, Wire.Headers(), Wire.Headers()), Http3ErrorCode.FrameUnexpected },
    };

    /// <summary>Malformed responses: a stream error.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> StreamErrors => new()
    {
        { "nothing", [], Http3ErrorCode.MessageError },
        { "only an interim response", Wire.Response("103"), Http3ErrorCode.MessageError },
        { "no status", Wire.Headers(new HttpField("a", "b")), Http3ErrorCode.MessageError },
        { "status no number", Wire.Response("2x0"), Http3ErrorCode.MessageError },
        { "status 101", Wire.Response("101"), Http3ErrorCode.MessageError },
        { "status 99", Wire.Response("099"), Http3ErrorCode.MessageError },
        { "status twice", Wire.Response("200", new HttpField(":status", "200")), Http3ErrorCode.MessageError },
        { "path", Wire.Response("200", new HttpField(":path", "/")), Http3ErrorCode.MessageError },
        { "upper case", Wire.Response("200", new HttpField("A", "b")), Http3ErrorCode.MessageError },
        { "upgrade", Wire.Response("200", new HttpField("upgrade", "x")), Http3ErrorCode.MessageError },
        { "content too long", Wire.Concat(Wire.Response("200", new HttpField("content-length", "1")), Wire.Data(1, 2)), Http3ErrorCode.MessageError },
        { "content too short", Wire.Concat(Wire.Response("200", new HttpField("content-length", "2")), Wire.Data(1)), Http3ErrorCode.MessageError },
        { "status in trailers", Wire.Concat(s_ok, s_ok), Http3ErrorCode.MessageError },
        { "header section above the limit", Wire.Response("200", new HttpField("a", new string('x', 70_000))), Http3ErrorCode.ExcessiveLoad },
    };

    /// <summary>Bytes of one unidirectional stream that end the connection.</summary>
    public static TheoryData<string, byte[], Http3ErrorCode> UnidirectionalBytes => new()
    {
        { "no SETTINGS", Wire.Concat([0], Wire.Frame(FrameType.GoAway, 0)), Http3ErrorCode.MissingSettings },
        { "MAX_PUSH_ID", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.MaxPushId, 0)), Http3ErrorCode.FrameUnexpected },
        { "CANCEL_PUSH", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.CancelPush, 0)), Http3ErrorCode.IdError },
        { "GOAWAY of a server's stream", Wire.Concat([0], Wire.Settings(), Wire.Frame(FrameType.GoAway, 1)), Http3ErrorCode.IdError },
        { "push stream", [1, 0], Http3ErrorCode.IdError },
    };

    [Theory]
    [MemberData(nameof(ConnectionErrors))]
    public async Task ResponsesThatBreakTheConnection(string name, byte[] bytes, Http3ErrorCode code)
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Http3Exception error = await FailAsync(connection, peer, bytes);
        Assert.Equal((name, code, true), (name, error.ErrorCode, error.IsConnectionError));
        Assert.Equal((name, code), (name, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience)));
        Assert.False(connection.IsUsable);
    }

    [Theory]
    [MemberData(nameof(StreamErrors))]
    public async Task MalformedResponsesAreStreamErrors(string name, byte[] bytes, Http3ErrorCode code)
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Http3Exception error = await FailAsync(connection, peer, bytes);
        Assert.Equal((name, code, false), (name, error.ErrorCode, error.IsConnectionError));

        // Others are not concerned.
        Assert.True(connection.IsUsable);
        Task<HttpResponseMessage> next = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        Http3Stream stream = await peer.AcceptRequestAsync();
        await stream.WriteAsync(Wire.Concat(Wire.Response("103"), Wire.Frame(0x21, 1, 2), Wire.Response("200"), Wire.Data(5)));
        stream.CompleteWrites();
        using HttpResponseMessage response = await next.WaitAsync(Harness.Patience);
        Assert.Equal([5], await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [MemberData(nameof(UnidirectionalBytes))]
    public async Task UnidirectionalStreamsThatBreakTheConnection(string name, byte[] bytes, Http3ErrorCode code)
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        await peer.OpenAsync(bytes);
        Assert.Equal((name, code), (name, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience)));
    }

    [Fact]
    public async Task AServerMayNotOpenBidirectionalStreams()
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        await peer.Transport.OpenBidirectionalAsync(isReplaySafe: false, default);
        Assert.Equal(Http3ErrorCode.StreamCreationError, await peer.Transport.ClosedWith.WaitAsync(Harness.Patience));
    }

    [Fact]
    public async Task TheEndOfTheConnectionFailsItsRequests()
    {
        await using Http3ClientConnection connection = await Harness.ConnectToPeerAsync(out Peer peer);
        Task<HttpResponseMessage> sending = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        await peer.AcceptRequestAsync();
        await peer.Transport.CloseAsync(Http3ErrorCode.InternalError, "");
        Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => sending.WaitAsync(Harness.Patience));
        Assert.Equal((Http3ErrorCode.InternalError, true, true), (error.ErrorCode, error.IsConnectionError, error.IsByPeer));
        error = await Assert.ThrowsAsync<Http3Exception>(() => connection.SendAsync(Harness.Get(), mayBeEarly: false, default));
        Assert.True(error.IsRejected);
    }

    private static async Task<Http3Exception> FailAsync(Http3ClientConnection connection, Peer peer, byte[] bytes)
    {
        Task<HttpResponseMessage> sending = connection.SendAsync(Harness.Get(), mayBeEarly: false, default);
        Http3Stream stream = await peer.AcceptRequestAsync();
        await stream.WriteAsync(bytes);
        stream.CompleteWrites();
        return await Assert.ThrowsAsync<Http3Exception>(async () =>
        {
            using HttpResponseMessage response = await sending.WaitAsync(Harness.Patience);
            await using Stream body = await response.Content.ReadAsStreamAsync();
            await body.CopyToAsync(Stream.Null).WaitAsync(Harness.Patience);
        });
    }
}
