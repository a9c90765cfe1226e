using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>
/// Whole datagrams of a real exchange, changed at random and given to live sessions, with no crypt to stop them.
/// </summary>
public sealed class SessionFuzzTests
{
    private const int Inputs = 100_000;
    private const int Streams = 6;

    // Two windows each way in each of two sessions, the groups of forward error correction, and what is under way.
    private const int MaxBuffers = 4_000;

    public static TheoryData<bool, int> Settings => new()
    {
        { false, 1 },
        { false, 2 },
        { true, 2 },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void ChangedDatagramsNeverThrowAndSessionsGoOnOrFailInOrder(bool usesFec, int smux)
    {
        SessionEndpointOptions options = new()
        {
            Profile = SimulatedProfiles.Named(
                "fast3", smux, window: 256, usesFec ? new FecOptions { DataShards = 5, ParityShards = 2 } : null),
        };
        List<byte[]> corpus = Record(options);
        PacketPool pool = new(track: true, stackTraces: false);
        FaultPlan plan = FaultPlans.Named("Lossy1", seed: 21);
        SessionPair pair = NewPair(plan, options, pool);
        SeededRandom random = new(77);
        int failures = 0;
        int ends = 0;
        Mutator.Run(
            corpus,
            Inputs / Settings.Count,
            seed: (ulong)smux + (usesFec ? 10u : 0u),
            input =>
            {
                bool toServer = random.Chance(0.5);
                Inject(pair, toServer, input);
                pair.Network.Run(TimeSpan.FromMicroseconds(random.Between(1, 400)));
                if (pair.HasFailed)
                {
                    failures++;
                    AssertEndsInOrder(pair, input);
                }

                if (pair.HasFailed || (pair.IsAllRead && random.Chance(0.02)))
                {
                    ends++;
                    pair.Close();
                    pair = NewPair(plan with { Seed = (ulong)ends }, options, pool);
                }
            },
            new FuzzOptions { MaxLength = 1500, Measure = () => pool.Outstanding, MeasureLimit = MaxBuffers });
        pair.Close();

        // Some changes must have reached the streams, or the test would not have come far.
        Assert.InRange(failures, 10, Inputs);
    }

    private static SessionPair NewPair(FaultPlan plan, SessionEndpointOptions options, PacketPool pool)
    {
        SessionPair pair = new(plan, options, pool: pool);
        for (int i = 0; i < Streams; i++)
        {
            pair.Open(pair.Client, 20_000, 20_000);
        }

        return pair;
    }

    private static List<byte[]> Record(SessionEndpointOptions options)
    {
        List<byte[]> datagrams = [];
        using SessionPair pair = NewPair(FaultPlans.Named("Lossy5"), options, new PacketPool());
        DatagramInterceptor record = (_, datagram, _) =>
        {
            datagrams.Add(datagram.Payload.ToArray());
            return DatagramVerdict.Pass;
        };
        pair.Forward.OnDatagram = record;
        pair.Backward.OnDatagram = record;
        Assert.True(pair.Transfer(TimeSpan.FromMinutes(1)).IsComplete);
        pair.CloseStreams(TimeSpan.FromMinutes(1));
        return datagrams;
    }

    // What the applications see is not checked: without a crypt, a changed byte is a changed byte.
    private static void Inject(SessionPair pair, bool toServer, ReadOnlySpan<byte> input)
    {
        PacketBuffer datagram = pair.Pool.Rent();
        input.CopyTo(datagram.Append(input.Length));
        SimulatedHost host = toServer ? pair.ServerHost : pair.ClientHost;
        datagram.Peer = (toServer ? pair.ClientHost : pair.ServerHost).Address;
        host.Endpoint.Receive(datagram, host.Now);
        host.Wake();
        datagram.Release();
    }

    // A failed session still answers every call of its contract, sends and keeps nothing more, and keeps its reason.
    private static void AssertEndsInOrder(SessionPair pair, ReadOnlySpan<byte> input)
    {
        foreach (SessionEndpoint endpoint in (SessionEndpoint[])[pair.Client, pair.Server])
        {
            KcpSession session = endpoint.Session;
            if (session.Failure is not { } failure)
            {
                continue;
            }

            Timestamp now = endpoint == pair.Client ? pair.ClientHost.Now : pair.ServerHost.Now;
            PacketBuffer datagram = pair.Pool.Rent();
            input.CopyTo(datagram.Append(input.Length));
            session.Input(datagram, now);
            datagram.Release();
            session.Deliver(now);
            while (session.Streams.TryReadEvent(out _))
            {
            }

            PacketBatch batch = new(8);
            for (int i = 0; session.Flush(batch, default, now); i++)
            {
                Assert.InRange(i, 0, 1000);
                batch.ReleaseAll();
            }

            batch.ReleaseAll();
            Assert.Same(failure, session.Failure);
            Assert.True(session.Streams.Failure is null || session.Streams.TryOpen(now) is null);
        }
    }
}
