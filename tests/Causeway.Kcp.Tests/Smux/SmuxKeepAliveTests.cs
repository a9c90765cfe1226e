using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxKeepAliveTests
{
    private static readonly SmuxOptions s_options = new();

    private static Timestamp Second(double seconds) => new((long)(seconds * 1_000_000));

    [Fact]
    public void TwoIdleSessionsKeepEachOtherAlive()
    {
        using MuxPair pair = new(s_options);
        for (int i = 0; i < 100; i++)
        {
            pair.Now = Timestamp.Min(pair.Client.NextDeadline, pair.Server.NextDeadline);
            pair.Step();
        }

        Assert.True(pair.Now > Second(500));
        Assert.Null(pair.Client.Failure);
        Assert.Null(pair.Server.Failure);
        Assert.InRange(pair.Client.Statistics.FramesSent, 50, 100);
    }

    [Fact]
    public void ANopGoesEveryIntervalWhateverElseIsSent()
    {
        using SmuxSession session = new(EndpointRole.Client, s_options, PacketPool.Shared, Second(100));
        TransportStream stream = session.TryOpen(Second(100))!;
        stream.Source = new ArraySource();
        RecordingOutput output = new();
        int nops = 0;
        for (int tenth = 0; tenth <= 250; tenth++)
        {
            stream.Send("x"u8);
            session.Flush(output, Second(100 + (tenth / 10.0)));
            nops += output.Take().Count(static f => f.Header is { Command: SmuxCommand.Nop, StreamId: 0 });
        }

        Assert.Equal(2, nops);
    }

    [Theory]
    [InlineData(0.0, 60)]
    [InlineData(29.0, 60)]
    [InlineData(1.0, 60)]
    [InlineData(-1.0, 30)]
    public void ASilentPeerIsGivenUpAtTheSecondCheck(double lastHeard, double failsAt)
    {
        PacketPool pool = new(track: true);
        RecordingOutput output = new();
        using SmuxSession session = new(EndpointRole.Server, s_options, pool, Second(0));
        bool heard = lastHeard < 0;
        while (session.Failure is null)
        {
            Timestamp now = session.NextDeadline;
            if (!heard && now > Second(lastHeard))
            {
                heard = true;
                session.Receive(pool, MuxTestExtensions.Frame(2, SmuxCommand.Nop, 0), Second(lastHeard));
            }

            session.Flush(output, now);
            Assert.Equal(session.Failure is not null, now >= Second(failsAt));
        }

        Assert.Equal(StreamFailureKind.KeepAliveTimeout, session.Failure.Kind);
    }

    [Fact]
    public void ASessionThatDoesNotReadDoesNotBlameThePeer()
    {
        PacketPool pool = new(track: true);
        RecordingOutput output = new();
        SmuxOptions options = new() { Version = 1, ReceiveBuffer = 10, StreamBuffer = 10 };
        using SmuxSession session = new(EndpointRole.Server, options, pool, Second(0));
        session.Receive(pool, MuxTestExtensions.Frame(1, SmuxCommand.Syn, 3));
        session.Receive(pool, MuxTestExtensions.Frame(1, SmuxCommand.Psh, 3, new byte[10]));
        Assert.False(session.CanReceive);
        while (session.NextDeadline < Second(200))
        {
            session.Flush(output, session.NextDeadline);
        }

        Assert.Null(session.Failure);
        session.Events().First(static e => e.Kind == StreamEventKind.Accepted).Stream!.ReadAll();
        while (session.Failure is null)
        {
            session.Flush(output, session.NextDeadline);
            Assert.True(session.NextDeadline.IsNever || session.NextDeadline < Second(300));
        }
    }

    [Fact]
    public void ACheckAfterALongSleepBlamesNobody()
    {
        RecordingOutput output = new();
        using SmuxSession session = new(EndpointRole.Server, s_options, PacketPool.Shared, Second(0));
        session.Flush(output, Second(3600));
        Assert.Null(session.Failure);
        Assert.Single(output.Take());
        session.Flush(output, Second(3630));
        Assert.Equal(StreamFailureKind.KeepAliveTimeout, session.Failure?.Kind);
    }

    [Fact]
    public void ABlockedPipeLeavesNoDeadlineInThePast()
    {
        RecordingOutput output = new() { Capacity = 0 };
        using SmuxSession session = new(EndpointRole.Server, s_options, PacketPool.Shared, Second(0));
        session.Flush(output, Second(10));
        Assert.Equal(Second(20), session.NextDeadline);
        Assert.True(session.HasPendingOutput);
    }
}
