using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// A server with several sockets on one port: a <see cref="QuicPeer"/> for each of them, and in the place of the kernel a function that
/// says which socket a datagram reaches.
/// </summary>
internal sealed class ShardedServer : ISimulatedEndpoint, IDisposable
{
    // A datagram that nobody takes would go around for ever.
    private const int MostHops = 3;

    private int _hops;
    private Timestamp _now;

    public ShardedServer(int shards, QuicPeerOptions options, PacketPool pool, ulong seed, Timestamp now)
    {
        byte[] tokenKey = [.. Enumerable.Repeat((byte)3, 32)];
        byte[] resetKey = [.. Enumerable.Repeat((byte)4, 32)];
        Shards = new QuicPeer[shards];
        for (int i = 0; i < shards; i++)
        {
            int shard = i;
            QuicPeerOptions own = options with
            {
                Configure = s =>
                {
                    s = options.Configure(s) with { Shard = shard, TokenKey = tokenKey, ResetKey = resetKey };
                    Port ??= new SharedPort(shards, s);
                    return s with { Port = Port };
                },
            };
            Shards[i] = new QuicPeer(EndpointRole.Server, own, pool, seed, now) { HandOver = HandOver };
        }
    }

    public QuicPeer[] Shards { get; }

    public SharedPort Port { get; private set; } = null!;

    /// <summary>Which socket a datagram reaches. By the sender's port unless set.</summary>
    public Func<PacketBuffer, int> Kernel { get; set; } = static datagram => datagram.Peer.Port;

    /// <summary>Datagrams that reached another socket than their session's.</summary>
    public int HandedOver { get; private set; }

    /// <summary>Sessions of all sockets.</summary>
    public int SessionCount => Shards.Sum(static shard => shard.Endpoint.SessionCount);

    /// <summary>The socket that has the only session.</summary>
    public QuicPeer Owner => Shards.Single(static shard => shard.Session is not null);

    public Timestamp NextDeadline => Shards.Aggregate(Timestamp.Never, static (due, shard) => Timestamp.Min(due, shard.NextDeadline));

    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        _hops = 0;
        _now = now;
        Shards[Kernel(datagram) % Shards.Length].Receive(datagram, now);
    }

    public void Turn(Timestamp now, IDatagramOutput output)
    {
        foreach (QuicPeer shard in Shards)
        {
            shard.Turn(now, output);
        }
    }

    public void Dispose()
    {
        foreach (QuicPeer shard in Shards)
        {
            shard.Dispose();
        }
    }

    private void HandOver(int to, PacketBuffer datagram)
    {
        HandedOver++;
        if (++_hops > MostHops)
        {
            throw new SimulationException("A datagram goes around between the sockets.");
        }

        Shards[to].Receive(datagram, _now);
    }
}
