using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// Streams over a network and between settings that a seed draws: every byte arrives once and in order, and every stream ends
/// without a trace, or the connection says in time why it could not.
/// </summary>
internal static class RandomRun
{
    // CUBIC and NewReno take their time where a fifth gets lost.
    private static readonly TimeSpan s_limit = TimeSpan.FromHours(2);

    /// <summary>Runs a seed.</summary>
    /// <returns>How it ended.</returns>
    /// <exception cref="Exception">Something is wrong; the message says what.</exception>
    public static RandomOutcome Run(ulong seed)
    {
        SeededRandom random = new(SeededRandom.Derive(seed, 0x9E));
        QuicPeerOptions client = Options(random);
        QuicPeerOptions server = Options(random);
        SeededRandom extras = new(SeededRandom.Derive(seed, 0xFEC));
        client = WithFec(client, extras);
        server = WithFec(server, extras);
        using QuicPair pair = new(FaultPlans.Random(seed), client, server);
        pair.Network.Description = $"client {client.DatagramSize}, server {server.DatagramSize}; {FaultPlans.Random(seed)}";
        if (!TryConnect(pair))
        {
            pair.Close();
            return RandomOutcome.NotConnected;
        }

        int streams = random.Between(1, 30);
        int most = random.Chance(0.2) ? 400_000 : random.Between(1, 20_000);
        for (int i = 0; i < streams; i++)
        {
            pair.Open(random.Between(0, most), random.Between(0, most));
        }

        using RandomDatagrams datagrams = new(pair, extras);
        pair.RunUntil(() => datagrams.Check() && (pair.HasFailed || pair.IsAllRead), s_limit);
        if (!pair.HasFailed)
        {
            End(pair);
        }

        if (pair.HasFailed && !IsAccepted(pair, FaultPlans.Random(seed)))
        {
            throw pair.Network.Failure("A session failed");
        }

        RandomOutcome outcome = pair.HasFailed ? RandomOutcome.NotConnected : RandomOutcome.Complete;
        pair.Close();
        return outcome;
    }

    // A link that turns bad leaves that state by a chance for each datagram, so that it may swallow all the probes of an idle
    // timeout.
    private static bool IsAccepted(QuicPair pair, FaultPlan plan)
    {
        const double Stubborn = 0.15;
        bool isStubborn = IsStubborn(plan.Forward) || IsStubborn(plan.Backward)
            || plan.Changes.Any(static change => change.Forward is { } forward && IsStubborn(forward))
            || plan.Changes.Any(static change => change.Backward is { } backward && IsStubborn(backward));
        return isStubborn && (pair.Client.Failure ?? pair.Server.Failure)!.Kind == TransportFailureKind.IdleTimeout;

        static bool IsStubborn(FaultModelOptions link) => link.BurstEnter > 0 && link.BurstLeave < Stubborn;
    }

    private static QuicPeerOptions Options(SeededRandom random)
    {
        int controller = random.Next(5);
        long budget = random.Chance(0.2) ? random.Between(128 << 10, 1 << 20) : 64 << 20;
        bool usesVersion2First = random.Chance(0.2);
        return new QuicPeerOptions
        {
            Client = PeerCredentials.Client,
            Server = PeerCredentials.Server,
            DatagramSize = random.Between(1200, 1500),
            Configure = settings => settings with
            {
                MemoryBudget = budget,

                // A client that is silent behind a NAT which has forgotten it can be found by nobody.
                KeepAlive = 5_000_000,
                BidirectionalStreams = 64,
                Versions = usesVersion2First ? [QuicVersion.V2, QuicVersion.V1] : [QuicVersion.V1, QuicVersion.V2],
                CongestionControl = controller switch
                {
                    0 => static size => new CubicController(size),
                    1 => static size => new NewRenoController(size),
                    _ => static size => new BbrController(size),
                },
            },
        };
    }

    private static QuicPeerOptions WithFec(QuicPeerOptions options, SeededRandom random)
    {
        QuicFecOptions fec = random.Chance(0.25)
            ? QuicFecOptions.Off
            : new QuicFecOptions { Window = random.Between(1, 128), MaxOverhead = random.Between(1, 100) / 100.0 };
        Func<QuicSettings, QuicSettings> configure = options.Configure;
        return options with { Configure = settings => configure(settings) with { Fec = fec } };
    }

    // A network may be dead or hopeless for as long as a handshake may take.
    private static bool TryConnect(QuicPair pair)
    {
        pair.Connect(TimeSpan.FromSeconds(60));
        if (!pair.HasFailed)
        {
            return true;
        }

        TransportFailure failure = (pair.Client.Failure ?? pair.Server.Failure)!;
        bool isInTime = pair.Network.Clock.Now.Microseconds <= 45_000_000;
        return isInTime && failure.Kind is TransportFailureKind.DeadLink or TransportFailureKind.IdleTimeout
            or TransportFailureKind.ClosedByPeer
            ? false
            : throw pair.Network.Failure($"The handshake failed: {failure}");
    }

    private static void End(QuicPair pair)
    {
        foreach (SessionStream stream in (SessionStream[])[.. pair.Client.Streams.Values, .. pair.Server.Streams.Values])
        {
            stream.Mux.FinishWrites();
        }

        pair.RunUntil(
            () => pair.HasFailed || (pair.Client.Session!.Streams.StreamCount == 0 && pair.Server.Session!.Streams.StreamCount == 0),
            s_limit);
    }
}

/// <summary>How a <see cref="RandomRun"/> ended, if nothing was wrong.</summary>
internal enum RandomOutcome
{
    /// <summary>Everything arrived.</summary>
    Complete,

    /// <summary>The network was too bad for a handshake, and the connection said so.</summary>
    NotConnected,
}
