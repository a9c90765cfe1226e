using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>
/// A network in virtual time: endpoints, paths between them that lose, delay, reorder, duplicate and corrupt, and one
/// clock that leaps from event to event. The same seed and the same endpoints give the same run, to the byte.
/// </summary>
/// <remarks>
/// <para>
/// <see cref="Attach"/> endpoints, <see cref="Connect(SimulatedHost, SimulatedHost, FaultPlan)"/> them, then
/// <see cref="RunUntil"/> what the test waits for. Single-threaded; no wall clock is read anywhere.
/// </para>
/// <para>
/// What happens at one instant happens in the order in which it was planned: arrivals and scheduled actions first, then a
/// turn of each endpoint that was touched or is due, in order of attachment.
/// </para>
/// </remarks>
public sealed class SimulatedNetwork
{
    /// <summary>Events that a failure message shows.</summary>
    public const int LogCapacity = 200;

    // Two endpoints in lock-step over paths without delay, each turn a microsecond apart, need a handful.
    private const int MaxStepsPerInstant = 100;

    private readonly PriorityQueue<Occurrence, Moment> _occurrences = new();
    private readonly List<SimulatedHost> _hosts = [];
    private readonly List<SimulatedPath> _paths = [];
    private readonly List<VirtualTimeProvider> _timeProviders = [];
    private readonly HashSet<PeerAddress> _addresses = [];
    private long _order;
    private int _nextAddress;
    private int _links;
    private int _stepsAtInstant;

    /// <summary>Makes an empty network.</summary>
    /// <param name="seed">Seed of everything random in it.</param>
    /// <param name="pool">Where datagrams are rented; one of its own unless given. Tests give one that tracks.</param>
    /// <param name="clock">The clock; one that starts at the origin unless given.</param>
    public SimulatedNetwork(ulong seed, PacketPool? pool = null, VirtualClock? clock = null)
    {
        Seed = seed;
        Pool = pool ?? new PacketPool();
        Clock = clock ?? new VirtualClock();
        Log = new NetworkLog(LogCapacity, index => _paths[index].ToString());
    }

    /// <summary>The seed of everything random.</summary>
    public ulong Seed { get; }

    /// <summary>The network's time.</summary>
    public VirtualClock Clock { get; }

    /// <summary>Where datagrams are rented.</summary>
    public PacketPool Pool { get; }

    /// <summary>What happened.</summary>
    public NetworkLog Log { get; }

    /// <summary>What failure messages say about the network besides its seed.</summary>
    public string Description { get; set; } = "";

    /// <summary>The endpoints in order of attachment.</summary>
    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    /// <summary>The paths in order of connection.</summary>
    public IReadOnlyList<SimulatedPath> Paths => _paths;

    /// <summary>Datagrams under way and actions to come.</summary>
    public int Pending
    {
        get
        {
            int pending = _occurrences.Count;
            foreach (SimulatedPath path in _paths)
            {
                pending += path.InOrder.Count;
            }

            return pending;
        }
    }

    /// <summary>Puts an endpoint into the network.</summary>
    /// <param name="name">What reports call it.</param>
    /// <param name="endpoint">What to drive.</param>
    /// <param name="address">Its address; one of 10.0.0.0/8 unless given.</param>
    /// <param name="clockOffset">How far its clock is ahead of the network's.</param>
    public SimulatedHost Attach(
        string name, ISimulatedEndpoint endpoint, PeerAddress? address = null, TimeSpan clockOffset = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        SimulatedHost host = new(this, _hosts.Count, name, endpoint, address ?? NewAddress(), clockOffset);
        if (!_addresses.Add(host.Address))
        {
            throw new ArgumentException($"The address {host.Address} is taken.", nameof(address));
        }

        _hosts.Add(host);
        return host;
    }

    /// <summary>Lets the network fire the timers of a provider that shares its clock.</summary>
    /// <exception cref="ArgumentException">The provider has another clock.</exception>
    public void Attach(VirtualTimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        if (timeProvider.Clock != Clock)
        {
            throw new ArgumentException("The time provider must have the clock of the network.", nameof(timeProvider));
        }

        _timeProviders.Add(timeProvider);
    }

