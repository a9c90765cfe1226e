using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>What it is good for that loss detection waits for parity; docs/design/path-report.md has the figures.</summary>
public sealed class RepairDelayTests
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(3);

    [Fact]
    public void WaitingForParityCostsNoGoodput()
    {
        long readAtOnce = 0;
        long readWaiting = 0;
        long needlessAtOnce = 0;
        long needlessWaiting = 0;
        foreach (string loss in (string[])["5%", "bursts"])
        {
            for (ulong seed = 1; seed <= 3; seed++)
            {
                Run(loss, seed, waits: false, ref readAtOnce, ref needlessAtOnce);
                Run(loss, seed, waits: true, ref readWaiting, ref needlessWaiting);
            }
        }

        // Since acknowledgements behind a gap are repeated, hardly anything arrives twice either way: of some 25 000 segments
        // less than two in a thousand.
        const int Segment = 1300;
        Assert.InRange(needlessAtOnce, 0, readAtOnce / Segment / 500);
        Assert.InRange(needlessWaiting, 0, readWaiting / Segment / 500);
        Assert.InRange(readWaiting, readAtOnce * 0.995, long.MaxValue);
    }

    private static void Run(string loss, ulong seed, bool waits, ref long read, ref long needless)
    {
        FaultModelOptions link = SimulatedLinks.Make(megabits: 20, roundTrip: 40, queue: 2, SimulatedLinks.Loss(loss));
        FaultPlan plan = new() { Name = loss, Seed = seed, Forward = link, Backward = link with { Loss = 0, BurstEnter = 0 } };
        SessionEndpointOptions options = new()
        {
            Profile = new KcpProfile
            {
                Fec = FecOptions.Auto,
                Arq = new ArqOptions { SendWindow = 8192, ReceiveWindow = 8192 },
                CongestionControl = static segmentSize => new BbrController(segmentSize),
            },
        };
        using SessionPair pair = new(plan, options, pool: new PacketPool());
        pair.Client.Session.WaitsForRepair = waits;
        SessionStream stream = pair.Open(pair.Client, long.MaxValue / 2, 0);
        pair.Network.Run(s_duration);
        pair.Check();
        Assert.Equal(waits, pair.Client.Session.Arq.RepairDelayMicroseconds > 0);
        read += pair.Server.Streams[stream.Mux.Id].Read;
        needless += pair.Server.Session.Arq.Statistics.Repeated;
    }
}
