using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Everything at once, drawn by a seed: faults, Retry, versions, moves, key updates, repeated packets.</summary>
public sealed class MixedTests
{
    /// <summary>How many seeds; a command that runs many sets it.</summary>
    private static readonly int s_seeds =
        int.TryParse(Environment.GetEnvironmentVariable("CAUSEWAY_MIXED_SEEDS"), out int seeds) ? seeds : 25;

    /// <summary>Seeds that found something once.</summary>
    private static readonly ulong[] s_found = [38, 101, 241, 296, 331, 5017, 5748, 8787, 8935];

    [Fact]
    public void EveryByteArrivesWhateverHappens()
    {
        List<string> failures = [];
        foreach (ulong seed in Enumerable.Range(1, s_seeds).Select(static seed => (ulong)seed).Concat(s_found))
        {
            try
            {
                Run(seed);
            }
            catch (Exception e) when (e is SimulationException or Xunit.Sdk.XunitException or InvalidOperationException)
            {
                failures.Add($"seed {seed}: {string.Join(" | ", e.Message.Split('\n').Take(5))}");
            }
        }

        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static void Run(ulong seed)
    {
        SeededRandom random = new(seed);
        QuicVersion[][] versions =
        [
            [QuicVersion.V1, QuicVersion.V2], [QuicVersion.V2, QuicVersion.V1], [QuicVersion.V1], [QuicVersion.V2],
        ];
        QuicVersion[] client = versions[random.Next(2)];
        FaultPlan plan = FaultPlans.Random(seed);

        // Nothing protects Version Negotiation from a path that changes bits.
        QuicVersion[] server = versions[random.Next(plan.Corrupts ? 2 : 4)];
        AddressValidationMode retry = random.Next(2) == 0 ? AddressValidationMode.Always : AddressValidationMode.UnderLoad;
        int clientId = random.Next(3) * 8;
        using QuicPair pair = new(
            plan,
            new QuicPeerOptions { Configure = s => s with { Versions = client, IdLength = clientId, HandshakeTimeout = 0, IdleTimeout = 0, KeepAlive = 1_000_000 } },
            new QuicPeerOptions { Configure = s => s with { Versions = server, Retry = retry, HandshakeTimeout = 0, IdleTimeout = 0 } });
        Repeat(pair, pair.Forward, pair.Server, random);
        Repeat(pair, pair.Backward, pair.Client, random);
        pair.Connect(TimeSpan.FromMinutes(3));
        if (pair.Client.Failure?.ErrorCode == (long)TransportErrorCode.InvalidToken)
        {
            // The address changed between Retry and token.
            return;
        }

        Assert.False(pair.HasFailed, $"{pair.Client} / {pair.Server}");
        for (int i = 0; i < 3; i++)
        {
            pair.Open(random.Next(200_000), random.Next(200_000));
        }

        for (int i = 0; i < 6; i++)
        {
            int what = random.Next(3);
            pair.Network.Schedule(TimeSpan.FromMilliseconds(random.Next(3000)), "event", () =>
            {
                switch (what)
                {
                    case 0:
                        pair.ClientHost.Rebind();
                        break;
                    case 1:
                        pair.Client.Session!.UpdateKeys();
                        break;
                    default:
                        pair.Server.Session!.UpdateKeys();
                        break;
                }
            });
        }

        pair.Transfer(TimeSpan.FromMinutes(20));
        pair.Close();
    }

    private static void Repeat(QuicPair pair, SimulatedPath path, QuicPeer to, SeededRandom random) =>
        path.OnDatagram = (_, datagram, _) =>
        {
            if (random.Next(20) == 0)
            {
                byte[] bytes = datagram.Payload.ToArray();
                pair.Network.Schedule(TimeSpan.FromMilliseconds(random.Next(1000)), "again", () =>
                {
                    bool toServer = ReferenceEquals(to, pair.Server);
                    PacketBuffer copy = pair.Pool.Rent();
                    bytes.CopyTo(copy.Append(bytes.Length));
                    copy.Peer = toServer ? pair.ClientHost.Address : pair.ServerHost.Address;
                    to.Receive(copy, toServer ? pair.ServerHost.Now : pair.ClientHost.Now);
                    copy.Release();
                });
            }

            return DatagramVerdict.Pass;
        };
}