    /// <summary>Makes the path of one direction.</summary>
    /// <param name="from">Where datagrams enter.</param>
    /// <param name="to">Where they leave.</param>
    /// <param name="links">
    /// What they pass on the way, at least one; a model that is given to several paths is a bottleneck they share.
    /// </param>
    public SimulatedPath Connect(SimulatedHost from, SimulatedHost to, params FaultModel[] links)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(links);
        ArgumentOutOfRangeException.ThrowIfZero(links.Length, nameof(links));
        SimulatedPath path = new(this, _paths.Count, from, to, links);
        _paths.Add(path);
        from.AddPath(path);
        return path;
    }

    /// <summary>Makes a fault model whose randomness comes from the network's seed, different for each one made.</summary>
    public FaultModel CreateLink(FaultModelOptions options) =>
        new(options, Seed, direction: 2 + _links++);

    /// <summary>Connects two endpoints in both directions and schedules what the plan holds for later.</summary>
    public (SimulatedPath Forward, SimulatedPath Backward) Connect(SimulatedHost first, SimulatedHost second, FaultPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        SimulatedPath forward = Connect(first, second, new FaultModel(plan.Forward, plan.Seed, direction: 0));
        SimulatedPath backward = Connect(second, first, new FaultModel(plan.Backward, plan.Seed, direction: 1));
        Description = plan.ToString();
        foreach (PlannedChange change in plan.Changes)
        {
            Schedule(change.At, change.ToString(), () => change.Apply(forward, backward));
        }

        return (forward, backward);
    }

    /// <summary>Does something to the network at a time to come.</summary>
    /// <param name="delay">How long from now.</param>
    /// <param name="note">What the log says then.</param>
    /// <param name="action">What to do.</param>
    public void Schedule(TimeSpan delay, string note, Action action)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(action);
        Enqueue(Clock.Now + delay, new Occurrence(null, default, action, note));
    }

    /// <summary>Writes a line of the test's own into the log (and into its fingerprint the fact that it did).</summary>
    public void Note(string text) => Log.Add(Clock.Now, NetworkEventKind.Note, -1, 0, 0, text);

    /// <summary>Moves the clock to the next event and lets everything happen that is due then.</summary>
    /// <returns>Whether there was an event; otherwise nothing will ever happen by itself.</returns>
    /// <exception cref="SimulationException">A livelock: the endpoints keep asking for turns at one instant.</exception>
    public bool Step() => Step(Timestamp.Never);

    /// <summary>Steps until a condition holds.</summary>
    /// <param name="condition">Asked before the first step and after each one.</param>
    /// <param name="limit">Virtual time that may pass.</param>
    /// <exception cref="SimulationException">The time passed, or nothing is left to happen, or a livelock.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan limit)
    {
        if (!TryRunUntil(condition, limit))
        {
            throw Failure(NextEvent().IsNever
                ? "The condition was not met, and nothing is left to happen"
                : $"The condition was not met within {limit} of virtual time");
        }
    }

    /// <summary>Steps until a condition holds, and tells whether it came to hold.</summary>
    /// <param name="condition">Asked before the first step and after each one.</param>
    /// <param name="limit">Virtual time that may pass.</param>
    /// <exception cref="SimulationException">A livelock.</exception>
    public bool TryRunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        Timestamp end = Clock.Now + limit;
        WakeAll();
        while (!condition())
        {
            if (!Step(end))
            {
                return condition();
            }
        }

        return true;
    }

    /// <summary>Lets a duration pass.</summary>
    /// <exception cref="SimulationException">A livelock.</exception>
    public void Run(TimeSpan duration)
    {
        Timestamp end = Clock.Now + duration;
        TryRunUntil(static () => false, duration);
        AdvanceTo(end);
    }

    /// <summary>Steps until nothing is left to happen: nothing under way, no deadline.</summary>
    /// <param name="limit">Virtual time that may pass.</param>
    /// <exception cref="SimulationException">The time passed, or a livelock.</exception>
    public void Drive(TimeSpan limit)
    {
        Timestamp end = Clock.Now + limit;
        WakeAll();
        while (Step(end))
        {
        }

        if (!NextEvent().IsNever)
        {
            throw Failure($"The network did not come to rest within {limit} of virtual time");
        }
    }

    /// <summary>Drops what is under way and gives its buffers back. Call it before a leak check.</summary>
    public void Clear()
    {
        while (_occurrences.TryDequeue(out Occurrence occurrence, out _))
        {
            occurrence.Transit.Datagram?.Release();
        }

        foreach (SimulatedPath path in _paths)
        {
            while (path.InOrder.TryDequeue(out Transit transit))
            {
                transit.Datagram!.Release();
            }
        }
    }

    /// <summary>An exception with everything that helps to find out what happened.</summary>
    public SimulationException Failure(string reason)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{reason} (at {Clock.Now.Microseconds / 1e6:F6} s, seed 0x{Seed:X}).");
        text.AppendLine().AppendLine(Description);
        foreach (SimulatedHost host in _hosts)
        {
            Timestamp deadline = host.NextDeadline();
            string due = deadline.IsNever ? "never" : $"{deadline.Microseconds / 1e6:F6} s";
            text.AppendLine(CultureInfo.InvariantCulture, $"{host.Name}: due {due}; {host.Endpoint}");
        }

        foreach (SimulatedPath path in _paths)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"{path}: {path.Sent} sent ({path.SentBytes} bytes), {path.Arrived} arrived, {path.Lost} lost, "
                + $"{path.Intercepted} intercepted, {path.Stray} stray; {path.Link.Statistics}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"The last of {Log.Count} events:").Append(Log);
        return new SimulationException(text.ToString());
    }

    internal void Plan(Timestamp at, SimulatedPath path, PacketBuffer datagram, PeerAddress destination, int link)
    {
        // A datagram that takes no time would let two endpoints talk for ever at one instant.
        Timestamp soonest = Clock.Now.AddMicroseconds(1);
        Transit transit = new(new Moment(Math.Max(at.Microseconds, soonest.Microseconds), _order++), datagram, destination, link);
        if (!path.TryQueue(in transit))
        {
            _occurrences.Enqueue(new Occurrence(path, transit, null, null), transit.Arrival);
        }
    }

    internal PeerAddress Readdress(SimulatedHost host, PeerAddress? address)
    {
        PeerAddress next = address ?? NewAddress();
        if (next != host.Address && !_addresses.Add(next))
        {
            throw new ArgumentException($"The address {next} is taken.", nameof(address));
        }

        return next;
    }

    private bool Step(Timestamp limit)
    {
        Timestamp next = NextEvent();
        if (next.IsNever || next > limit)
        {
            return false;
        }

        if (next > Clock.Now)
        {
            _stepsAtInstant = 0;
            AdvanceTo(next);
        }
        else if (++_stepsAtInstant > MaxStepsPerInstant)
        {
            throw Failure($"Livelock: {MaxStepsPerInstant} steps without the time moving");
        }

        Happen();
        Turn();
        return true;
    }

    private Timestamp NextEvent()
    {
        long next = NextOccurrence(out _).Microseconds;
        foreach (SimulatedHost host in _hosts)
        {
            next = Math.Min(next, host.NextDeadline().Microseconds);
        }

        foreach (VirtualTimeProvider provider in _timeProviders)
        {
            next = Math.Min(next, provider.NextTimer.Microseconds);
        }

        return new Timestamp(next == long.MaxValue ? next : Math.Max(next, Clock.Now.Microseconds));
    }

    private void AdvanceTo(Timestamp time)
    {
        foreach (VirtualTimeProvider provider in _timeProviders)
        {
            provider.AdvanceTo(time);
        }

        Clock.AdvanceTo(time);
    }

    // The soonest arrival or action, and the path whose queue holds it; without a path, the heap does.
    private Moment NextOccurrence(out SimulatedPath? path)
    {
        path = null;
        Moment next = _occurrences.TryPeek(out _, out Moment moment) ? moment : Moment.Never;
        foreach (SimulatedPath candidate in _paths)
        {
            if (candidate.InOrder.TryPeek(out Transit transit) && transit.Arrival.CompareTo(next) < 0)
            {
                next = transit.Arrival;
                path = candidate;
            }
        }

        return next;
    }

    private void Happen()
    {
        long now = Clock.Now.Microseconds;
        while (NextOccurrence(out SimulatedPath? path).Microseconds <= now)
        {
            if (path is not null)
            {
                path.Arrive(path.InOrder.Dequeue());
                continue;
            }

            Occurrence occurrence = _occurrences.Dequeue();
            if (occurrence.Path is not null)
            {
                occurrence.Path.Arrive(occurrence.Transit);
            }
            else
            {
                Note(occurrence.Note!);
                occurrence.Action!();
                WakeAll();
            }
        }
    }

    private void Turn()
    {
        foreach (SimulatedHost host in _hosts)
        {
            if (host.NeedsTurn || host.NextDeadline() <= Clock.Now)
            {
                host.Turn();
            }
        }
    }

    // Whoever runs the network has usually written to or read from an endpoint just before.
    private void WakeAll()
    {
        foreach (SimulatedHost host in _hosts)
        {
            host.Wake();
        }
    }

    private void Enqueue(Timestamp at, in Occurrence occurrence) =>
        _occurrences.Enqueue(occurrence, new Moment(at.Microseconds, _order++));

    private PeerAddress NewAddress()
    {
        Span<byte> address = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(address, 0x0A00_0001 + _nextAddress++);
        return PeerAddress.FromBytes(address, port: 4000);
    }

    // Exactly one of a datagram that overtakes others of its path, and an action.
    private readonly record struct Occurrence(SimulatedPath? Path, Transit Transit, Action? Action, string? Note);
}
