using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>An endpoint's place in a <see cref="SimulatedNetwork"/>: its name, its address, its clock.</summary>
public sealed class SimulatedHost : IDatagramOutput
{
    private readonly SimulatedNetwork _network;
    private readonly List<SimulatedPath> _paths = [];
    private Timestamp _deadline;
    private bool _hasDeadline;
    private readonly Queue<PacketBuffer> _socket = new();
    private Timestamp _stoppedUntil;
    private Timestamp _runsAt = Timestamp.Never;

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

    /// <summary>
    /// Datagrams that wait for a host which does not run, at most; further ones are lost. Default 1024, some socket buffer.
    /// </summary>
    public int SocketCapacity { get; set; } = 1024;

    /// <summary>Datagrams lost because the host did not take them in time.</summary>
    public long SocketOverflows { get; private set; }

    /// <summary>How late the host's turns come, or null for hosts that are always prompt, the default.</summary>
    public SchedulingNoise? Noise { get; set; }

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

    /// <summary>
    /// Stops the host as SIGSTOP does a process: it has no turn for so long, and what arrives waits in its socket.
    /// </summary>
    public void Stop(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        _stoppedUntil = _network.Clock.Now + duration;
        _network.Log.Add(_network.Clock.Now, NetworkEventKind.Note, -1, 0, 0, $"{Name} is stopped for {duration}");
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
        Timestamp next = _runsAt;
        if (NeedsTurn)
        {
            next = _network.Clock.Now;
        }
        else if (next.IsNever)
        {
            if (!_hasDeadline)
            {
                _deadline = Endpoint.NextDeadline.AddMicroseconds(-(ClockOffset.Ticks / TimeSpan.TicksPerMicrosecond));
                _deadline = Noise is null ? _deadline : Late(Timestamp.Max(_deadline, _network.Clock.Now));
                _hasDeadline = true;
            }

            next = _deadline;
        }

        return Timestamp.Max(next, _stoppedUntil);
    }

    internal void Receive(PacketBuffer datagram)
    {
        if (Noise is null && _stoppedUntil <= _network.Clock.Now)
        {
            NeedsTurn = true;
            Endpoint.Receive(datagram, Now);
            return;
        }

        if (_socket.Count >= SocketCapacity)
        {
            SocketOverflows++;
            return;
        }

        datagram.Retain();
        _socket.Enqueue(datagram);
        _runsAt = Timestamp.Min(_runsAt, Noise is null ? _stoppedUntil : Late(_network.Clock.Now));
    }

    internal void Turn()
    {
        NeedsTurn = false;
        _hasDeadline = false;
        _runsAt = Timestamp.Never;
        while (_socket.TryDequeue(out PacketBuffer? datagram))
        {
            Endpoint.Receive(datagram, Now);
            datagram.Release();
        }

        Endpoint.Turn(Now, this);
    }

    internal void Clear()
    {
        while (_socket.TryDequeue(out PacketBuffer? datagram))
        {
            datagram.Release();
        }
    }

    private Timestamp Late(Timestamp time) => time.IsNever ? time : time.AddMicroseconds(Noise!.Next());

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
