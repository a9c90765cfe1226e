using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Sessions over time: keep-alive, silence, and the rate limit.</summary>
public sealed class SessionLifetimeTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    public static TheoryData<string, int> IdleNetworks => new()
    {
        { "Clean", 1 },
        { "Clean", 2 },
        { "Lossy20", 2 },
    };

    [Theory]
    [MemberData(nameof(IdleNetworks))]
    public void KeepAliveKeepsAnIdleSessionForAnHour(string name, int smux)
    {
        using SessionPair pair = new(FaultPlans.Named(name), Options(SimulatedProfiles.Named("fast", smux)));
        pair.Open(pair.Client, 1_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        long sent = pair.Forward.Sent + pair.Backward.Sent;
        pair.Network.Run(TimeSpan.FromHours(1));
        Assert.False(pair.HasFailed, pair.Network.Failure("An idle session ended").Message);

        // A NOP and its acknowledgement each ten seconds each way, and what was lost of them once more.
        int least = 2 * 360;
        Assert.InRange(pair.Forward.Sent + pair.Backward.Sent - sent, least, name == "Clean" ? 2 * least : 5 * least);
        pair.Open(pair.Client, 20_000, 20_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("normal")]
    public void PeerThatIsGoneFailsTheSessionInTime(string mode)
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named(mode)));
        pair.Open(pair.Client, 10_000, 10_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Forward.Link.Blackout = true;
        pair.Backward.Link.Blackout = true;
        Timestamp start = pair.Network.Clock.Now;
        pair.RunUntil(() => pair.Client.Session.Failure is not null && pair.Server.Session.Failure is not null, s_limit);
        Assert.InRange(pair.Network.Clock.Now - start, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60));
        Assert.NotEqual(TransportFailureKind.Protocol, pair.Client.Session.Failure!.Kind);
        pair.Close();
    }

    [Fact]
    public void PeerThatOnlyAcknowledgesIsAlive()
    {
        KcpProfile profile = SimulatedProfiles.Named("fast");
        KcpProfile silent = profile with
        {
            Mux = profile.Mux with { KeepAliveInterval = TimeSpan.FromHours(1), KeepAliveTimeout = TimeSpan.FromHours(1) },
        };
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(profile), Options(silent));
        pair.Open(pair.Client, 10_000, 10_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Network.Run(TimeSpan.FromMinutes(50));
        Assert.False(pair.HasFailed, pair.Network.Failure("A peer that acknowledges was given up").Message);
        pair.Close();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ServerWithAShortTimeoutKeepsAClientAtDefaults(bool flows)
    {
        KcpProfile profile = SimulatedProfiles.Named("fast");
        KcpProfile strict = profile with
        {
            Mux = profile.Mux with { KeepAliveInterval = TimeSpan.FromSeconds(3), KeepAliveTimeout = TimeSpan.FromSeconds(3) },
        };
        using SessionPair pair = new(FaultPlans.Named("Lossy5"), Options(profile), Options(strict));
        pair.Open(pair.Client, 10_000, flows ? long.MaxValue / 2 : 10_000);
        pair.Network.Run(TimeSpan.FromSeconds(60));
        Assert.False(pair.HasFailed, pair.Network.Failure("A live peer was cut").Message);
        pair.Close();
    }

    [Theory]
    [InlineData(45)]
    [InlineData(49)]
    public void ClientThatWasStoppedGoesOnWithItsStreams(int seconds)
    {
        for (int phase = 0; phase < 12; phase++)
        {
            using SessionPair pair = new(FaultPlans.Named("Clean", (ulong)phase), Options(SimulatedProfiles.Named("fast")));
            pair.Open(pair.Client, 10_000, 10_000);
            Assert.True(pair.Transfer(s_limit).IsComplete);
            pair.Network.Run(TimeSpan.FromSeconds(phase * 2.7));

            TimeSpan rtt = pair.Client.Session.Arq.Statistics.SmoothedRtt;
            pair.ClientHost.Stop(TimeSpan.FromSeconds(seconds));
            pair.Network.Run(TimeSpan.FromSeconds(seconds));
            Assert.False(pair.HasFailed, pair.Network.Failure($"phase {phase}: a stopped client was given up").Message);
            pair.Open(pair.Client, 20_000, 20_000);
            Assert.True(pair.Transfer(TimeSpan.FromSeconds(2)).IsComplete, pair.Network.Failure("It does not go on").Message);
            Assert.InRange(pair.Client.Session.Arq.Statistics.SmoothedRtt, rtt / 2, rtt * 2);
            pair.Close();
        }
    }

    /// <remarks>
    /// Longer than the time after which silence is a verdict: the client may not count what it slept through, and its server,
    /// which waits for nothing but the next bytes, has nothing to judge by.
    /// </remarks>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ClientThatWasStoppedWithDataWaitingGoesOnWithTheSameStreamAtBothEnds(int smux)
    {
        const int Upload = 40_000_000;
        for (int phase = 0; phase < 8; phase++)
        {
            using SessionPair pair = new(FaultPlans.Named("Clean", (ulong)phase), Options(SimulatedProfiles.Named("fast", smux)));
            SessionStream upload = pair.Open(pair.Client, Upload, 1_000);
            pair.Network.Run(TimeSpan.FromMilliseconds(700 + (37 * phase)));
            SessionStream accepted = Assert.Single(pair.Server.Streams.Values);
            Assert.True(accepted.Read is > 0 and < Upload, pair.Network.Failure("Nothing waits").Message);

            pair.ClientHost.Stop(TimeSpan.FromSeconds(45));
            pair.Network.Run(TimeSpan.FromSeconds(45));
            Assert.False(pair.HasFailed, pair.Network.Failure($"phase {phase}: a stopped client was given up").Message);
            Assert.True(pair.Transfer(s_limit).IsComplete, pair.Network.Failure("It does not go on").Message);
            Assert.Same(upload, Assert.Single(pair.Client.Streams.Values));
            Assert.Same(accepted, Assert.Single(pair.Server.Streams.Values));
            Assert.False(pair.HasFailed);
            pair.Close();
        }
    }

    [Fact]
    public void ServerWithDataWaitingGivesAStoppedClientUpAfterItsTimeout()
    {
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(SimulatedProfiles.Named("fast")));
        pair.Open(pair.Client, 1_000, long.MaxValue / 2);
        pair.Network.Run(TimeSpan.FromSeconds(2));
        pair.ClientHost.Stop(TimeSpan.FromSeconds(40));
        pair.Network.Run(TimeSpan.FromSeconds(39));
        Assert.Equal(TransportFailureKind.DeadLink, pair.Server.Session.Failure?.Kind);
        Assert.Null(pair.Client.Session.Failure);
        pair.Close();
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public void OtherMuxVersionIsAProtocolFailureAndNotAHang(int client, int server)
    {
        using SessionPair pair = new(
            FaultPlans.Named("Lossy5"), Options(SimulatedProfiles.Named("fast", client)), Options(SimulatedProfiles.Named("fast", server)));
        pair.Open(pair.Client, 10_000, 0);
        pair.RunUntil(() => pair.Server.Session.Failure is not null, TimeSpan.FromSeconds(10));
        Assert.Equal(TransportFailureKind.Protocol, pair.Server.Session.Failure!.Kind);
        pair.Close();
    }

    [Theory]
    [InlineData(100_000, "Clean", false)]
    [InlineData(500_000, "Clean", true)]
    [InlineData(500_000, "Lossy5", true)]
    [InlineData(30_000, "Instant", false)]
    public void RateLimitHoldsToWithinItsBurst(long rate, string name, bool usesFec)
    {
        const int Parity = 3;
        KcpProfile profile = SimulatedProfiles.Named(
            "fast3", fec: usesFec ? new FecOptions { DataShards = 10, ParityShards = Parity } : null);
        using SessionPair pair = new(FaultPlans.Named(name), Options(profile with { RateLimit = rate }), Options(profile));

        // The bucket of the specification (10.5), beside the session's own: what left may overdraw it by one datagram and
        // the parity that belongs to it.
        double balance = RateLimiter.DefaultBurst;
        double lowest = balance;
        Timestamp last = pair.Network.Clock.Now;
        pair.Forward.OnDatagram = (_, datagram, now) =>
        {
            balance = Math.Min(RateLimiter.DefaultBurst, balance + (now.MicrosecondsSince(last) * (rate / 1e6)));
            last = now;
            balance -= datagram.Length;
            lowest = Math.Min(lowest, balance);
            return DatagramVerdict.Pass;
        };
        pair.Open(pair.Client, long.MaxValue / 2, 5_000_000);
        TimeSpan duration = TimeSpan.FromSeconds(20);
        pair.Network.Run(duration);
        pair.Check();
        Assert.False(pair.HasFailed);
        Assert.InRange(lowest, -(1 + Parity) * (double)profile.Mtu, 0);
        double most = (rate * duration.TotalSeconds) + RateLimiter.DefaultBurst;
        Assert.InRange(pair.Forward.SentBytes, 0.98 * most, most + ((1 + Parity) * profile.Mtu));
        pair.Close();
    }

    [Fact]
    public void RateLimitOfOneDirectionLeavesTheOtherAlone()
    {
        FaultPlan plan = new()
        {
            Name = "Fat",
            Forward = new FaultModelOptions { RateBitsPerSecond = 80_000_000, Delay = TimeSpan.FromMilliseconds(5) },
            Backward = new FaultModelOptions { RateBitsPerSecond = 80_000_000, Delay = TimeSpan.FromMilliseconds(5) },
        };
        KcpProfile profile = SimulatedProfiles.Named("fast3");
        using SessionPair pair = new(plan, Options(profile), Options(profile with { RateLimit = 200_000 }));
        pair.Open(pair.Client, 5_000_000, 0);
        TransferResult result = pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.True(result.IsComplete);
        Assert.InRange(result.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        pair.Close();
    }

    private static SessionEndpointOptions Options(KcpProfile profile) => new() { Profile = profile };
}
