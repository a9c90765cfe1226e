using System.Buffers.Binary;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// Datagrams of both ends at times that a seed draws: each arrives as it was sent and once, or not at all. Only one with a deadline
/// may come twice, where FEC does not tell the copies apart.
/// </summary>
internal sealed class RandomDatagrams : IDisposable
{
    private readonly QuicPair _pair;
    private readonly Dictionary<long, byte[]> _sent = [];
    private readonly HashSet<long> _received = [];
    private readonly HashSet<long> _withDeadline = [];
    private bool _isOver;

    public RandomDatagrams(QuicPair pair, SeededRandom random)
    {
        _pair = pair;
        if (random.Chance(0.5))
        {
            return;
        }

        int most = random.Between(10, 1100);
        int spread = random.Between(10, 5000);
        for (int i = random.Between(1, 300); i > 0; i--)
        {
            bool isByClient = random.Chance(0.5);
            long id = (2L * i) + (isByClient ? 1 : 0);
            byte[] bytes = new byte[random.Between(8, most)];
            bytes.AsSpan().Fill((byte)random.Next(256));
            BinaryPrimitives.WriteInt64BigEndian(bytes, id);
            TimeSpan? deadline = random.Chance(0.5) ? TimeSpan.FromMilliseconds(random.Between(1, 2000)) : null;
            pair.Network.Schedule(
                TimeSpan.FromMilliseconds(random.Next(spread)), "datagram", () => Send(isByClient, id, bytes, deadline));
        }
    }

    /// <summary>Reads what arrived.</summary>
    /// <returns>True.</returns>
    /// <exception cref="SimulationException">Something is wrong with it.</exception>
    public bool Check()
    {
        Read(_pair.Client.Session!, isByClient: false);
        Read(_pair.Server.Session!, isByClient: true);
        return true;
    }

    public void Dispose() => _isOver = true;

    private void Send(bool isByClient, long id, byte[] bytes, TimeSpan? deadline)
    {
        QuicPeer peer = isByClient ? _pair.Client : _pair.Server;
        SimulatedHost host = isByClient ? _pair.ClientHost : _pair.ServerHost;
        if (_isOver || peer.Session is not { } session)
        {
            return;
        }

        if (session.TrySendDatagram(bytes, deadline is { } limit ? host.Now.Add(limit) : Timestamp.Never))
        {
            _sent.Add(id, bytes);
            if (deadline is not null && !session.UsesFec)
            {
                _withDeadline.Add(id);
            }

            host.Wake();
        }
    }

    private void Read(QuicSession session, bool isByClient)
    {
        while (session.TryReceiveDatagram(out PacketSlice slice))
        {
            long id = BinaryPrimitives.ReadInt64BigEndian(slice.Span);
            bool isRight = (id & 1) == (isByClient ? 1 : 0) && _sent.TryGetValue(id, out byte[]? sent) && slice.Span.SequenceEqual(sent);
            slice.Release();
            if (!isRight)
            {
                throw _pair.Network.Failure("A datagram arrived that was never sent");
            }

            if (!_received.Add(id) && !_withDeadline.Contains(id))
            {
                throw _pair.Network.Failure($"Datagram {id} arrived twice");
            }
        }
    }
}
