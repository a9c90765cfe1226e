using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>Opening, accepting and refusing, and the end of streams as reference peers know it.</summary>
public sealed class SmuxLifecycleTests
{
    private static readonly SmuxOptions s_plain = new() { HalfCloseExtension = false };

    private static byte[] Frame(SmuxCommand command, uint id, ReadOnlySpan<byte> payload = default) =>
        MuxTestExtensions.Frame(2, command, id, payload);

    [Fact]
    public void IdsRunOut()
    {
        using SmuxSession session = new(EndpointRole.Client, s_plain, PacketPool.Shared, default);
        session.NextId = uint.MaxValue - 2;
        Assert.Equal(uint.MaxValue - 2, session.TryOpen(default)!.Id);
        Assert.Equal(uint.MaxValue, session.TryOpen(default)!.Id);
        Assert.Null(session.TryOpen(default));
        Assert.Equal(StreamOpenRefusal.IdsExhausted, session.OpenRefusal);
    }

    [Fact]
    public void StreamsOfBothEndsCountAgainstTheLimit()
    {
        SmuxOptions options = s_plain with { MaxStreams = 3 };
        using MuxPair pair = new(s_plain, options);
        TransportStream local = pair.Server.TryOpen(default)!;
        for (int i = 0; i < 4; i++)
        {
            pair.Client.TryOpen(default);
        }

        pair.Step(2);
        Assert.Equal(3, pair.Server.StreamCount);
        Assert.Equal(2, pair.Server.Statistics.StreamsRefused);
        Assert.Null(pair.Server.TryOpen(default));
        Assert.Equal(StreamOpenRefusal.TooManyStreams, pair.Server.OpenRefusal);
        Assert.Equal(2, pair.Client.Events().Count(static e => e.Kind == StreamEventKind.ReadsFinished));

        // The aborted stream counts until its FIN has left.
        local.Abort();
        Assert.Null(pair.Server.TryOpen(default));
        pair.Step();
        Assert.Equal(StreamOpenRefusal.None, pair.Server.OpenRefusal);
    }

    [Theory]
    [InlineData(EndpointRole.Server, 0u)]
    [InlineData(EndpointRole.Server, 1u)]
    [InlineData(EndpointRole.Server, 2u)]
    [InlineData(EndpointRole.Client, 0u)]
    [InlineData(EndpointRole.Client, 3u)]
    public void OpensWithIdsThatAreNotThePeersAreIgnored(EndpointRole role, uint id)
    {
        PacketPool pool = new(track: true);
        using SmuxSession session = new(role, s_plain, pool, default);
        session.Receive(pool, [.. Frame(SmuxCommand.Syn, id), .. Frame(SmuxCommand.Psh, id, "skipped"u8)]);
        Assert.Empty(session.Events());
        Assert.Equal(0, session.StreamCount);
        Assert.Equal(1, session.Statistics.OpensIgnored);
        Assert.Equal(7, session.Statistics.BytesDiscarded);
        Assert.False(session.HasPendingOutput);
        Assert.Null(session.Failure);
    }

