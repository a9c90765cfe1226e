using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Goodbyes of sessions in virtual time (docs/design/goodbye.md).</summary>
public sealed class SessionGoodbyeTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    public static TheoryData<string, bool> Networks => new()
    {
        { "Clean", false },
        { "Lossy5", false },
        { "Lossy5", true },
        { "Reordering", true },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void GoodbyeEndsThePeersSessionAndIsAnswered(string network, bool fec)
    {
        KcpProfile profile = SimulatedProfiles.Named(
            "fast", fec: fec ? new FecOptions { DataShards = 10, ParityShards = 3 } : null);
        using SessionPair pair = new(FaultPlans.Named(network), Options(profile));
        pair.Open(pair.Client, 50_000, 20_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        Timestamp start = pair.Network.Clock.Now;
        BeginClose(pair, pair.Client, GoodbyeReason.Closed);
        pair.RunUntil(() => pair.Client.Session.IsDrained && pair.Server.Session.Failure is not null, s_limit);
        Assert.InRange(pair.Network.Clock.Now - start, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        TransportFailure failure = pair.Server.Session.Failure!;
        Assert.Equal((TransportFailureKind.ClosedByPeer, true, GoodbyeReason.Closed), (failure.Kind, failure.IsByPeer, failure.Goodbye));
        Assert.Null(pair.Client.Session.Failure);
        pair.Close();
    }

    [Fact]
    public void GoodbyesThatCrossEndBothWithoutAWait()
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        long sent = pair.Forward.Sent + pair.Backward.Sent;
        BeginClose(pair, pair.Client, GoodbyeReason.Closed);
        BeginClose(pair, pair.Server, GoodbyeReason.Closed);
        pair.RunUntil(() => pair.Client.Session.IsDrained && pair.Server.Session.IsDrained, TimeSpan.FromSeconds(1));
        Assert.InRange(pair.Forward.Sent + pair.Backward.Sent - sent, 2, 4);
        pair.Close();
    }

    [Fact]
    public void GoodbyeThatNobodyAnswersIsSaidThreeTimesAndGivenUp()
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Forward.Link.Blackout = true;
        long sent = pair.Forward.Sent;
        BeginClose(pair, pair.Client, GoodbyeReason.Closed);
        pair.RunUntil(() => pair.Client.Session.IsDrained, TimeSpan.FromSeconds(2));
        pair.Network.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(3, pair.Forward.Sent - sent);
        Assert.Null(pair.Server.Session.Failure);

        // A lost goodbye ends as it always did.
        pair.RunUntil(() => pair.Server.Session.Failure is not null, s_limit);
        Assert.NotEqual(TransportFailureKind.ClosedByPeer, pair.Server.Session.Failure!.Kind);
        pair.Close();
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public void WhoSpeaksAnotherVersionIsTold(int client, int server)
    {
        using SessionPair pair = new(
            FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast", client)), Options(SimulatedProfiles.Named("fast", server)));
        pair.Open(pair.Client, 10_000, 0);
        pair.RunUntil(() => pair.Client.Session.Failure is not null, TimeSpan.FromSeconds(1));
        TransportFailure failure = pair.Client.Session.Failure!;
        Assert.Equal(
            (TransportFailureKind.Protocol, true, GoodbyeReason.VersionMismatch), (failure.Kind, failure.IsByPeer, failure.Goodbye));
        Assert.Equal(GoodbyeReason.VersionMismatch, pair.Server.Session.Failure!.Goodbye);
        Assert.False(pair.Server.Session.Failure!.IsByPeer);
        pair.Close();
    }

    [Fact]
    public void WhatWasSentBeforeAGoodbyeIsReadToItsEnd()
    {
        // The reader holds all that it may, and more waits below, when the goodbye comes.
        KcpProfile profile = new() { Mux = new SmuxOptions { Version = 1, ReceiveBuffer = 64 << 10, StreamBuffer = 64 << 10 } };
        PacketPool pool = new(track: true, stackTraces: false);
        using KcpSession client = New(profile, EndpointRole.Client, pool);
        using KcpSession server = New(profile, EndpointRole.Server, pool);
        PacketBatch batch = new(16);
        Timestamp now = Timestamp.FromMilliseconds(1);
        TransportStream stream = client.Streams.TryOpen(now)!;
        byte[] sent = [.. Enumerable.Range(0, 200_000).Select(static i => (byte)(i * 7))];
        using BufferedStreamSource source = new(pool, sent.Length);
        stream.Source = source;
        source.Write(sent);
        stream.NotifyWritable();
        stream.FinishWrites();
        for (int i = 0; i < 2_000 && !client.IsIdle; i++)
        {
            now = now.AddMicroseconds(5_000);
            Exchange(client, server, batch, now);
            server.Deliver(now);
            Exchange(server, client, batch, now);
            client.Deliver(now);
        }

        Assert.True(client.IsIdle);
        Assert.False(server.Streams.CanReceive);
        client.BeginClose(GoodbyeReason.Closed, now);
        Exchange(client, server, batch, now);
        server.Deliver(now);
        Assert.Equal(TransportFailureKind.ClosedByPeer, server.Failure?.Kind);
        Assert.Equal(sent, ReadAll(server));
        batch.Trim();
    }

    [Fact]
    public void AnswerThatAnotherEndProvokedDoesNotEndALiveSession()
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        Hear(pair, pair.Client, new Goodbye(GoodbyeReason.UnknownConversation, IsAnswer: true));
        pair.Network.Run(TimeSpan.FromSeconds(5));
        Assert.False(pair.HasFailed);
        pair.Open(pair.Client, 10_000, 10_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    [Fact]
    public void AnswerOfAServerThatForgotEndsTheSessionAfterTwoRoundTrips()
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Backward.Link.Blackout = true;
        Timestamp start = pair.Network.Clock.Now;
        Hear(pair, pair.Client, new Goodbye(GoodbyeReason.UnknownConversation, IsAnswer: true));
        pair.RunUntil(() => pair.Client.Session.Failure is not null, TimeSpan.FromSeconds(1));
        Assert.Equal(TransportFailureKind.ForgottenByPeer, pair.Client.Session.Failure!.Kind);
        TimeSpan rtt = pair.Client.Session.Arq.Statistics.SmoothedRtt;
        Assert.InRange(pair.Network.Clock.Now - start, TimeSpan.Zero, (3 * rtt) + TimeSpan.FromMilliseconds(25));
        pair.Close();
    }

    [Fact]
    public void ForeignPeerIsToldNothing()
    {
        // What acknowledges without the mark, and has no half-close, is a kcptun.
        KcpProfile foreign = SimulatedProfiles.Named("fast");
        foreign = foreign with
        {
            Arq = foreign.Arq with { Recovery = Causeway.Kcp.Arq.LossRecovery.Kcp },
            Mux = foreign.Mux with { HalfCloseExtension = false },
        };
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")), Options(foreign));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        long sent = pair.Forward.Sent;
        BeginClose(pair, pair.Client, GoodbyeReason.Closed);
        Assert.True(pair.Client.Session.IsDrained);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(sent, pair.Forward.Sent);
        pair.Close();
    }

    private static SessionEndpointOptions Options(KcpProfile profile) => new() { Profile = profile };

    private static KcpSession New(KcpProfile profile, EndpointRole role, PacketPool pool) =>
        new(conversationId: 9, role, profile, profile.Mtu, 0, 0, pool, Timestamp.FromMilliseconds(1));

    private static void BeginClose(SessionPair pair, SessionEndpoint endpoint, GoodbyeReason reason)
    {
        endpoint.Session.BeginClose(reason, Now(pair, endpoint));
        pair.WakeBoth();
    }

    private static void Hear(SessionPair pair, SessionEndpoint endpoint, Goodbye goodbye)
    {
        PacketBuffer datagram = pair.Pool.Rent();
        goodbye.Write(datagram.Append(Goodbye.DatagramSize), endpoint.Session.Arq.ConversationId);
        endpoint.Session.Input(datagram, Now(pair, endpoint));
        datagram.Release();
        pair.WakeBoth();
    }

    private static Timestamp Now(SessionPair pair, SessionEndpoint endpoint) =>
        (endpoint == pair.Client ? pair.ClientHost : pair.ServerHost).Now;

    private static void Exchange(KcpSession from, KcpSession to, PacketBatch batch, Timestamp now)
    {
        bool more;
        do
        {
            more = from.Flush(batch, default, now);
            foreach (PacketBuffer datagram in batch.Span)
            {
                to.Input(datagram, now);
            }

            batch.ReleaseAll();
        }
        while (more);
    }

    private static byte[] ReadAll(KcpSession session)
    {
        List<byte> read = [];
        TransportStream? stream = null;
        while (session.Streams.TryReadEvent(out StreamEvent e))
        {
            stream ??= e.Stream;
        }

        while (stream!.TryRead(out PacketSlice slice))
        {
            read.AddRange(slice.Span.ToArray());
            slice.Release();
        }

        return [.. read];
    }
}
