using Causeway.Protocol;
using Causeway.Quic.Tests.Paths;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Servers behind a load balancer that reads their ids and remembers nothing (draft-ietf-quic-load-balancers, 4.2).</summary>
public sealed class LoadBalancerTests
{
    private const string Key = "8f95f09245765f80256934e50c66207f";

    [Theory]
    [InlineData("Clean", Key, 13, false)]
    [InlineData("Clean", Key, 6, true)]
    [InlineData("Clean", "", 8, false)]
    [InlineData("Lossy5", Key, 13, true)]
    [InlineData("Reordering", Key, 9, false)]
    public void AClientThatMovesReachesTheSameServer(string plan, string key, int nonce, bool retries)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            PacketPool pool = new(track: true, stackTraces: false);
            SimulatedNetwork network = new(seed, pool);
            ulong content = SeededRandom.Derive(seed, 3);
            using QuicPeer client = new(EndpointRole.Client, new QuicPeerOptions(), pool, content, network.Clock.Now);
            using Balancer balancer = new(key, nonce, retries, pool, content, network.Clock.Now);
            SimulatedHost host = network.Attach("client", client);
            network.Connect(host, network.Attach("servers", balancer), FaultPlans.Named(plan, seed));
            network.RunUntil(() => client.Session!.IsConfirmed, TimeSpan.FromSeconds(20));
            QuicPeer server = balancer.Servers.Single(static one => one.Session is not null);
            long sent = 0;
            for (int i = 1; i <= 6; i++)
            {
                // Another port, and with it another server by the addresses alone.
                byte[] address = new byte[4];
                host.Address.WriteBytes(address);
                host.Rebind(PeerAddress.FromBytes(address, 7000 + i));
                client.Open().Write(20_000);
                sent += 20_000;
                host.Wake();
                network.RunUntil(() => server.Streams.Values.Sum(static stream => stream.Read) == sent, TimeSpan.FromSeconds(20));
            }

            Assert.True(server.Session!.Statistics.PathChanges == 6, $"seed {seed}: {server.Session.Statistics.PathChanges} changes");
            Assert.Null(client.Violation ?? server.Violation);
            Assert.Equal(1, balancer.Servers.Sum(static one => one.Endpoint.SessionCount));
            Assert.True(balancer.ByAddress <= 20, $"seed {seed}: {balancer.ByAddress} datagrams went by their address");
            client.Dispose();
            balancer.Dispose();
            network.Clear();
            pool.ThrowIfOutstanding();
        }
    }

    /// <summary>Three servers, and what is in front of them.</summary>
    private sealed class Balancer : ISimulatedEndpoint, IDisposable
    {
        private readonly ServerIdReader _reader;

        public Balancer(string key, int nonce, bool retries, PacketPool pool, ulong content, Timestamp now)
        {
            // Of its configuration only the length of the server id counts.
            _reader = new ServerIdReader(ServerIdReaderTests.Routing(1, key, "0000ff", nonce));
            byte[] tokens = [.. Enumerable.Repeat((byte)7, 32)];
            Servers = [.. Enumerable.Range(0, 3).Select(i => new QuicPeer(
                EndpointRole.Server,
                new QuicPeerOptions
                {
                    Configure = s => s with
                    {
                        Routing = ServerIdReaderTests.Routing(1, key, $"abcd{i:x2}", nonce),
                        Retry = retries ? AddressValidationMode.Always : AddressValidationMode.Never,
                        TokenKey = tokens,
                    },
                },
                pool,
                content,
                now)
            {
                OnAccepted = static _ => { },
            })];
        }

        public QuicPeer[] Servers { get; }

        /// <summary>Datagrams whose id was nobody's: a client's own choice.</summary>
        public int ByAddress { get; private set; }

        public Timestamp NextDeadline => Servers.Aggregate(Timestamp.Never, static (due, one) => Timestamp.Min(due, one.NextDeadline));

        public void Receive(PacketBuffer datagram, Timestamp now)
        {
            Span<byte> id = stackalloc byte[15];
            if (_reader.TryRead(datagram.Payload, id, out int length) && length == 3 && id is [0xab, 0xcd, < 3, ..])
            {
                Servers[id[2]].Receive(datagram, now);
                return;
            }

            ByAddress++;
            Servers[datagram.Peer.Port % Servers.Length].Receive(datagram, now);
        }

        public void Turn(Timestamp now, IDatagramOutput output)
        {
            foreach (QuicPeer server in Servers)
            {
                server.Turn(now, output);
            }
        }

        public void Dispose()
        {
            foreach (QuicPeer server in Servers)
            {
                server.Dispose();
            }

            _reader.Dispose();
        }
    }
}
