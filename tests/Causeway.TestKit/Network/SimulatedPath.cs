using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>What becomes of an intercepted datagram.</summary>
public enum DatagramVerdict
{
    /// <summary>It goes on, as the interceptor left it.</summary>
    Pass,

    /// <summary>It is dropped.</summary>
    Drop,
}

/// <summary>Sees a datagram as it enters a path; may rewrite its payload.</summary>
/// <param name="path">The path.</param>
/// <param name="datagram">The datagram, borrowed.</param>
/// <param name="now">The network's time.</param>
public delegate DatagramVerdict DatagramInterceptor(SimulatedPath path, PacketBuffer datagram, Timestamp now);

/// <summary>
/// One direction between two hosts: one or more links in a row, each with a <see cref="FaultModel"/>. A model that several
/// paths have in common is a bottleneck they share.
/// </summary>
public sealed class SimulatedPath
{
    private readonly SimulatedNetwork _network;
    private readonly FaultModel[] _links;
    private long _lastQueued;

    internal SimulatedPath(SimulatedNetwork network, int index, SimulatedHost from, SimulatedHost to, FaultModel[] links)
    {
        _network = network;
        _links = links;
        Index = index;
        From = from;
        To = to;
    }

    /// <summary>Where datagrams enter.</summary>
    public SimulatedHost From { get; }

    /// <summary>Where they leave.</summary>
    public SimulatedHost To { get; }

    /// <summary>The links in the order in which a datagram passes them.</summary>
    public IReadOnlyList<FaultModel> Links => _links;

    /// <summary>The first link; the only one unless the path was given more.</summary>
    public FaultModel Link => _links[0];

    /// <summary>Sees every datagram before the first link, or null.</summary>
    public DatagramInterceptor? OnDatagram { get; set; }

    /// <summary>Datagrams that entered.</summary>
    public long Sent { get; private set; }

    /// <summary>Payload bytes that entered.</summary>
    public long SentBytes { get; private set; }

    /// <summary>Datagrams that reached the endpoint, copies included.</summary>
    public long Arrived { get; private set; }

    /// <summary>Payload bytes that reached the endpoint, copies included.</summary>
    public long ArrivedBytes { get; private set; }

    /// <summary>Datagrams that the links took.</summary>
    public long Lost { get; private set; }

    /// <summary>Datagrams that the interceptor took.</summary>
    public long Intercepted { get; private set; }

    /// <summary>Datagrams that arrived for an address that the host has no more.</summary>
    public long Stray { get; private set; }

    internal int Index { get; }

    // What is under way, soonest first. Nearly every datagram arrives behind those that left before it, so that a queue does
    // what would cost a heap of all of them much more; the network keeps those that overtake.
    internal Queue<Transit> InOrder { get; } = new();

    /// <inheritdoc/>
    public override string ToString() => $"{From.Name}->{To.Name}";

    internal void Enter(PacketBuffer datagram)
    {
        Timestamp now = _network.Clock.Now;
        Sent++;
        SentBytes += datagram.Length;
        _network.Log.Add(now, NetworkEventKind.Sent, Index, datagram.Length, NetworkLog.Digest(datagram.Payload));
        if (OnDatagram is not null && OnDatagram(this, datagram, now) == DatagramVerdict.Drop)
        {
            Intercepted++;
            _network.Log.Add(now, NetworkEventKind.Intercepted, Index, datagram.Length, 0);
            datagram.Release();
            return;
        }

        Pass(datagram, To.Address, link: 0);
    }

    /// <summary>The datagram enters a link of the path: decides its fate and plans its arrival behind it.</summary>
    internal void Pass(PacketBuffer datagram, PeerAddress destination, int link)
    {
        Timestamp now = _network.Clock.Now;
        DatagramFate fate = _links[link].Decide(datagram.Length, datagram.Ecn, now);
        if (fate.IsLost)
        {
            Lost++;
            _network.Log.Add(now, NetworkEventKind.Lost, Index, datagram.Length, (ulong)fate.LostTo);
            datagram.Release();
            return;
        }

        if (fate.CorruptBit >= 0)
        {
            _network.Log.Add(now, NetworkEventKind.Corrupted, Index, datagram.Length, (ulong)fate.CorruptBit);
            fate.Corrupt(datagram.Payload);
        }

        datagram.Ecn = fate.IsMarked ? EcnCodepoint.CongestionExperienced : datagram.Ecn;
        PacketBuffer? copy = fate.IsDuplicated ? Copy(datagram) : null;
        _network.Plan(fate.Arrival, this, datagram, destination, link + 1);
        if (copy is not null)
        {
            _network.Log.Add(now, NetworkEventKind.Duplicated, Index, copy.Length, 0);
            _network.Plan(fate.DuplicateArrival, this, copy, destination, link + 1);
        }
    }

    /// <summary>Queues a datagram that arrives behind those under way; false if it overtakes one.</summary>
    internal bool TryQueue(in Transit transit)
    {
        if (InOrder.Count > 0 && transit.Arrival.Microseconds < _lastQueued)
        {
            return false;
        }

        _lastQueued = transit.Arrival.Microseconds;
        InOrder.Enqueue(transit);
        return true;
    }

    internal void Arrive(in Transit transit)
    {
        PacketBuffer datagram = transit.Datagram!;
        PeerAddress destination = transit.Destination;
        int link = transit.Link;
        if (link < _links.Length)
        {
            Pass(datagram, destination, link);
            return;
        }

        if (destination != To.Address)
        {
            Stray++;
            _network.Log.Add(_network.Clock.Now, NetworkEventKind.Stray, Index, datagram.Length, 0);
            datagram.Release();
            return;
        }

        Arrived++;
        ArrivedBytes += datagram.Length;
        _network.Log.Add(_network.Clock.Now, NetworkEventKind.Arrived, Index, datagram.Length, 0);
        To.Receive(datagram);
        datagram.Release();
    }

    // The receiver may rewrite what it gets, so that every copy needs memory of its own.
    private PacketBuffer Copy(PacketBuffer datagram)
    {
        PacketBuffer copy = _network.Pool.Rent(headroom: Math.Min(datagram.Headroom, PacketPool.DefaultHeadroom));
        datagram.Payload.CopyTo(copy.Append(datagram.Length));
        copy.Peer = datagram.Peer;
        copy.Ecn = datagram.Ecn;
        return copy;
    }
}
