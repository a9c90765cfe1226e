using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Another socket of a pair's client, with an address and a path to the server of its own.</summary>
internal sealed class SecondSocket : ISimulatedEndpoint, IDisposable
{
    private readonly QuicPair _pair;
    private readonly Queue<PacketBuffer> _outgoing = new();

    public SecondSocket(QuicPair pair, FaultPlan plan, string name = "second")
    {
        _pair = pair;
        Host = pair.Network.Attach(name, this);
        (Forward, Backward) = pair.Network.Connect(Host, pair.ServerHost, plan);
        Func<PacketBuffer, bool>? others = pair.Client.Sending;
        pair.Client.Sending = datagram => TryTake(datagram) || others?.Invoke(datagram) == true;
    }

    public SimulatedHost Host { get; }

    public PeerAddress Address => Host.Address;

    public SimulatedPath Forward { get; }

    public SimulatedPath Backward { get; }

    public Timestamp NextDeadline => Timestamp.Never;

    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        datagram.Path = new DatagramPath(datagram.Path.Remote, Address);
        _pair.Client.Receive(datagram, _pair.ClientHost.Now);
        _pair.ClientHost.Wake();
    }

    public void Turn(Timestamp now, IDatagramOutput output)
    {
        while (_outgoing.TryDequeue(out PacketBuffer? datagram))
        {
            output.Send(datagram);
        }
    }

    public void Dispose()
    {
        while (_outgoing.TryDequeue(out PacketBuffer? datagram))
        {
            datagram.Release();
        }
    }

    private bool TryTake(PacketBuffer datagram)
    {
        if (datagram.Path.Local != Address)
        {
            return false;
        }

        _outgoing.Enqueue(datagram);
        Host.Wake();
        return true;
    }
}
