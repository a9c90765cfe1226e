using Causeway.Http3.Framing;
using Causeway.Http3.Messages;
using Causeway.Http3.Transport;
using Causeway.TestKit;
using FsCheck.Xunit;

namespace Causeway.Http3.Tests;

/// <summary>Streams of frames that were changed on the way, and settings.</summary>
public sealed class MessageReaderTests
{
    private static readonly byte[] s_message = Wire.Concat(
        Wire.Request("PUT", new("content-length", "300"), new("accept", "*/*"), new("user-agent", "causeway")),
        Wire.Frame(0x21, 1, 2, 3),
        Wire.Data(new byte[200]),
        Wire.Data(),
        Wire.Data(new byte[100]),
        Wire.Headers(new HttpField("x-sum", "1")));

    [Fact]
    public async Task ReadsAMessageInPiecesOfAnySize()
    {
        for (int piece = 1; piece <= s_message.Length; piece++)
        {
            Assert.Equal((300, 1), await ReadAsync(s_message, piece));
        }
    }

    [Fact]
    public async Task EveryPrefixIsRefused()
    {
        // Without its trailer section it is a message too.
        int whole = s_message.Length - Wire.Headers(new HttpField("x-sum", "1")).Length;
        for (int length = 0; length < s_message.Length; length++)
        {
            if (length == whole)
            {
                continue;
            }

            Http3Exception error = await Assert.ThrowsAsync<Http3Exception>(() => ReadAsync(s_message[..length], 64));
            Assert.Contains(error.ErrorCode, (Http3ErrorCode[])[Http3ErrorCode.FrameError, Http3ErrorCode.RequestIncomplete, Http3ErrorCode.MessageError]);
        }
    }

    [Fact]
    public void AnyMutationIsReadOrRefusedWithACode() => Mutator.Run(
        [s_message, Wire.Request("GET"), Wire.Concat(Wire.Request("GET"), Wire.Data(1), Wire.Settings())], 20_000, seed: 0x9114,
        static input =>
        {
            // Nothing here waits: the stream has all its bytes.
            ValueTask<(int, int)> reading = new(ReadAsync(input.ToArray(), 64));
            Assert.True(reading.IsCompleted);
            try
            {
                reading.GetAwaiter().GetResult();
            }
            catch (Http3Exception error)
            {
                Assert.NotEqual(Http3ErrorCode.None, error.ErrorCode);
                Assert.False(error.IsByPeer);
            }
        });

    [Property(MaxTest = 2000)]
    public void IntegersSurvive(long any)
    {
        long value = any & VarInt.MaxValue;
        byte[] bytes = Wire.Integer(value);
        Assert.True(VarInt.TryRead(bytes, out long read, out int length));
        Assert.Equal((value, bytes.Length), (read, length));
        Assert.False(VarInt.TryRead(bytes.AsSpan(..^1), out _, out _));
    }

    /// <summary>RFC 9000, A.1.</summary>
    [Theory]
    [InlineData("c2197c5eff14e88c", 151288809941952652)]
    [InlineData("9d7f3e7d", 494878333)]
    [InlineData("7bbd", 15293)]
    [InlineData("25", 37)]
    [InlineData("4025", 37)]
    public void ReadsTheIntegersOfTheRfc(string bytes, long value)
    {
        Assert.True(VarInt.TryRead(Convert.FromHexString(bytes), out long read, out _));
        Assert.Equal(value, read);
    }

    [Property(MaxTest = 1000)]
    public void AnySettingsAreReadOrRefusedWithACode(byte[] payload)
    {
        bool isRead = PeerSettings.TryParse(payload, out _, out Http3ErrorCode error);
        Assert.True(isRead ? error == Http3ErrorCode.None : error is Http3ErrorCode.FrameError or Http3ErrorCode.SettingsError);
    }

    [Fact]
    public void ReservedIdentifiersHaveTheirForm()
    {
        for (int i = 0; i < 1000; i++)
        {
            long identifier = Reserved.Next();
            Assert.True(Reserved.Is(identifier), $"{identifier}");
            Assert.InRange(VarInt.Length(identifier), 1, 4);
        }

        Assert.False(Reserved.Is(FrameType.MaxPushId));
        Assert.True(Reserved.Is(0x21));
    }

    private static async Task<(int Content, int Trailers)> ReadAsync(byte[] bytes, int piece)
    {
        MessageReader reader = new(new PiecesStream(bytes, piece), isRequest: true, new Http3Limits { MaxFieldSectionSize = 4096 });
        List<HttpField>? section = await reader.ReadHeadAsync(default);
        if (section is null || RequestHead.Parse(section) is not { } head)
        {
            return (0, 0);
        }

        reader.BeginContent(head.ContentLength);
        byte[] buffer = new byte[64];
        int content = 0;
        while (await reader.ReadContentAsync(buffer, default) is int count and > 0)
        {
            content += count;
        }

        Assert.True(reader.IsEnded);
        return (content, reader.Trailers.Count);
    }

    /// <summary>Bytes that arrive some at a time, and then the end.</summary>
    private sealed class PiecesStream(byte[] bytes, int piece) : Http3Stream
    {
        private int _at;

        public override long Id => 0;

        public override bool IsBidirectional => true;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = Math.Min(Math.Min(piece, buffer.Length), bytes.Length - _at);
            bytes.AsSpan(_at, count).CopyTo(buffer.Span);
            _at += count;
            return ValueTask.FromResult(count);
        }

        public override void CompleteWrites()
        {
        }

        public override void Abort(StreamDirections directions, Http3ErrorCode code)
        {
        }
    }
}
