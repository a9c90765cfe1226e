using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Streams;

public sealed class QuicStreamsTests : IDisposable
{
    private readonly StreamsBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1150)]
    [InlineData(30_000)]
    public void AStreamThatWasFinishedBothWaysLeavesNoTrace(int bytes)
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, bytes);
        stream.FinishWrites();
        _bench.Exchange();
        TransportStream accepted = Accept(bytes);
        Assert.Equal(bytes, StreamsBench.Read(accepted));
        Assert.True(accepted.IsReadFinished);
        Assert.True(stream.IsWriteFinished);
        Assert.Equal(1, _bench.Server.StreamCount);
        accepted.FinishWrites();
        _bench.Exchange();
        Assert.Equal([StreamEventKind.ReadsFinished], StreamsBench.Events(_bench.Client).Select(static e => e.Kind));
        _bench.AssertNoTrace();
    }

    [Fact]
    public void TheEndGoesWithTheLastBytes()
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 100);
        stream.FinishWrites();
        _bench.Exchange();
        Assert.Equal([FrameKind.Stream], _bench.Frames);
    }

    [Fact]
    public void TheEndGoesAloneIfItComesLater()
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 100);
        _bench.Exchange();
        stream.FinishWrites();
        _bench.Exchange();
        Assert.Equal([FrameKind.Stream, FrameKind.Stream], _bench.Frames);
        Assert.Equal(
            [StreamEventKind.Accepted, StreamEventKind.Readable, StreamEventKind.ReadsFinished],
            StreamsBench.Events(_bench.Server).Select(static e => e.Kind));
    }

    /// <summary>
    /// quiche reads the bytes of the first frame, and then takes the end only from a frame without bytes: one that repeats bytes it
    /// has read is dropped with the end in it.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AnEndThatLeftAloneIsRepeatedAlone(bool isDataRepeated)
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 1000);
        QuicSentPacket data = new();
        Span<byte> room = stackalloc byte[1200];
        Assert.True(_bench.Client.WriteDataFrames(room, data) > 1000);
        stream.FinishWrites();
        QuicSentPacket end = new();
        Assert.InRange(_bench.Client.WriteDataFrames(room, end), 1, 10);

        // Neither was acknowledged: both go again, though the data may have arrived.
        foreach (QuicSentPacket lost in (QuicSentPacket[])(isDataRepeated ? [data, end] : [end]))
        {
            foreach (ref readonly SentFrame frame in lost.Frames)
            {
                _bench.Client.OnLost(in frame);
            }
        }

        _bench.Exchange();
        Assert.Equal([(1000L, 0)], _bench.Ends);
    }

    [Fact]
    public void AStreamWithoutBytesIsAnnouncedByAnEmptyFrame()
    {
        StreamsBench.Open(_bench.Client, 0);
        _bench.Exchange();
        Assert.Equal([StreamEventKind.Accepted], StreamsBench.Events(_bench.Server).Select(static e => e.Kind));
    }

    [Fact]
    public void AnAnnouncementThatGetsLostIsRepeated()
    {
        _bench.Loses = static number => number < 2;
        StreamsBench.Open(_bench.Client, 0);
        _bench.Exchange();
        Assert.Equal([StreamEventKind.Accepted], StreamsBench.Events(_bench.Server).Select(static e => e.Kind));
    }

    [Fact]
    public void AHalfClosedStreamStillCarriesTheOtherDirection()
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 10);
        stream.FinishWrites();
        _bench.Exchange();
        QuicStream accepted = (QuicStream)Accept(10);
        StreamsBench.Read(accepted);
        StreamsBench.Write(accepted, 30_000);
        _bench.Exchange();
        Assert.Equal(30_000, StreamsBench.Read(stream));
        Assert.False(stream.IsReadFinished);
        accepted.FinishWrites();
        _bench.Exchange();
        StreamsBench.Events(_bench.Client);
        Assert.True(stream.IsClosed);
        _bench.AssertNoTrace();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AResetDropsWhatWasNotReadAndTellsTheCode(bool isLost)
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 10_000);
        _bench.Exchange();
        QuicStream accepted = (QuicStream)Accept(10_000);
        int next = _bench.Packets;
        _bench.Loses = number => isLost && number == next;
        stream.Abort(77);
        _bench.Exchange();
        List<StreamEvent> events = StreamsBench.Events(_bench.Server);
        Assert.Equal([StreamEventKind.ReadsAborted, StreamEventKind.WritesStopped], events.Select(static e => e.Kind));
        Assert.Equal(77, accepted.PeerResetCode);
        Assert.Equal(77, accepted.PeerStopCode);
        Assert.False(accepted.TryRead(out _));
        _bench.Exchange();
        StreamsBench.Events(_bench.Client);
        _bench.AssertNoTrace();
    }

    [Fact]
    public void AReaderThatStopsMakesTheWriterReset()
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 1 << 20);
        _bench.Exchange();
        QuicStream accepted = (QuicStream)Accept(-1);
        accepted.StopReceiving(5);
        _bench.Exchange();
        Assert.Equal([StreamEventKind.WritesStopped], StreamsBench.Events(_bench.Client).Select(static e => e.Kind));
        Assert.Equal(5, stream.PeerStopCode);
        Assert.True(stream.IsWriteFinished);
        Assert.True(accepted.IsReadFinished);

        // The other direction goes on.
        StreamsBench.Write(accepted, 100);
        accepted.FinishWrites();
        _bench.Exchange();
        Assert.Equal(100, StreamsBench.Read(stream));
        StreamsBench.Events(_bench.Client);
        _bench.AssertNoTrace();
    }

    [Fact]
    public void AUnidirectionalStreamEndsAlone()
    {
        QuicStream stream = StreamsBench.Open(_bench.Client, 5000, isUnidirectional: true);
        Assert.False(stream.IsBidirectional);
        stream.FinishWrites();
        _bench.Exchange();
        QuicStream accepted = (QuicStream)Accept(5000);
        Assert.False(accepted.CanSend);
        Assert.Equal(5000, StreamsBench.Read(accepted));
        StreamsBench.Events(_bench.Server);
        _bench.AssertNoTrace();
    }

    [Fact]
    public void BothEndsOpenStreamsOfBothKinds()
    {
        QuicStreams[] ends = [_bench.Client, _bench.Server];
        foreach (QuicStreams end in ends)
        {
            StreamsBench.Open(end, 100).FinishWrites();
            StreamsBench.Open(end, 100, isUnidirectional: true).FinishWrites();
        }

        _bench.Exchange();
        foreach (QuicStreams end in ends)
        {
            List<StreamEvent> events = StreamsBench.Events(end);
            Assert.Equal(2, events.Count(static e => e.Kind == StreamEventKind.Accepted));
            foreach (StreamEvent e in events.Where(static e => e.Kind == StreamEventKind.Accepted))
            {
                Assert.Equal(100, StreamsBench.Read(e.Stream!));
                e.Stream!.FinishWrites();
            }
        }

        _bench.Exchange();
        StreamsBench.Events(_bench.Client);
        StreamsBench.Events(_bench.Server);
        _bench.AssertNoTrace();
    }

    /// <summary>Any packet may get lost; what is lost goes again, ends and resets included.</summary>
    [Fact]
    public void NothingThatGetsLostIsMissing()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            using StreamsBench bench = new();
            bench.Loses = _ => random.Next(3) == 0;
            List<QuicStream> opened = [];
            for (int i = 0; i < 20; i++)
            {
                QuicStream stream = StreamsBench.Open(bench.Client, random.Next(20_000));
                opened.Add(stream);
                stream.FinishWrites();
            }

            long read = 0;
            for (int turn = 0; turn < 500 && (bench.Client.StreamCount > 0 || bench.Server.StreamCount > 0); turn++)
            {
                bench.Exchange(mostPackets: 10);
                foreach (StreamEvent e in StreamsBench.Events(bench.Server))
                {
                    if (e.Kind == StreamEventKind.Accepted)
                    {
                        e.Stream!.FinishWrites();
                    }
                    else if (e.Kind == StreamEventKind.Readable)
                    {
                        read += StreamsBench.Read(e.Stream!);
                    }
                }

                StreamsBench.Events(bench.Client);
            }

            Assert.True(bench.Client.StreamCount + bench.Server.StreamCount == 0, $"seed {seed}: streams are left");
            Assert.True(read == bench.Client.Statistics.BytesSent || read > 0, $"seed {seed}");
            bench.AssertNoTrace();
        }
    }

    [Fact]
    public void APeerMayOpenNoMoreThanItWasAllowed()
    {
        StreamLimits limits = new() { Data = 1 << 20, BidirectionalRemote = 1000, BidirectionalLocal = 1000, BidirectionalStreams = 4 };
        using StreamsBench bench = new(limits);
        for (int i = 0; i < 4; i++)
        {
            Assert.NotNull(bench.Client.TryOpen(bench.Now));
        }

        Assert.Null(bench.Client.TryOpen(bench.Now));
        Assert.Equal(StreamOpenRefusal.TooManyStreams, bench.Client.OpenRefusal);
    }

    [Fact]
    public void AnOpenerThatHadToWaitIsTold()
    {
        StreamLimits limits = new() { Data = 1 << 20, BidirectionalRemote = 1000, BidirectionalLocal = 1000, BidirectionalStreams = 4 };
        using StreamsBench bench = new(limits);
        List<QuicStream> streams = [.. Enumerable.Range(0, 4).Select(_ => StreamsBench.Open(bench.Client, 10))];
        Assert.Null(bench.Client.TryOpen(bench.Now));
        bench.Exchange();
        Assert.Contains(FrameKind.StreamsBlocked, bench.Frames);
        streams[0].FinishWrites();
        bench.Exchange();
        QuicStream first = (QuicStream)StreamsBench.Events(bench.Server)[0].Stream!;
        StreamsBench.Read(first);
        first.FinishWrites();
        bench.Exchange();
        Assert.Contains(StreamsBench.Events(bench.Client), static e => e.Kind == StreamEventKind.OpenAllowed);
        Assert.NotNull(bench.Client.TryOpen(bench.Now));
        Assert.Null(bench.Client.TryOpen(bench.Now));
    }

    /// <summary>Most streams stay, so that no step of an eighth of the limit ends while the opener waits.</summary>
    [Fact]
    public void AnOpenerThatWaitsGetsEachStreamThatEnds()
    {
        List<QuicStream> streams = [.. Enumerable.Range(0, 1024).Select(_ => StreamsBench.Open(_bench.Client, 1))];
        Assert.Null(_bench.Client.TryOpen(_bench.Now));
        _bench.Exchange();
        List<StreamEvent> accepted = [.. StreamsBench.Events(_bench.Server).Where(static e => e.Kind == StreamEventKind.Accepted)];
        streams[3].FinishWrites();
        _bench.Exchange();
        StreamsBench.Read(accepted[3].Stream!);
        accepted[3].Stream!.FinishWrites();
        StreamsBench.Events(_bench.Server);
        _bench.Exchange();
        Assert.Contains(StreamsBench.Events(_bench.Client), static e => e.Kind == StreamEventKind.OpenAllowed);
        Assert.NotNull(_bench.Client.TryOpen(_bench.Now));
    }

    /// <summary>Before the handshake nothing is allowed, and who tried is told when something is.</summary>
    [Fact]
    public void AnOpenerThatWasTooEarlyIsToldWhenTheLimitsAreKnown()
    {
        StreamLimits limits = new() { Data = 1 << 20, BidirectionalRemote = 1000, BidirectionalLocal = 1000, BidirectionalStreams = 4 };
        using QuicStreams streams = new(EndpointRole.Client, in limits, _bench.Pool);
        Assert.Null(streams.TryOpen(_bench.Now));
        streams.OnPeerLimits(in limits);
        Assert.Equal([StreamEventKind.OpenAllowed], StreamsBench.Events(streams).Select(static e => e.Kind));
        Assert.NotNull(streams.TryOpen(_bench.Now));
    }

    [Fact]
    public void LimitsOnStreamsAreToldInSteps()
    {
        for (int i = 0; i < 4000; i++)
        {
            QuicStream stream = StreamsBench.Open(_bench.Client, 10);
            stream.FinishWrites();
            _bench.Exchange();
            foreach (StreamEvent e in StreamsBench.Events(_bench.Server))
            {
                if (e.Kind == StreamEventKind.Accepted)
                {
                    StreamsBench.Read(e.Stream!);
                    e.Stream!.FinishWrites();
                }
            }

            _bench.Exchange();
            StreamsBench.Events(_bench.Client);
        }

        _bench.AssertNoTrace();
        Assert.Equal(4000 / 128, _bench.Frames.Count(static kind => kind == FrameKind.MaxStreams));
    }

    private TransportStream Accept(long bytes)
    {
        List<StreamEvent> events = StreamsBench.Events(_bench.Server);
        Assert.Equal(StreamEventKind.Accepted, events[0].Kind);
        Assert.True(bytes < 0 || bytes == events[0].Stream!.BufferedBytes);
        return events[0].Stream!;
    }
}
