using System.Buffers.Binary;
using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Tests.Paths;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// A listener with several sockets on one port: whichever of them a datagram reaches, it comes to its session, and limits are the
/// listener's.
/// </summary>
public sealed class SharedPortTests
{
    private const int Shards = 4;
    private const string Key = "8f95f09245765f80256934e50c66207f";

    [Theory]
    [InlineData("Clean", "random", false)]
    [InlineData("Clean", "random", true)]
    [InlineData("Clean", Key, false)]
    [InlineData("Clean", Key, true)]
    [InlineData("Clean", "", true)]
    [InlineData("Lossy5", "random", false)]
    [InlineData("Lossy5", Key, true)]
    [InlineData("Reordering", "random", true)]
    [InlineData("Duplicating", "random", false)]
    [InlineData("Duplicating", Key, true)]
    public void DatagramsThatReachSocketsAtRandomAreOneSessions(string plan, string key, bool retries)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using Network net = new(FaultPlans.Named(plan, seed), s => WithIds(s, key) with { Retry = retries ? AddressValidationMode.Always : AddressValidationMode.Never });
            SeededRandom random = new(SeededRandom.Derive(seed, 9));
            net.Server.Kernel = _ => random.Next(Shards);
            net.Connect();
            Assert.True(net.Server.SessionCount == 1, $"seed {seed}: {net.Server.SessionCount} sessions");
            net.Transfer(100_000);
            Assert.True(net.Server.SessionCount == 1, $"seed {seed}: {net.Server.SessionCount} sessions after a transfer");
            Assert.True(net.Server.HandedOver > 20, $"seed {seed}: {net.Server.HandedOver} handed over");
            Assert.Equal(0, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.ResetsSent));
            if (retries)
            {
                // The token of one socket is good at every other.
                Assert.Equal(1, net.Client.Session!.Statistics.Retries);
                Assert.Equal(0, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.TokensRefused));
            }

            net.Close();
        }
    }

    [Theory]
    [InlineData("Clean", "random")]
    [InlineData("Clean", Key)]
    [InlineData("Lossy5", "random")]
    [InlineData("Lossy5", "")]
    public void AClientWhosePortChangesReachesItsSessionByAnotherSocket(string plan, string key)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using Network net = new(FaultPlans.Named(plan, seed), s => WithIds(s, key));
            net.Connect();
            QuicPeer owner = net.Server.Owner;
            Assert.Equal(0, net.Server.HandedOver);
            for (int i = 1; i <= 6; i++)
            {
                byte[] address = new byte[4];
                net.Host.Address.WriteBytes(address);
                net.Host.Rebind(PeerAddress.FromBytes(address, 7000 + i));
                net.Transfer(20_000);
            }

            Assert.True(net.Server.HandedOver > 0);
            Assert.Same(owner, net.Server.Owner);
            Assert.Equal(1, net.Server.SessionCount);
            Assert.True(owner.Session!.Statistics.PathChanges == 6, $"seed {seed}: {owner.Session.Statistics.PathChanges} changes");
            net.Close();
        }
    }

    [Fact]
    public void ASocketKeepsTheClientsThatTheKernelGivesIt()
    {
        // An id that a client chose is not taken for one of this listener's, which would lead one in 85 elsewhere for good.
        using Network net = new(FaultPlans.Named("Clean", 1), static s => s);
        PacketBuffer first = net.TakeFirstDatagram();
        for (int i = 0; i < 5_000; i++)
        {
            // The destination id (RFC 8999, 5.1).
            BinaryPrimitives.WriteInt32BigEndian(first.Payload[6..], i);
            QuicEndpoint endpoint = net.Server.Shards[i % Shards].Endpoint;
            Assert.Equal(RoutingKind.Opening, endpoint.Route(first).Kind);
        }

        first.Release();
    }

    [Theory]
    [InlineData("random", 0)]
    [InlineData("random", 3)]
    [InlineData(Key, 0)]
    [InlineData(Key, 3)]
    public void ASessionThatIsForgottenIsResetWhicheverSocketHears(string key, int heard)
    {
        using Network net = new(FaultPlans.Named("Clean", 1), s => WithIds(s, key));
        net.Connect();
        QuicPeer owner = net.Server.Owner;
        owner.Endpoint.Remove(owner.Session!);
        owner.Session!.Dispose();
        net.Server.Kernel = _ => heard;
        net.Client.Open().Write(1000);
        net.RunUntil(() => net.Client.Failure is not null);
        Assert.Equal(TransportFailureKind.ForgottenByPeer, net.Client.Failure!.Kind);
        Assert.Equal(1, net.Client.Session!.Statistics.StatelessResets);

        // Its own socket says so, which is the only one that knows.
        Assert.True(owner.Endpoint.Counters.ResetsSent >= 1);
        Assert.Equal(owner.Endpoint.Counters.ResetsSent, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.ResetsSent));
    }

    [Theory]
    [InlineData("random")]
    [InlineData(Key)]
    public void AListenerThatWasStartedAgainResetsWhateverTheOldIdsLookLike(string key)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using Network net = new(FaultPlans.Named("Clean", seed), s => WithIds(s, key));
            net.Connect();
            using ShardedServer restarted = new(
                Shards, new QuicPeerOptions { Configure = s => WithIds(s, key) with { Random = new Random((int)seed).NextBytes } }, net.Pool, 77, net.ServerNow);
            net.Replace(restarted);
            net.Client.Open().Write(1000);
            net.RunUntil(() => net.Client.Failure is not null);
            Assert.Equal(TransportFailureKind.ForgottenByPeer, net.Client.Failure!.Kind);
        }
    }

    [Fact]
    public void WhatSocketsReceiveAtOnceBeginsOneSession()
    {
        using Network net = new(FaultPlans.Named("Clean", 1), static s => s);
        PacketBuffer first = net.TakeFirstDatagram();
        QuicEndpoint one = net.Server.Shards[0].Endpoint;
        QuicEndpoint other = net.Server.Shards[1].Endpoint;
        Assert.Equal(RoutingKind.Opening, one.Route(first).Kind);

        // The first has not made its session yet.
        Routing late = other.Route(first);
        Assert.Equal((RoutingKind.OtherEndpoint, 0), (late.Kind, late.Endpoint));
        Assert.Equal(1, net.Server.Port.Handshakes.Count);

        // It was refused a session: the next one may try.
        one.Refuse(GoodbyeReason.ConnectionLimit);
        Assert.True(one.TryTakeAnswer(out PacketBuffer? refusal));
        refusal.Release();
        Assert.Equal((0, 0), (net.Server.Port.Handshakes.Count, net.Server.Port.ClaimCount));
        Assert.Equal(RoutingKind.Opening, other.Route(first).Kind);

        // Its driver turned to something else.
        other.Route(first);
        Assert.Equal((1, 1), (net.Server.Port.Handshakes.Count, net.Server.Port.ClaimCount));
        using QuicSession session = other.Accept(first.Peer, 1, net.ServerNow);
        Assert.Equal((1, 2), (net.Server.Port.Handshakes.Count, net.Server.Port.ClaimCount));
        Assert.Equal(1, one.Route(first).Endpoint);
        Assert.Equal(RoutingKind.Session, other.Route(first).Kind);
        other.Remove(session);
        session.Dispose();
        Assert.Equal((0, 0), (net.Server.Port.Handshakes.Count, net.Server.Port.ClaimCount));
        Assert.Equal(0, net.Server.Port.Handshakes.AddressCount);
        first.Release();
    }

    [Fact]
    public void NothingIsLeftOfASession()
    {
        using Network net = new(FaultPlans.Named("Clean", 1), static s => s);
        net.Connect();

        // The client's choice, so that a copy of its first packet begins nothing; the server's is not needed any more.
        Assert.Equal(1, net.Server.Port.ClaimCount);
        Assert.Equal((0, 0), (net.Server.Port.Handshakes.Count, net.Server.Port.Handshakes.Unvalidated));
        QuicPeer owner = net.Server.Owner;
        owner.Endpoint.Remove(owner.Session!);
        owner.Session!.Dispose();
        Assert.Equal(0, net.Server.Port.ClaimCount);
        Assert.Equal(0, net.Server.Port.Handshakes.AddressCount);
        net.Close();
        Assert.Equal(new byte[16], net.Server.Port.MarkKey.ToArray());
    }

    [Theory]
    [InlineData(10, 1000, 10)]
    [InlineData(1000, 7, 7)]
    public void LimitsOnHandshakesAreForAllSocketsTogether(int most, int mostOfAddress, int expected)
    {
        using Network net = new(
            FaultPlans.Named("Clean", 1),
            s => s with { Retry = AddressValidationMode.Never, MaxHandshakes = most, MaxHandshakesPerAddress = mostOfAddress });
        for (int i = 0; i < 30; i++)
        {
            net.Inject(i);
        }

        Assert.Equal(expected, net.Server.SessionCount);
        Assert.Equal(expected, net.Server.Port.Handshakes.Count);
        Assert.Equal(30 - expected, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.HandshakesRefused));
        Assert.All(net.Server.Shards, static shard => Assert.True(shard.Endpoint.HandshakeCount > 0));
    }

    [Fact]
    public void UnderLoadEverySocketAsksForAProof()
    {
        using Network net = new(FaultPlans.Named("Clean", 1), static s => s with { Retry = AddressValidationMode.UnderLoad, RetryThreshold = 5 });
        for (int i = 0; i < 25; i++)
        {
            net.Inject(i);
        }

        Assert.Equal(5, net.Server.SessionCount);
        Assert.Equal(20, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.RetriesSent));
    }

    [Fact]
    public void AnswersToStrangersAreCountedForAllSocketsTogether()
    {
        using Network net = new(FaultPlans.Named("Clean", 1), static s => s with { AnswersPerSecond = 10 });
        PacketBuffer stranger = net.Pool.Rent();
        stranger.Append(100).Fill(0x41);
        for (int i = 0; i < 40; i++)
        {
            stranger.Payload[8] = (byte)i;
            net.Server.Kernel = _ => i;
            net.Server.Receive(stranger, net.ServerNow);
        }

        Assert.Equal(10, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.ResetsSent));
        Assert.Equal(30, net.Server.Shards.Sum(static shard => shard.Endpoint.Counters.AnswersWithheld));
        stranger.Release();
    }

    [Theory]
    [InlineData(Key, 4)]
    [InlineData("", 1)]
    public void IdsThatShowTheirServerHaveNoSpares(string key, int expected)
    {
        using Network net = new(FaultPlans.Named("Clean", 1), s => WithIds(s, key));
        net.Connect();
        net.Transfer(10_000);

        // Its own first one counts too, and the client's choice of its first.
        Assert.Equal(expected + 1, net.Server.Owner.Endpoint.IdCount);
        net.Close();
    }

    [Fact]
    public void TheLastPlaceIsTakenOnce()
    {
        HandshakeCounts counts = new(Settings() with { Retry = AddressValidationMode.Never, MaxHandshakes = 500, MaxHandshakesPerAddress = 20 });
        int accepted = 0;
        Parallel.For(0, 4000, i =>
        {
            if (counts.TryBegin(PeerAddress.FromBytes([10, 0, 0, (byte)(i % 40)], 1), isValidated: false) == Admission.Accept)
            {
                Interlocked.Increment(ref accepted);
            }
        });
        Assert.Equal(500, accepted);
        Assert.Equal((500, 500), (counts.Count, counts.Unvalidated));
        HandshakeCounts one = new(Settings() with { Retry = AddressValidationMode.Never, MaxHandshakes = 5000, MaxHandshakesPerAddress = 20 });
        PeerAddress address = PeerAddress.FromBytes([10, 0, 0, 1], 1);
        accepted = 0;
        Parallel.For(0, 4000, _ =>
        {
            if (one.TryBegin(address, isValidated: true) == Admission.Accept)
            {
                Interlocked.Increment(ref accepted);
            }
        });
        Assert.Equal(20, accepted);
        Parallel.For(0, 20, _ => one.End(address, isValidated: true));
        Assert.Equal((0, 0, 0), (one.Count, one.Unvalidated, one.AddressCount));
    }

    [Fact]
    public void TheBudgetOfAnswersIsTakenOnce()
    {
        AnswerBudget budget = new(300);
        int taken = 0;
        void TakeAll(Timestamp now) => Parallel.For(0, 2000, _ => Interlocked.Add(ref taken, budget.TryTake(now) ? 1 : 0));
        TakeAll(new Timestamp(0));
        Assert.Equal(300, taken);
        TakeAll(new Timestamp(10_000));
        Assert.Equal(303, taken);
        TakeAll(new Timestamp(60_000_000));
        Assert.Equal(603, taken);
        Assert.False(new AnswerBudget(0).TryTake(new Timestamp(5_000_000)));
    }

    private static QuicSettings WithIds(QuicSettings settings, string key) => key == "random"
        ? settings
        : settings with { Routing = ServerIdReaderTests.Routing(1, key, "0102", key.Length == 0 ? 8 : 14) };

    private static QuicSettings Settings() => new()
    {
        Handshake = static _ => throw new InvalidOperationException("no handshake here"),
        Random = new Random(1).NextBytes,
        Link = new SessionLink(1350, 0, 0, PacketPool.Shared),
    };

    /// <summary>A client, the server, and what is between them.</summary>
    private sealed class Network : IDisposable
    {
        private readonly SimulatedNetwork _network;
        private readonly SimulatedHost _serverHost;
        private readonly SimulatedPath _forward;
        private readonly FaultPlan _plan;
        private readonly Stand _stand;
        private long _written;

        public Network(FaultPlan plan, Func<QuicSettings, QuicSettings> server)
        {
            _plan = plan;
            _network = new SimulatedNetwork(plan.Seed, Pool);
            ulong content = SeededRandom.Derive(plan.Seed, 3);
            Client = new QuicPeer(EndpointRole.Client, new QuicPeerOptions(), Pool, content, _network.Clock.Now);
            Server = new ShardedServer(Shards, new QuicPeerOptions { Configure = server }, Pool, content, _network.Clock.Now);
            _stand = new Stand { Endpoint = Server };
            foreach (QuicPeer shard in Server.Shards)
            {
                shard.OnAccepted = static stream => stream.Write(10_000);
            }

            Host = _network.Attach("client", Client);
            _serverHost = _network.Attach("server", _stand);
            (_forward, _) = _network.Connect(Host, _serverHost, plan);
        }

        public PacketPool Pool { get; } = new(track: true, stackTraces: false);

        public QuicPeer Client { get; }

        public ShardedServer Server { get; }

        public SimulatedHost Host { get; }

        public Timestamp ServerNow => _serverHost.Now;

        public void Connect() => RunUntil(() => Client.Session!.IsConfirmed && Server.Shards.Any(static shard => shard.Session is { IsConfirmed: true }));

        public void Transfer(long bytes)
        {
            SessionStream stream = Client.Open();
            stream.Write(bytes);
            _written += bytes;
            RunUntil(() => stream.Read == 10_000 && Server.Owner.Streams.Values.Sum(static one => one.Read) == _written);
        }

        public void RunUntil(Func<bool> condition)
        {
            Host.Wake();
            _serverHost.Wake();
            _network.RunUntil(
                () => Client.Violation is { } violation ? throw _network.Failure(violation) : condition(), TimeSpan.FromSeconds(60));
        }

        /// <summary>Has another server in the place of this one.</summary>
        public void Replace(ISimulatedEndpoint endpoint)
        {
            _stand.Endpoint = endpoint;
            _serverHost.Wake();
        }

        /// <summary>The client's first datagram, which does not arrive.</summary>
        public PacketBuffer TakeFirstDatagram()
        {
            PacketBuffer? first = null;
            _forward.OnDatagram = (_, datagram, _) =>
            {
                if (first is null)
                {
                    first = Pool.Rent();
                    datagram.Payload.CopyTo(first.Append(datagram.Length));
                    first.Peer = Host.Address;
                }

                return DatagramVerdict.Drop;
            };
            _network.RunUntil(() => first is not null, TimeSpan.FromSeconds(1));
            return first!;
        }

        /// <summary>The first datagram of another client, which reaches one socket or the other.</summary>
        public void Inject(int number)
        {
            using Network other = new(FaultPlans.Named("Clean", 1000 + (ulong)number), static s => s);
            PacketBuffer first = other.TakeFirstDatagram();
            first.Peer = PeerAddress.FromBytes([192, 0, 2, 1], 1024 + number);
            Server.Receive(first, ServerNow);
            first.Release();
        }

        public void Close()
        {
            Dispose();
            Pool.ThrowIfOutstanding();
        }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
            _network.Clear();
        }

        public override string ToString() => _plan.ToString();

        /// <summary>Passes everything on to an endpoint that can be changed.</summary>
        private sealed class Stand : ISimulatedEndpoint
        {
            public required ISimulatedEndpoint Endpoint { get; set; }

            public Timestamp NextDeadline => Endpoint.NextDeadline;

            public void Receive(PacketBuffer datagram, Timestamp now) => Endpoint.Receive(datagram, now);

            public void Turn(Timestamp now, IDatagramOutput output) => Endpoint.Turn(now, output);
        }
    }
}
