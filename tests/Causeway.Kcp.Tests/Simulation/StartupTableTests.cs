using System.Globalization;
using System.Text;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>
/// The first seconds of downloads on a busy machine, over many seeds: no run may stand still or creep. A mean over runs does
/// not show the one in thirty that does.
/// </summary>
public sealed class StartupTableTests
{
    /// <summary>Set to a number of seeds, the test makes the whole table and compares it with the one that is kept.</summary>
    private const string SeedsVariable = "CAUSEWAY_STARTUP_SEEDS";

    private const string Table = "startup.txt";
    private const ulong FirstSeed = 1000;
    private const int FewSeeds = 25;
    private const int Steps = 6;

    // Half seconds from this one on have the path's rate: at least this share of what is possible in each of them.
    private const int FirstFullStep = 3;
    private const double LeastShare = 0.3;

    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(0.5);

    private readonly PacketPool _pool = new();

    public static TheoryData<string> Losses => new(SimulatedLinks.Losses.Select(static loss => loss.Name));

    [Theory]
    [MemberData(nameof(Losses))]
    public void NoDownloadStandsStillOrCreeps(string loss)
    {
        foreach (Run run in Runs(loss, FewSeeds))
        {
            Assert.True(run.IsSteady, $"loss {loss}, seed {run.Seed}: {run}");
        }
    }

    [Theory]
    [InlineData("10%", 1080)]
    [InlineData("10%", 1106)]
    [InlineData("10%", 1196)]
    [InlineData("10%", 1291)]
    [InlineData("10%", 1071)]
    public void SmallRoundsWithLossesDoNotEndStartup(string loss, ulong seed)
    {
        Run run = Measure(loss, seed);
        Assert.True(run.IsSteady, $"loss {loss}, seed {seed}: {run}");
    }

    [Fact]
    public void WorstOfManySeedsAreThoseOfTheStoredTable()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable(SeedsVariable), CultureInfo.InvariantCulture, out int seeds))
        {
            return;
        }

        StringBuilder table = new();
        table.Append(CultureInfo.InvariantCulture, $"# One download over 100 Mbit/s x 50 ms, queue of one round trip, FEC off, on hosts that run late, {seeds} seeds from {FirstSeed}.\n");
        table.Append("# Mbit/s over the three seconds after the first byte; slow: runs in which a half second after the first 1.5 s has less than\n");
        table.Append("# three tenths of what is possible; then the worst run's seed and its half seconds.\n");
        table.Append("loss    possible  median  worst 1%  worst   slow | seed  half seconds\n");
        foreach ((string name, FaultModelOptions _) in SimulatedLinks.Losses)
        {
            Run[] runs = Runs(name, seeds);
            Array.Sort(runs, static (left, right) => left.Megabits.CompareTo(right.Megabits));
            table.Append(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-6}  {Possible(name),8:F1}  {runs[runs.Length / 2].Megabits,6:F1}  {runs[runs.Length / 100].Megabits,8:F1}  "
                + $"{runs[0].Megabits,5:F1}  {runs.Count(static run => !run.IsSteady),5} | {runs[0].Seed,4} {runs[0]}\n"));
        }

        SimulationTable.Check(Table, table.ToString());
    }

    private static double Possible(string loss) => SimulatedLinks.Possible(SimulatedLinks.Make(100, 50, 1, SimulatedLinks.Loss(loss)));

    private Run[] Runs(string loss, int seeds) =>
        SimulationTable.Make([.. Enumerable.Range(0, seeds)], index => Measure(loss, FirstSeed + (ulong)index));

    private Run Measure(string loss, ulong seed)
    {
        FaultModelOptions link = SimulatedLinks.Make(100, 50, 1, SimulatedLinks.Loss(loss));
        FaultPlan plan = new() { Name = "Startup", Seed = seed, Forward = link, Backward = link };
        using SessionPair pair = new(plan, new SessionEndpointOptions { Profile = new KcpProfile() }, pool: _pool);
        pair.ClientHost.Noise = new SchedulingNoise(2 * seed);
        pair.ServerHost.Noise = new SchedulingNoise((2 * seed) + 1);
        SessionStream stream = pair.Open(pair.Client, 100, long.MaxValue / 2);

        // How often the very first datagrams got lost is the network's, and nothing is known yet by which to do better.
        pair.RunUntil(() => stream.Read > 0, TimeSpan.FromMinutes(1));
        double[] megabits = new double[Steps];
        for (int i = 0; i < Steps; i++)
        {
            long before = stream.Read;
            pair.Network.Run(s_step);
            megabits[i] = (stream.Read - before) * 8 / s_step.TotalSeconds / 1e6;
        }

        pair.Check();
        return new Run(seed, megabits, LeastShare * Possible(loss));
    }

    private sealed record Run(ulong Seed, double[] Steps, double Least)
    {
        public double Megabits => Steps.Average();

        public bool IsSteady => Steps.Skip(FirstFullStep).All(step => step >= Least);

        public override string ToString() =>
            string.Concat(Steps.Select(static step => string.Create(CultureInfo.InvariantCulture, $" {step,5:F1}")));
    }
}
