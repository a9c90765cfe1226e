using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Causeway.Protocol;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>One bulk transfer with default settings over a matrix of links, as a stored table.</summary>
public sealed class GoodputTableTests
{
    private static readonly (string Name, FaultModelOptions Faults)[] s_losses =
    [
        ("0", new FaultModelOptions()),
        ("1%", new FaultModelOptions { Loss = 0.01 }),
        ("5%", new FaultModelOptions { Loss = 0.05 }),
        ("10%", new FaultModelOptions { Loss = 0.10 }),

        // 3.8 percent in bursts of four datagrams on average.
        ("bursts", new FaultModelOptions { BurstEnter = 0.01, BurstLeave = 0.25 }),
    ];

    [Fact]
    public void GoodputIsThatOfTheStoredTable()
    {
        Case[] cases = [.. Cases()];
        StringBuilder table = new();
        table.Append("# One bulk transfer by one stream over a simulated link that is the same both ways: acknowledgements get lost, too.\n");
        table.Append("# rate in Mbit/s, rtt in ms, queue of one bandwidth-delay product, bursts are 3.8 % in bursts of four on average.\n");
        table.Append("# The first third of the time is start-up and counts for nothing. goodput: new payload that arrived, in Mbit/s; wire: bytes\n");
        table.Append("# sent with IP and UDP headers for each byte of payload; lost and needless: packets that the sender deemed lost, and how\n");
        table.Append("# many of these had arrived; PTO: probe timeouts; acks: datagrams back for each hundred forth.\n");
        table.Append("rate rtt loss    goodput   wire    lost  needless  PTO  acks\n");
        foreach (Row row in Run(cases))
        {
            table.Append(row.Text);
        }

        string difference = StoredTable.Check(Path.Combine(Folder(), "goodput.txt"), table.ToString());
        Assert.True(difference.Length == 0, difference);
    }

    /// <summary>
    /// What a few seconds of losses do is a matter of chance: the mean of several runs counts. At 1 % the goal is 93, and the mean
    /// comes out within a tenth of it on either side.
    /// </summary>
    [Theory]
    [InlineData("0", 94)]
    [InlineData("1%", 92.8)]
    [InlineData("5%", 88.5)]
    [InlineData("10%", 83.5)]
    [InlineData("bursts", 89)]
    public void BulkFillsAPathThatLoses(string loss, double goal)
    {
        Case[] cases = [.. Enumerable.Range(1, loss == "0" ? 1 : 8).Select(seed => new Case(100, 50, loss, (ulong)seed))];
        Row[] rows = Run(cases);
        Assert.True(rows.Average(static row => row.Goodput) >= goal, string.Concat(rows.Select(static row => row.Text)));
        Assert.True(loss != "5%" || rows.Average(static row => row.WirePerPayload) <= 1.12, string.Concat(rows.Select(static row => row.Text)));
    }

    private static IEnumerable<Case> Cases()
    {
        foreach (int roundTrip in (int[])[20, 50, 200])
        {
            foreach ((string loss, _) in s_losses)
            {
                yield return new Case(100, roundTrip, loss, 1);
            }
        }

        foreach ((string loss, _) in s_losses)
        {
            yield return new Case(10, 50, loss, 1);
        }

        yield return new Case(1000, 20, "0", 1);
    }

    private static Row[] Run(Case[] cases)
    {
        Row[] rows = new Row[cases.Length];
        Parallel.For(
            0, cases.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i => rows[i] = Run(cases[i]));
        return rows;
    }

    private static Row Run(Case one)
    {
        long queue = one.Rate * 1_000_000L / 8 * one.RoundTrip / 1000;
        FaultModelOptions link = s_losses.Single(loss => loss.Name == one.Loss).Faults with
        {
            RateBitsPerSecond = one.Rate * 1_000_000L,
            Delay = TimeSpan.FromMilliseconds(one.RoundTrip / 2.0),
            QueueBytes = queue,
        };
        FaultPlan plan = new() { Name = one.ToString(), Seed = one.Seed, Forward = link, Backward = link };
        using QuicPair pair = new(plan, pool: new PacketPool());
        pair.Connect();
        SessionStream stream = pair.Open(1L << 40, 0);
        TimeSpan third = TimeSpan.FromSeconds(one.Rate >= 1000 ? 0.4 : one.RoundTrip >= 200 ? 4 : 3);
        pair.Network.Run(third);
        QuicStream reader = (QuicStream)pair.Server.Streams[stream.Mux.Id].Mux;
        long arrived = reader.Incoming.ReadyEnd + reader.Incoming.Waiting;
        (long sent, long bytes, long back) = (pair.Forward.Sent, pair.Forward.SentBytes, pair.Backward.Sent);
        pair.Network.Run(2 * third);
        if (pair.HasFailed || (pair.Client.Violation ?? pair.Server.Violation) is not null)
        {
            throw pair.Network.Failure(pair.Client.Violation ?? pair.Server.Violation ?? "A session failed");
        }

        long payload = reader.Incoming.ReadyEnd + reader.Incoming.Waiting - arrived;
        double goodput = payload * 8 / (2 * third.TotalSeconds) / 1e6;
        double wire = (double)(pair.Forward.SentBytes - bytes + ((pair.Forward.Sent - sent) * link.OverheadBytes)) / payload;
        double acks = 100.0 * (pair.Backward.Sent - back) / (pair.Forward.Sent - sent);
        LossRecovery recovery = pair.Client.Session!.Recovery;
        return new Row(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{one.Rate,4} {one.RoundTrip,3} {one.Loss,-6}  {goodput,7:F2}  {wire,5:F3}  {recovery.PacketsLost,6}  "
                + $"{recovery.SpuriousLosses,8}  {recovery.ProbeTimeouts,3}  {acks,4:F0}\n"),
            goodput,
            wire);
    }

    private static string Folder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;

    private sealed record Case(int Rate, int RoundTrip, string Loss, ulong Seed);

    private sealed record Row(string Text, double Goodput, double WirePerPayload);
}
