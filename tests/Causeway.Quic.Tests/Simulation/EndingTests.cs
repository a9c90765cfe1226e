using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Every way in which a connection ends, and what each side is told (RFC 9000, 10).</summary>
public sealed class EndingTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ACodeAndAReasonReachThePeer(bool byClient)
    {
        using QuicPair pair = Pair("Clean").Connect();
        (QuicPeer closer, QuicPeer other) = byClient ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        closer.Session!.BeginClose(0x1234, "that was all", Now(pair, closer));
        pair.RunUntil(() => other.Failure is not null && closer.Session.IsDrained, TimeSpan.FromSeconds(1));
        Assert.Equal(TransportFailureKind.ClosedByPeer, other.Failure!.Kind);
        Assert.Equal(0x1234, other.Failure.ErrorCode);
        Assert.True(other.Failure.IsApplicationError);
        Assert.True(other.Failure.IsByPeer);
        Assert.Contains("that was all", other.Failure.Reason, StringComparison.Ordinal);
        Assert.Null(closer.Failure);
        Assert.True(other.Session!.IsDrained);
        Assert.Equal(Timestamp.Never, closer.NextDeadline);
        Assert.Equal(Timestamp.Never, other.NextDeadline);
        pair.Close();
    }

    [Fact]
    public void ALostCloseIsAnsweredAgain()
    {
        using QuicPair pair = Pair("Clean").Connect();
        int lost = 0;
        pair.Forward.OnDatagram = (_, _, _) => lost++ == 0 ? DatagramVerdict.Drop : DatagramVerdict.Pass;
        pair.Client.Session!.BeginClose(7, "gone", Now(pair, pair.Client));
        pair.RunUntil(() => lost == 1, TimeSpan.FromSeconds(1));

        // The server knows nothing of it, and speaks.
        pair.Server.Session!.Probe();
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(5));
        Assert.Equal(7, pair.Server.Failure!.ErrorCode);
        Assert.InRange(lost, 2, 3);
        pair.Close();
    }

    [Fact]
    public void AClosingEndAnswersAFloodByFewDatagrams()
    {
        using QuicPair pair = Pair("Clean").Connect();
        pair.Open(2_000_000, 10);
        pair.Network.Run(TimeSpan.FromMilliseconds(300));
        long before = pair.Server.Session!.Statistics.OutPackets;
        long received = pair.Server.Session.Statistics.InPackets;
        pair.Client.Filter = static _ => false;
        pair.Server.Session.BeginClose(7, "gone", Now(pair, pair.Server));
        pair.Network.Run(TimeSpan.FromMilliseconds(90));
        Assert.True(pair.Server.Session.Statistics.InPackets - received >= 8);
        Assert.InRange(pair.Server.Session.Statistics.OutPackets - before, 2, 8);
        pair.Close();
    }

    [Fact]
    public void BothMayCloseAtOnce()
    {
        using QuicPair pair = Pair("Clean").Connect();
        pair.Client.Session!.BeginClose(1, "one", Now(pair, pair.Client));
        pair.Server.Session!.BeginClose(2, "two", Now(pair, pair.Server));
        pair.RunUntil(() => pair.Client.Session.IsDrained && pair.Server.Session.IsDrained, TimeSpan.FromMilliseconds(200));
        pair.Close();
    }

    [Fact]
    public void AnEndThatHearsNothingOfItsCloseStopsWaiting()
    {
        using QuicPair pair = Pair("Clean").Connect();
        pair.Client.Filter = static _ => false;
        pair.Server.Filter = static _ => false;
        pair.Client.Session!.BeginClose(1, "one", Now(pair, pair.Client));
        pair.RunUntil(() => pair.Client.Session.IsDrained, TimeSpan.FromSeconds(2));
        pair.Close();
    }

    [Fact]
    public void AnApplicationIsNotQuotedBeforeThePeerIsKnown()
    {
        // Initial packets can be read by anybody (RFC 9000, 10.2.3).
        using QuicPair pair = Pair("Clean");
        pair.Client.Filter = static _ => false;
        pair.RunUntil(() => pair.Server.Session is not null, TimeSpan.FromSeconds(1));
        pair.Client.Session!.BeginClose(0x77, "secret", Now(pair, pair.Client));
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(2));
        Assert.Equal((long)TransportErrorCode.ApplicationError, pair.Server.Failure!.ErrorCode);
        Assert.Equal(TransportFailureKind.ClosedByPeer, pair.Server.Failure.Kind);
        Assert.False(pair.Server.Failure.IsApplicationError);
        Assert.DoesNotContain("secret", pair.Server.Failure.Reason, StringComparison.Ordinal);
        pair.Close();
    }

    [Theory]
    [InlineData(10, 3, 3)]
    [InlineData(3, 10, 3)]
    [InlineData(0, 4, 4)]
    [InlineData(4, 0, 4)]
    public void TheShorterIdleTimeoutCounts(int client, int server, int expected)
    {
        using QuicPair pair = Pair(
            "Clean", s => s with { IdleTimeout = client * 1_000_000L }, s => s with { IdleTimeout = server * 1_000_000L }).Connect();
        Assert.Equal(expected * 1_000_000L, pair.Client.Session!.IdleTimeout);
        pair.RunUntil(() => pair.Client.Failure is not null && pair.Server.Failure is not null, TimeSpan.FromSeconds(expected + 1));
        Assert.Equal(TransportFailureKind.IdleTimeout, pair.Client.Failure!.Kind);
        Assert.Equal(TransportFailureKind.IdleTimeout, pair.Server.Failure!.Kind);
        Assert.False(pair.Client.Failure.IsByPeer);

        // Nobody is told (RFC 9000, 10.1).
        long sent = pair.Forward.Sent;
        pair.Client.Session.BeginClose(0, "", Now(pair, pair.Client));
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.True(pair.Client.Session.IsDrained);
        Assert.Equal(sent, pair.Forward.Sent);
        pair.Close();
    }

    [Fact]
    public void NoIdleTimeoutAtEitherEndIsNone()
    {
        using QuicPair pair = Pair("Clean", s => s with { IdleTimeout = 0 }, s => s with { IdleTimeout = 0 }).Connect();
        pair.Network.Run(TimeSpan.FromHours(30));
        Assert.False(pair.HasFailed);
        pair.Open(100, 100);
        pair.Transfer(TimeSpan.FromSeconds(5));
        pair.Close();
    }

    [Fact]
    public void AKeepAliveKeepsIt()
    {
        using QuicPair pair = Pair("Clean", s => s with { KeepAlive = 2_000_000, IdleTimeout = 5_000_000 }).Connect();
        pair.Network.Run(TimeSpan.FromMinutes(5));
        Assert.False(pair.HasFailed);
        Assert.InRange(pair.Forward.Sent, 140, 400);
        pair.Close();
    }

    [Fact]
    public void AServerThatWasStartedAgainSaysSo()
    {
        byte[] key = new byte[32];
        key[0] = 9;
        QuicPeerOptions server = new() { Configure = s => s with { ResetKey = key } };
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), server: server);
        pair.Connect();
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(5));

        // Another endpoint takes the place of the one that the client knows.
        using QuicPeer restarted = new(EndpointRole.Server, server, pair.Pool, 77, pair.ServerHost.Now);
        Queue<PacketBuffer> answers = new();
        pair.Server.Filter = datagram =>
        {
            restarted.Endpoint.Now = pair.ServerHost.Now;
            restarted.Endpoint.Route(datagram);
            while (restarted.Endpoint.TryTakeAnswer(out PacketBuffer? answer))
            {
                answers.Enqueue(answer);
            }

            return false;
        };
        pair.Open(1000, 1000);
        pair.RunUntil(
            () =>
            {
                while (answers.TryDequeue(out PacketBuffer? answer))
                {
                    pair.Client.Receive(answer, pair.ClientHost.Now);
                    answer.Release();
                }

                return pair.Client.Failure is not null;
            },
            TimeSpan.FromSeconds(5));
        Assert.Equal(TransportFailureKind.ForgottenByPeer, pair.Client.Failure!.Kind);
        Assert.Equal(1, pair.Client.Session!.Statistics.StatelessResets);

        // Nothing is sent after that (RFC 9000, 10.3.1).
        long sent = pair.Forward.Sent;
        pair.Client.Session.BeginClose(0, "", Now(pair, pair.Client));
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(sent, pair.Forward.Sent);
        while (answers.TryDequeue(out PacketBuffer? left))
        {
            left.Release();
        }

        pair.Close();
    }

    [Fact]
    public void EndpointsThatKnowNothingOfEachOtherStopTalking()
    {
        // Each answers the other's reset by a shorter one, down to nothing (RFC 9000, 10.3.3).
        using QuicPair pair = Pair("Clean");
        QuicEndpoint[] ends = [new(EndpointRole.Server, pair.Server.Settings), new(EndpointRole.Server, pair.Server.Settings)];
        PacketBuffer? datagram = pair.Pool.Rent();
        datagram.Append(1200).Fill(0x41);
        int count = 0;
        while (datagram is not null)
        {
            ends[count % 2].Route(datagram);
            datagram.Release();
            ends[count++ % 2].TryTakeAnswer(out datagram);
        }

        Assert.InRange(count, 5, 40);
        pair.Close();
    }

    [Fact]
    public void ResetsAreLimitedByTime()
    {
        using QuicPair pair = Pair("Clean");
        QuicEndpoint end = new(EndpointRole.Server, pair.Server.Settings with { AnswersPerSecond = 100 });
        int sent = 0;
        for (int i = 0; i < 20_000; i++)
        {
            end.Now = Timestamp.FromMilliseconds(1000 + (i / 10));
            PacketBuffer datagram = pair.Pool.Rent();
            datagram.Append(100).Fill(0x41);
            end.Route(datagram);
            datagram.Release();
            if (end.TryTakeAnswer(out PacketBuffer? answer))
            {
                sent++;
                Assert.True(answer.Length < 100);
                answer.Release();
            }
        }

        // Two seconds, and what one second saved up.
        Assert.InRange(sent, 290, 310);
        Assert.Equal(20_000 - sent, end.Counters.AnswersWithheld);
        pair.Close();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(60)]
    [InlineData(3600)]
    public void TimeInWhichThisSideDidNotRunJudgesNobody(int seconds)
    {
        // Both machines sleep in the middle of a transfer, for longer than the idle timeout.
        using QuicPair pair = Pair("Clean", s => s with { IdleTimeout = 3_000_000 });
        pair.Connect();
        pair.Open(300_000, 10);
        pair.Network.Run(TimeSpan.FromMilliseconds(50));
        pair.ClientHost.Stop(TimeSpan.FromSeconds(seconds));
        pair.ServerHost.Stop(TimeSpan.FromSeconds(seconds));
        pair.Transfer(TimeSpan.FromSeconds(seconds + 30));
        Assert.True(pair.Client.Session!.Statistics.StalledMicroseconds > (seconds - 4) * 1_000_000L);
        pair.Close();
    }

    private static QuicPair Pair(
        string plan, Func<QuicSettings, QuicSettings>? client = null, Func<QuicSettings, QuicSettings>? server = null) => new(
        FaultPlans.Named(plan, 1),
        new QuicPeerOptions { Configure = client ?? (static s => s) },
        new QuicPeerOptions { Configure = server ?? (static s => s) });

    private static Timestamp Now(QuicPair pair, QuicPeer peer) =>
        ReferenceEquals(peer, pair.Client) ? pair.ClientHost.Now : pair.ServerHost.Now;
}
