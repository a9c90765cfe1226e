using System.Buffers.Binary;
using Causeway.Protocol;

namespace Causeway.TestKit.Tests;

/// <summary>Sends a number of numbered datagrams at an interval and writes down what arrives; can send back what it gets.</summary>
internal sealed class PingEndpoint : ISimulatedEndpoint
{
    private readonly Queue<(PeerAddress Peer, byte[] Bytes)> _echoes = new();
    private readonly TimeSpan _interval;
    private Timestamp _next;
    private int _sent;
    private int _left;

    public PingEndpoint(int count = 0, TimeSpan interval = default, Timestamp start = default)
    {
        _left = count;
        _interval = interval;
        _next = start;
    }

    public bool Echoes { get; init; }

    public PeerAddress Peer { get; set; }

    public int Size { get; init; } = 100;

    public int Turns { get; private set; }

    public List<(int Number, Timestamp At, PeerAddress From)> Arrivals { get; } = [];

    public Timestamp NextDeadline => _left > 0 ? _next : Timestamp.Never;

    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        Arrivals.Add((BinaryPrimitives.ReadInt32LittleEndian(datagram.Payload), now, datagram.Peer));
        if (Echoes)
        {
            _echoes.Enqueue((datagram.Peer, datagram.Payload.ToArray()));
        }

        // What the network lends may be rewritten; a copy of it must not change by that.
        datagram.Payload.Clear();
    }

    public void Turn(Timestamp now, IDatagramOutput output)
    {
        Turns++;
        while (_echoes.TryDequeue(out (PeerAddress Peer, byte[] Bytes) echo))
        {
            PacketBuffer datagram = output.Pool.Rent();
            echo.Bytes.CopyTo(datagram.Append(echo.Bytes.Length));
            datagram.Peer = echo.Peer;
            output.Send(datagram);
        }

        while (_left > 0 && _next <= now)
        {
            PacketBuffer datagram = output.Pool.Rent();
            datagram.Append(Size).Clear();
            BinaryPrimitives.WriteInt32LittleEndian(datagram.Payload, _sent++);
            datagram.Peer = Peer;
            _left--;
            _next = _next.Add(_interval);
            output.Send(datagram);
        }
    }
}
