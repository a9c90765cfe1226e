using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxFlowControlTests
{
    [Fact]
    public void VersionTwoStallsOnlyTheStreamThatIsNotRead()
    {
        SmuxOptions options = new() { ReceiveBuffer = 600000, StreamBuffer = 100000 };
        using MuxPair pair = new(options);
        (TransportStream slow, TransportStream slowEnd) = pair.Open();
        (TransportStream quick, TransportStream quickEnd) = pair.Open();
        slow.Send(new byte[500000]);
        quick.Send(new byte[1000000]);
        long received = 0;
        for (int i = 0; i < 100; i++)
        {
            pair.Step();
            received += quickEnd.ReadAll().Length;
        }

        Assert.Equal(1000000, received);
        Assert.Equal(262144, slowEnd.BufferedBytes);
        Assert.False(pair.Client.HasPendingOutput);

        // The first UPD replaces the initial window by the smaller one of the options.
        Assert.Equal(262144, slowEnd.ReadAll().Length);
        pair.Step(3);
        Assert.Equal(100000, slowEnd.BufferedBytes);
        for (int i = 0; i < 10; i++)
        {
            received += slowEnd.ReadAll().Length;
            pair.Step();
        }

        Assert.Equal(1500000 - 262144, received);
    }

    [Fact]
    public void VersionOneStallsTheSessionAndResumesIt()
    {
        SmuxOptions options = new() { Version = 1, ReceiveBuffer = 50000, StreamBuffer = 50000 };
        using MuxPair pair = new(options, pipe: 20000);
        (TransportStream slow, TransportStream slowEnd) = pair.Open();
        (TransportStream other, TransportStream otherEnd) = pair.Open();
        slow.Send(new byte[200000]);
        pair.Step(30);
        Assert.False(pair.Server.CanReceive);
        Assert.InRange(slowEnd.BufferedBytes, 50000, 50000 + 2048);

        other.Send(new byte[100]);
        pair.Step(30);
        Assert.Equal(0, otherEnd.BufferedBytes);

        int received = 0;
        for (int i = 0; i < 30; i++)
        {
            received += slowEnd.ReadAll().Length;
            pair.Step();
        }

        Assert.Equal(200000, received);
        Assert.Equal(100, otherEnd.BufferedBytes);
        Assert.True(pair.Server.CanReceive);
    }

    [Fact]
    public void ReadBytesHoldTheirTokensUntilTheyAreConsumed()
    {
        SmuxOptions options = new() { Version = 1, ReceiveBuffer = 1000, StreamBuffer = 1000 };
        using MuxPair pair = new(options);
        (TransportStream stream, TransportStream end) = pair.Open();
        stream.Send(new byte[1000]);
        pair.Step();
        Assert.False(pair.Server.CanReceive);
        List<PacketSlice> slices = [];
        while (end.TryRead(out PacketSlice slice))
        {
            slices.Add(slice);
        }

        Assert.False(pair.Server.CanReceive);
        Assert.Throws<ArgumentOutOfRangeException>(() => end.Consumed(1001));
        Assert.Throws<ArgumentOutOfRangeException>(() => end.Consumed(-1));
        end.Consumed(1);
        Assert.True(pair.Server.CanReceive);
        end.Consumed(999);
        Assert.Equal(1000, pair.Server.Memory.Tokens);
        slices.ForEach(static slice => slice.Release());
    }

    [Fact]
    public void WindowCountersWrap()
    {
        SmuxOptions options = new() { ReceiveBuffer = 100000, StreamBuffer = 10000 };
        using MuxPair pair = new(options, firstCounter: uint.MaxValue - 30000);
        (TransportStream stream, TransportStream end) = pair.Open();
        byte[] sent = new byte[200000];
        new Random(5).NextBytes(sent);
        stream.Send(sent);
        List<byte> received = [];
        for (int i = 0; i < 100; i++)
        {
            pair.Step();
            Assert.InRange(end.BufferedBytes, 0, 262144);
            received.AddRange(end.ReadAll());
        }

        Assert.Equal(sent, received);
    }

    [Theory]
    [InlineData(0u, 5u, 100u, false)]
    [InlineData(0u, 6u, 100u, true)]
    [InlineData(0u, 0xFFFFFFFFu, 100u, false)]
    [InlineData(0xFFFFFFFEu, 3u, 100u, false)]
    [InlineData(0xFFFFFFFEu, 4u, 100u, true)]
    [InlineData(0xFFFFFFFEu, 0xFFFFFFFEu, 100u, false)]
    public void AStreamFailsIfThePeerConsumedMoreThanWasSent(uint first, uint consumed, uint window, bool fails)
    {
        PacketPool pool = new(track: true);
        RecordingOutput output = new();
        using SmuxSession session = new(EndpointRole.Client, new SmuxOptions(), pool, default) { FirstCounter = first };
        TransportStream stream = session.TryOpen(default)!;
        TransportStream other = session.TryOpen(default)!;
        stream.Source = new ArraySource();
        stream.Send("12345"u8);
        session.Flush(output, default);
        session.Receive(pool, MuxTestExtensions.Update((uint)stream.Id, consumed, window));
        Assert.Equal(fails, stream.IsReset);
        Assert.False(other.IsReset);
        Assert.Null(session.Failure);
    }

    [Theory]
    [InlineData(0u, 100u, 95)]
    [InlineData(2u, 100u, 97)]
    [InlineData(5u, 100u, 100)]
    [InlineData(0u, 5u, 0)]
    [InlineData(0u, 3u, 0)]
    [InlineData(0xFFFFFFF0u, 100u, 79)]
    [InlineData(5u, 0xFFFFFFFFu, 1000)]
    public void AWindowIsCountedFromWhatThePeerConsumed(uint consumed, uint window, int allowed)
    {
        PacketPool pool = new(track: true);
        RecordingOutput output = new();
        using SmuxSession session = new(EndpointRole.Client, new SmuxOptions(), pool, default);
        TransportStream stream = session.TryOpen(default)!;
        stream.Source = new ArraySource();
        stream.Send("12345"u8);
        session.Flush(output, default);
        output.Take();
        session.Receive(pool, MuxTestExtensions.Update((uint)stream.Id, consumed, window));
        stream.Send(new byte[1000]);
        session.Flush(output, default);
        Assert.Equal(allowed, output.Take().Sum(static f => f.Payload.Length));
        Assert.Equal(1000 - allowed, ((ArraySource)stream.Source).Left);
    }

    [Fact]
    public void APeerThatOverrunsAWindowFailsTheSession()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { ReceiveBuffer = 1 << 30, StreamBuffer = 1000 };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        session.Receive(pool, MuxTestExtensions.Frame(2, SmuxCommand.Syn, 3));
        byte[] frame = MuxTestExtensions.Frame(2, SmuxCommand.Psh, 3, new byte[1 << 15]);
        for (int i = 0; i < 16; i++)
        {
            session.Receive(pool, frame);
            Assert.Null(session.Failure);
        }

        session.Receive(pool, MuxTestExtensions.Frame(2, SmuxCommand.Psh, 3, new byte[1]));
        Assert.Equal(StreamFailureKind.InvalidProtocol, session.Failure?.Kind);
        Assert.False(session.CanReceive);
        Assert.False(session.HasPendingOutput);
        Assert.Null(session.TryOpen(default));
        Assert.Equal(StreamOpenRefusal.SessionEnded, session.OpenRefusal);
        Assert.True(session.NextDeadline.IsNever);
    }

    [Fact]
    public void TheReceiveBufferBoundsWhatAllStreamsHoldTogether()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { ReceiveBuffer = 300000, StreamBuffer = 300000 };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        using BytePipe pipe = new(pool, int.MaxValue);
        for (uint id = 3; id < 43; id += 2)
        {
            pipe.Write(MuxTestExtensions.Frame(2, SmuxCommand.Syn, id), []);
            for (int i = 0; i < 10; i++)
            {
                pipe.Write(MuxTestExtensions.Frame(2, SmuxCommand.Psh, id, new byte[5000]), []);
            }
        }

        while (pipe.Deliver(session, 2048, default))
        {
        }

        Assert.False(session.CanReceive);
        Assert.InRange(session.Memory.Tokens, -2048, 0);
        foreach (StreamEvent e in session.Events())
        {
            e.Stream?.Close();
        }

        Assert.Equal(300000, session.Memory.Tokens);
        Assert.Equal(0, session.Memory.Held);
    }
}
