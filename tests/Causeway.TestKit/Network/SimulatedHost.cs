using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>An endpoint's place in a <see cref="SimulatedNetwork"/>: its name, its address, its clock.</summary>
public sealed class SimulatedHost : IDatagramOutput
{
    private readonly SimulatedNetwork _network;
    private readonly List<SimulatedPath> _paths = [];
    private Timestamp _deadline;
    private bool _hasDeadline;

    internal SimulatedHost(
        SimulatedNetwork network, int index, string name, ISimulatedEndpoint endpoint, PeerAddress address, TimeSpan clockOffset)
    {
        _network = network;
        Index = index;
        Name = name;
        Endpoint = endpoint;
        Address = address;
        ClockOffset = clockOffset;
        NeedsTurn = true;
    }

    /// <summary>What reports call it.</summary>
    public string Name { get; }

    /// <summary>What is driven.</summary>
    public ISimulatedEndpoint Endpoint { get; }

    /// <summary>The address that peers see and send to.</summary>
    public PeerAddress Address { get; private set; }

    /// <summary>
    /// How far the endpoint's clock is ahead of the network's. Endpoints with clocks of different origins find code that
    /// compares its own time with a time of the peer.
    /// </summary>
    public TimeSpan ClockOffset { get; private set; }

    /// <inheritdoc/>
    public PacketPool Pool => _network.Pool;

    /// <summary>Datagrams that no path led away from here, for want of somebody at their destination.</summary>
    public long Unreachable { get; private set; }

    internal int Index { get; }

    internal bool NeedsTurn { get; private set; }

    /// <summary>The time that the endpoint's clock shows.</summary>
    public Timestamp Now => _network.Clock.Now + ClockOffset;

    /// <summary>
    /// Gives the host another address, as a NAT does that forgot it: datagrams from here on come from the new one, those
    /// to the old one, under way or later, reach nobody.
    /// </summary>
    /// <param name="address">The new address, or null for one that was never used.</param>
    public void Rebind(PeerAddress? address = null)
    {
        PeerAddress old = Address;
        Address = _network.Readdress(this, address);
        _network.Log.Add(_network.Clock.Now, NetworkEventKind.Note, -1, 0, 0, $"{Name} moved from {old} to {Address}");
    }

    /// <summary>Lets the endpoint's clock leap, as after a suspended machine wakes up.</summary>
    public void JumpClock(TimeSpan forward)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(forward, TimeSpan.Zero);
        ClockOffset += forward;
        _network.Log.Add(_network.Clock.Now, NetworkEventKind.Note, -1, 0, 0, $"clock of {Name} leapt by {forward}");
        Wake();
    }

    /// <summary>Gives the endpoint a turn in the next step: something was written to or read from it.</summary>
    public void Wake() => NeedsTurn = true;

    /// <inheritdoc/>
    public void Send(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        SimulatedPath? path = FindPath(datagram.Peer);
        if (path is null)
        {
            Unreachable++;
            _network.Log.Add(_network.Clock.Now, NetworkEventKind.Unreachable, -1, datagram.Length, 0, Name);
            datagram.Release();
            return;
        }

        datagram.Peer = Address;
        path.Enter(datagram);
    }

    internal void AddPath(SimulatedPath path) => _paths.Add(path);

    /// <summary>When the endpoint wants a turn, by the network's clock. Asked once after each turn, not at each event.</summary>
    internal Timestamp NextDeadline()
    {
        if (NeedsTurn)
        {
            return _network.Clock.Now;
        }

        if (!_hasDeadline)
        {
            _deadline = Endpoint.NextDeadline.AddMicroseconds(-(ClockOffset.Ticks / TimeSpan.TicksPerMicrosecond));
            _hasDeadline = true;
        }

        return _deadline;
    }

    internal void Receive(PacketBuffer datagram)
    {
        NeedsTurn = true;
        Endpoint.Receive(datagram, Now);
    }

    internal void Turn()
    {
        NeedsTurn = false;
        _hasDeadline = false;
        Endpoint.Turn(Now, this);
    }

    private SimulatedPath? FindPath(PeerAddress destination)
    {
        if (destination.IsNone)
        {
            return _paths.Count > 0 ? _paths[0] : null;
        }

        foreach (SimulatedPath path in _paths)
        {
            if (path.To.Address == destination)
            {
                return path;
            }
        }

        return null;
    }
}
