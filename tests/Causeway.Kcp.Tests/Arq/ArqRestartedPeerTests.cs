using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>A peer that was restarted in the middle of a conversation, and what must not be taken for one.</summary>
public sealed class ArqRestartedPeerTests
{
    private static readonly ArqOptions s_options = new() { ReceiveWindow = 512 };

    private static Timestamp Ms(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    [Fact]
    public void LowerUnaInTheEchoOfSomethingNewerIsProof()
    {
        using ArqHarness harness = Advanced(10);
        harness.Session.Write(new byte[100]);
        SegmentHeader sent = Assert.Single(harness.FlushSegments(Ms(200))).Header;
        harness.Input(Ms(250), ArqHarness.Segment(SegmentCommand.Ack, sent.Sequence, una: 0, time: sent.Time));
        Assert.Equal(ArqFailure.PeerForgot, harness.Session.Failure);
        Assert.Equal(ArqInputResult.Closed, harness.Input(Ms(251), ArqHarness.Segment(SegmentCommand.Push)));
    }

    [Fact]
    public void LowerUnaInTheEchoOfSomethingOlderIsLate()
    {
        using ArqHarness harness = new(s_options);
        harness.Session.Write(new byte[4 * harness.Options.SegmentSize]);
        List<(SegmentHeader Header, byte[])> sent = harness.FlushSegments(Ms(0));

        // The peer acknowledged 1 (0 was missing) and then all four, and the second datagram overtook the first.
        harness.Input(Ms(50), ArqHarness.Segment(SegmentCommand.Ack, 3, una: 3, time: sent[3].Header.Time));
        harness.Input(Ms(60), ArqHarness.Segment(SegmentCommand.Ack, 1, una: 0, time: sent[1].Header.Time));
        harness.Input(Ms(61), ArqHarness.Segment(SegmentCommand.Ack, 3, una: 0, time: sent[3].Header.Time));
        Assert.Null(harness.Session.Failure);
    }

    [Theory]
    [InlineData(SegmentCommand.WindowReport)]
    [InlineData(SegmentCommand.Push)]
    public void PeerThatAcknowledgesNothingIsAskedForAnEcho(SegmentCommand command)
    {
        using ArqHarness harness = Advanced(1000);
        harness.Input(Ms(400), ArqHarness.Segment(command, una: 0));
        Assert.DoesNotContain(harness.FlushSegments(Ms(405)), static segment => segment.Header.Command == SegmentCommand.Push);
        Timestamp due = harness.Session.NextDeadline;
        Assert.InRange(due.Microseconds, 410_000, 700_000);
        SegmentHeader challenge = Assert.Single(
            harness.FlushSegments(due), static segment => segment.Header.Command == SegmentCommand.Push).Header;
        Assert.Equal((0u, 0u), (challenge.Sequence, challenge.Length));
        harness.Input(due.AddMicroseconds(50_000), ArqHarness.Segment(SegmentCommand.Ack, 0, una: 1, time: challenge.Time));
        Assert.Equal(ArqFailure.PeerForgot, harness.Session.Failure);
    }

    [Fact]
    public void PeerThatAnswersTheChallengeWithItsTrueUnaHasNotForgotten()
    {
        using ArqHarness harness = Advanced(1000);
        harness.Input(Ms(400), ArqHarness.Segment(SegmentCommand.WindowReport, una: 7));
        Timestamp due = harness.Session.NextDeadline;
        SegmentHeader challenge = Assert.Single(harness.FlushSegments(due)).Header;
        Assert.Equal(7u, challenge.Sequence);
        harness.Input(due.AddMicroseconds(50_000), ArqHarness.Segment(SegmentCommand.Ack, 7, una: 1000, time: challenge.Time));
        Assert.Null(harness.Session.Failure);
        Assert.True(harness.Session.NextDeadline.IsNever);
    }

    [Fact]
    public void OvertakenDatagramThatACurrentOneFollowsAsksForNothing()
    {
        using ArqHarness harness = Advanced(1000);
        harness.Input(Ms(400), ArqHarness.Segment(SegmentCommand.WindowReport, una: 900));
        harness.Input(Ms(401), ArqHarness.Segment(SegmentCommand.WindowReport, una: 1000));
        Assert.True(harness.Session.NextDeadline.IsNever);
        Assert.Empty(harness.Flush(Ms(2000)));
    }

    [Fact]
    public void ChallengesEnd()
    {
        using ArqHarness harness = Advanced(1000);
        int challenges = 0;
        for (int i = 0; i < 1000; i++)
        {
            Timestamp now = Ms(400 + (i * 100));
            harness.Input(now, ArqHarness.Segment(SegmentCommand.WindowReport, una: 1));
            challenges += harness.Flush(now).Length;
        }

        Assert.InRange(challenges, 1, 20);
        Assert.Null(harness.Session.Failure);
    }

    [Fact]
    public void ReorderingNeverLooksLikeARestart()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            PathFaults faults = new() { DelayMicroseconds = 5_000, JitterMicroseconds = 200_000, Loss = 0.05, Duplication = 0.1 };
            using ArqSimulation simulation = new(seed, s_options, faults);
            simulation.Send(0, 400_000);
            simulation.Send(1, 50_000);
            simulation.RunToIdle(TimeSpan.FromMinutes(5));
            Assert.Null(simulation[0].Failure);
            Assert.Null(simulation[1].Failure);
        }
    }

    [Fact]
    public void SessionTellsSinceWhenItWaits()
    {
        using ArqHarness harness = Advanced(10);
        Assert.True(harness.Session.WaitingSince.IsNever);
        Assert.Equal(Ms(100), harness.Session.HeardAt);
        harness.Session.Write(new byte[100]);
        harness.Flush(Ms(500));
        Assert.Equal(Ms(500), harness.Session.WaitingSince);
        harness.Flush(Ms(900));
        Assert.Equal(Ms(500), harness.Session.WaitingSince);
        harness.Input(Ms(950), ArqHarness.Segment(SegmentCommand.WindowReport, una: 10));
        Assert.Equal((Ms(950), Ms(950)), (harness.Session.WaitingSince, harness.Session.HeardAt));
        harness.Input(Ms(951), ArqHarness.Segment(SegmentCommand.WindowReport, una: 11));
        Assert.True(harness.Session.WaitingSince.IsNever);
    }

    /// <summary>A session whose peer has acknowledged so many segments at 100 ms.</summary>
    private static ArqHarness Advanced(uint segments)
    {
        ArqHarness harness = new(s_options);
        harness.Session.Write(new byte[segments * harness.Options.SegmentSize]);
        harness.Input(Ms(0), ArqHarness.Segment(SegmentCommand.WindowReport, window: 2000));
        List<(SegmentHeader Header, byte[])> sent = harness.FlushSegments(Ms(50));
        Assert.Equal(segments, (uint)sent.Count);
        harness.Input(Ms(100), ArqHarness.Segment(SegmentCommand.Ack, segments - 1, una: segments, time: sent[^1].Header.Time, window: 2000));
        Assert.True(harness.Session.IsIdle);
        return harness;
    }
}