    [Fact]
    public void ASecondOpenOfAStreamIsIgnored()
    {
        PacketPool pool = new(track: true);
        using SmuxSession session = new(EndpointRole.Server, s_plain, pool, default);
        session.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Psh, 3, "ab"u8)]);
        session.Receive(pool, [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Psh, 3, "c"u8)]);
        TransportStream stream = session.Events()[0].Stream!;
        Assert.Equal("abc"u8, stream.ReadAll());
        Assert.Equal(1, session.Statistics.OpensIgnored);
    }

    [Fact]
    public void SurplusStreamsAreRefusedWhileTheBacklogIsFull()
    {
        SmuxOptions options = s_plain with { AcceptBacklog = 2 };
        using MuxPair pair = new(s_plain, options);
        TransportStream[] streams = [.. Enumerable.Range(0, 4).Select(_ => pair.Client.TryOpen(default)!)];
        pair.Step(2);
        Assert.Equal([3u, 5u], pair.Server.Events().Select(static e => e.Stream!.Id));
        Assert.Equal([false, false, true, true], streams.Select(static s => s.IsReadFinished));
        Assert.Equal([false, false, true, true], streams.Select(static s => s.IsWriteFinished));
        pair.Client.TryOpen(default);
        pair.Step();
        Assert.Equal([11u], pair.Server.Events().Select(static e => e.Stream!.Id));
    }

    [Fact]
    public void AFloodOfOpensIsBounded()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = s_plain with { AcceptBacklog = 10, MaxStreams = 100 };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        session.Receive(pool, [.. Enumerable.Range(0, 1000).SelectMany(i => Frame(SmuxCommand.Syn, 3 + (2 * (uint)i)))]);

        Assert.Equal(10, session.StreamCount);
        Assert.Equal(10, session.Statistics.StreamsRefused);
        Assert.Equal(980, session.Statistics.OpensIgnored);
        RecordingOutput output = new();
        session.Flush(output, default);
        Assert.Equal(10, output.Take().Count);
    }

    [Fact]
    public void ReadableIsToldOncePerBatch()
    {
        using MuxPair pair = new(s_plain with { MaxFrameSize = 10 }, largestPiece: 30);
        (TransportStream stream, TransportStream end) = pair.Open();
        for (int i = 0; i < 3; i++)
        {
            stream.Send(new byte[1000]);
            pair.Step();
            Assert.Equal([new StreamEvent(StreamEventKind.Readable, end)], pair.Server.Events());
        }

        Assert.Equal(3000, end.ReadAll().Length);
    }

    [Fact]
    public void FinEndsBothDirectionsForAPeerWithoutHalfClose()
    {
        using MuxPair pair = new(s_plain);
        (TransportStream stream, TransportStream end) = pair.Open();
        end.Send(new byte[300000]);
        pair.Step();
        stream.Send("last words"u8);
        stream.FinishWrites();
        pair.Step();
        Assert.Equal(
            [StreamEventKind.Readable, StreamEventKind.ReadsFinished, StreamEventKind.WritesStopped],
            pair.Server.Kinds());
        Assert.False(end.IsReadFinished);
        Assert.Equal("last words"u8, end.ReadAll());
        Assert.True(end.IsReadFinished);
        Assert.True(end.IsWriteFinished);
        Assert.False(end.IsClosed);

        // What the peer had sent before it saw the FIN is still delivered here.
        Assert.Equal(262144, stream.ReadAll().Length);
        Assert.False(stream.IsReadFinished);
        end.FinishWrites();
        pair.Step();
        Assert.True(stream.IsReadFinished && stream.IsClosed && end.IsClosed);
        Assert.Equal(0, pair.Client.StreamCount + pair.Server.StreamCount);
    }

    [Fact]
    public void AfterALocalCloseLateDataIsDroppedInSilence()
    {
        using MuxPair pair = new(s_plain);
        (TransportStream stream, TransportStream end) = pair.Open();
        end.Send(new byte[100000]);
        pair.Step();
        stream.Send("request"u8);
        stream.Close();
        end.Send(new byte[50000]);
        pair.Step(2);
        Assert.True(stream.IsClosed);
        Assert.Equal("request"u8, end.ReadAll());
        Assert.Equal(0, pair.Client.StreamCount);
        Assert.Equal(s_plain.ReceiveLimit, pair.Client.Memory.Tokens);
        Assert.Equal(50000, pair.Client.Statistics.BytesDiscarded);
        end.Close();
        pair.Step();
        Assert.Equal(0, pair.Server.StreamCount);
    }

    [Fact]
    public void AbortDropsWhatIsPendingAndSendsFin()
    {
        PacketPool pool = new(track: true);
        using SmuxSession session = new(EndpointRole.Client, s_plain, pool, default);
        RecordingOutput output = new();
        TransportStream stream = session.TryOpen(default)!;
        stream.Source = new ArraySource();
        session.Flush(output, default);
        session.Receive(pool, Frame(SmuxCommand.Psh, 3, new byte[1000]));
        stream.Send("never sent"u8);
        stream.Abort();
        stream.Abort();
        stream.NotifyWritable();
        stream.FinishWrites();
        stream.Close();
        Assert.Empty(session.Events());
        Assert.False(stream.TryRead(out _));
        session.Flush(output, default);
        Assert.Equal([SmuxCommand.Syn, SmuxCommand.Fin], output.Take().Select(static f => f.Header.Command));
        Assert.Equal(0, session.StreamCount);
        Assert.Equal(s_plain.ReceiveLimit, session.Memory.Tokens);
        Assert.False(session.HasPendingOutput);
    }

    [Fact]
    public void AStreamAbortedBeforeItsOpeningLeftIsNeverMentioned()
    {
        using SmuxSession session = new(EndpointRole.Client, new SmuxOptions(), PacketPool.Shared, default);
        RecordingOutput output = new();
        session.TryOpen(default)!.Abort();
        Assert.Equal(0, session.StreamCount);
        Assert.False(session.HasPendingOutput);
        session.TryOpen(default);
        session.Flush(output, default);
        Assert.Equal(
            [(SmuxCommand.Syn, 5u), (SmuxCommand.Nop, 1u)],
            output.Take().Select(static f => (f.Header.Command, f.Header.StreamId)));
    }

    [Fact]
    public void ConsumingAfterTheEndIsAllowed()
    {
        using MuxPair pair = new(s_plain);
        (TransportStream stream, TransportStream end) = pair.Open();
        stream.Send(new byte[1000]);
        stream.FinishWrites();
        end.FinishWrites();
        pair.Step();
        Assert.True(end.TryRead(out PacketSlice slice));
        Assert.True(end.IsClosed);
        Assert.Equal(s_plain.ReceiveLimit - 1000, pair.Server.Memory.Tokens);
        end.Consumed(400);
        end.Close();
        end.Consumed(600);
        Assert.Equal(s_plain.ReceiveLimit, pair.Server.Memory.Tokens);
        Assert.Equal(0, pair.Server.Memory.Held);
        slice.Release();
    }

    [Fact]
    public void DisposingReleasesEverythingAndStopsEverything()
    {
        using MuxPair pair = new(s_plain);
        (TransportStream stream, TransportStream end) = pair.Open();
        end.Send(new byte[100000]);
        pair.Step();
        Assert.True(stream.TryRead(out PacketSlice slice));
        slice.Release();
        pair.Client.Dispose();
        stream.Consumed(1);
        stream.NotifyWritable();
        stream.FinishWrites();
        stream.Close();
        stream.Abort();
        Assert.False(stream.TryRead(out _));
        Assert.Empty(pair.Client.Events());
        Assert.False(pair.Client.HasPendingOutput);
        Assert.False(pair.Client.CanReceive);
        pair.Client.Receive(pair.Pool, Frame(SmuxCommand.Psh, 3, "x"u8));
        pair.Client.Flush(new RecordingOutput { Capacity = 0 }, default);
        Assert.Null(pair.Client.TryOpen(default));
    }

    [Fact]
    public void ASourceMayGiveItsStreamUpWhileItIsAsked()
    {
        using SmuxSession session = new(EndpointRole.Client, s_plain, PacketPool.Shared, default);
        RecordingOutput output = new();
        TransportStream stream = session.TryOpen(default)!;
        stream.Source = new AbortingSource(stream);
        stream.NotifyWritable();
        session.Flush(output, default);
        Assert.Equal([SmuxCommand.Syn, SmuxCommand.Fin], output.Take().Select(static f => f.Header.Command));
    }

    private sealed class AbortingSource(TransportStream stream) : IStreamSource
    {
        public ReadOnlySpan<byte> Peek()
        {
            stream.Abort();
            return "too late"u8;
        }

        public void Advance(int count) => Assert.Fail("bytes of an aborted stream were taken");
    }
}
