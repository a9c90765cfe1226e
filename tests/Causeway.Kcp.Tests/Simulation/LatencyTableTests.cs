using System.Globalization;
using System.Text;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Requests and responses over whole sessions, as a stored table.</summary>
public sealed class LatencyTableTests
{
    private const string Table = "latency.txt";
    private const int Requests = 20_000;
    private const int Bytes = 200;

    private static readonly FecOptions s_parity = new() { DataShards = 10, ParityShards = 3 };

    private static readonly ArqOptions s_noCopies = new() { CopyThinStreams = false };

    private static readonly ArqOptions s_kcp = s_noCopies with { Recovery = LossRecovery.Kcp };

    private static readonly (string Name, KcpProfile Profile)[] s_profiles =
    [
        ("bbr-once", new KcpProfile { Arq = s_noCopies }),
        ("bbr", new KcpProfile()),
        ("bbr+fec", new KcpProfile { Arq = s_noCopies, Fec = s_parity }),
        ("cubic-once", new KcpProfile { CongestionControl = static size => new CubicController(size), Arq = s_noCopies }),
        ("kcp", new KcpProfile { CongestionControl = static _ => new FixedController(), Arq = s_kcp }),
        ("kcp+fec", new KcpProfile { CongestionControl = static _ => new FixedController(), Arq = s_kcp, Fec = s_parity }),
    ];

    private readonly PacketPool _pool = new();

    [Fact]
    public void LatenciesAreThoseOfTheStoredTable()
    {
        (string Name, FaultModelOptions Faults, string Profile, KcpProfile Settings)[] cases =
        [
            .. SimulatedLinks.Losses.SelectMany(
                static loss => s_profiles.Select(profile => (loss.Name, loss.Faults, profile.Name, profile.Profile))),
        ];
        Row[] rows = SimulationTable.Make(cases, one => Run(one.Faults, one.Settings));
        StringBuilder table = new();
        table.Append(CultureInfo.InvariantCulture, $"# {Requests} requests of {Bytes} bytes, 50 a second over one stream, each answered by as many bytes at once; 20 ms each way, the same loss\n");
        table.Append("# each way, default settings; once: without the second copies that thin streams send; fec: 10 data and 3 parity instead of\n");
        table.Append("# them; kcp: its rules of loss and no congestion control. From the request to the end of its response, in ms.\n");
        table.Append("# wire: bytes for each request with its response, both ways, acknowledgements and IP and UDP headers included;\n");
        table.Append("# times: as a multiple of the first row, which has neither loss nor redundancy.\n");
        table.Append("loss    profile       p50     p90     p99   p99.9     max    wire  times\n");
        for (int i = 0; i < rows.Length; i++)
        {
            Row row = rows[i];
            table.Append(
                CultureInfo.InvariantCulture,
                $"{cases[i].Name,-6}  {cases[i].Profile,-10} {row.At(50),6:F1}  {row.At(90),6:F1}  {row.At(99),6:F1}  {row.At(99.9),6:F1}  "
                + $"{row.At(100),6:F1}  {row.Wire,6:F0}  {row.Wire / rows[0].Wire,5:F2}\n");
        }

        SimulationTable.Check(Table, table.ToString());
    }

    /// <summary>What the stored table, which the test above proves true, holds of the goals.</summary>
    [Fact]
    public void CopiesOfAThinStreamKeepItsTailShortForLittle()
    {
        string[] row = SimulationTable.Rows(Table).Single(static row => row[0] == "5%" && row[1] == "bbr");
        Assert.InRange(double.Parse(row[4], CultureInfo.InvariantCulture), 40, 62);
        Assert.InRange(double.Parse(row[5], CultureInfo.InvariantCulture), 40, 110);
        Assert.InRange(double.Parse(row[^1], CultureInfo.InvariantCulture), 1, 2.2);
    }

    private Row Run(FaultModelOptions faults, KcpProfile profile)
    {
        FaultModelOptions link = faults with { Delay = TimeSpan.FromMilliseconds(20) };
        FaultPlan plan = new() { Name = "Requests", Seed = 1, Forward = link, Backward = link };
        using SessionPair pair = new(plan, new SessionEndpointOptions { Profile = profile }, pool: _pool);
        RequestResponseLoad load = new(pair, Bytes, TimeSpan.FromMilliseconds(20), Requests);
        load.Run(patience: TimeSpan.FromSeconds(30));
        long wire = pair.Forward.SentBytes + pair.Backward.SentBytes
            + ((pair.Forward.Sent + pair.Backward.Sent) * link.OverheadBytes);
        return new Row(load.Microseconds, (double)wire / Requests);
    }

    private sealed record Row(Distribution Microseconds, double Wire)
    {
        public double At(double percent) => Microseconds.Percentile(percent) / 1000.0;
    }
}
