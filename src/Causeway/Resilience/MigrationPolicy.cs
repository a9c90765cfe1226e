namespace Causeway;

/// <summary>
/// Decides when a client's connection goes another way: by a new socket, whose local port and address the system chooses. With
/// QUIC its streams go on (RFC 9000, 9); the kcptun profile stays where it is. Instances are shared between connections and
/// called on their shards: they keep no state of one connection and do not block.
/// </summary>
public abstract class MigrationPolicy
{
    private static readonly TimeSpan s_leastInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Goes another way when this machine's address towards the peer changes, and after three seconds without a sign of life of the
    /// peer, since a NAT or a firewall may have taken a dislike to the port. The default.
    /// </summary>
    public static MigrationPolicy Default { get; } = new StandardMigrationPolicy(TimeSpan.Zero);

    /// <summary>Stays where it is, unless <see cref="CausewayConnection.MigrateAsync"/> is called.</summary>
    public static MigrationPolicy None { get; } = new NoMigrationPolicy();

    /// <summary>
    /// The default, and a new port each time such an interval has passed, give or take a fifth: for networks that slow a flow down
    /// when it lasts.
    /// </summary>
    /// <param name="interval">At least 5 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is shorter.</exception>
    public static MigrationPolicy HopEvery(TimeSpan interval) => interval >= s_leastInterval
        ? new StandardMigrationPolicy(interval)
        : throw new ArgumentOutOfRangeException(nameof(interval), interval, "The interval between two ports must be at least 5 s.");

    /// <summary>Whether changes of this machine's addresses are listened for, and asked about.</summary>
    public virtual bool WatchesNetwork => true;

    /// <summary>How often to ask with <see cref="PathOccasion.Interval"/>; zero for never. Up to a fifth is added or taken off.</summary>
    public virtual TimeSpan Interval => TimeSpan.Zero;

    /// <summary>Decides.</summary>
    public abstract PathDecision Decide(in MigrationReport report);

    private sealed class NoMigrationPolicy : MigrationPolicy
    {
        public override bool WatchesNetwork => false;

        public override PathDecision Decide(in MigrationReport report) => PathDecision.Stay;
    }

    private sealed class StandardMigrationPolicy(TimeSpan interval) : MigrationPolicy
    {
        private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

        public override TimeSpan Interval => interval;

        public override PathDecision Decide(in MigrationReport report) => report.Occasion switch
        {
            PathOccasion.NetworkChanged => PathDecision.Go,
            PathOccasion.Interval => PathDecision.Ask,

            // The socket is given as long to prove itself as its predecessor was.
            PathOccasion.Silence => report.Silence >= s_patience && report.Age >= s_patience ? PathDecision.Go : PathDecision.Stay,
            _ => PathDecision.Stay,
        };
    }
}

/// <summary>Why a <see cref="MigrationPolicy"/> is asked.</summary>
public enum PathOccasion
{
    /// <summary>This machine reaches the peer from another address than the connection does, or the application said so.</summary>
    NetworkChanged,

    /// <summary>Something waits for an answer, and nothing was heard of the peer for a second or more.</summary>
    Silence,

    /// <summary><see cref="MigrationPolicy.Interval"/> has passed.</summary>
    Interval,
}

/// <summary>What a <see cref="MigrationPolicy"/> decides.</summary>
public enum PathDecision
{
    /// <summary>Goes on as before.</summary>
    Stay,

    /// <summary>Opens a socket, asks the peer whether the new way carries, and goes it when the peer has answered.</summary>
    Ask,

    /// <summary>Opens a socket and goes that way at once; returns if the peer does not answer, and the old way still carries.</summary>
    Go,
}

/// <summary>What is known of the way that a connection goes at present.</summary>
public readonly record struct MigrationReport
{
    /// <summary>Why the policy is asked.</summary>
    public PathOccasion Occasion { get; init; }

    /// <summary>How long the connection has gone this way.</summary>
    public TimeSpan Age { get; init; }

    /// <summary>How long the peer has been silent although something waits for an answer; zero if nothing waits.</summary>
    public TimeSpan Silence { get; init; }

    /// <summary>The smoothed round-trip time; zero before the first measurement.</summary>
    public TimeSpan RoundTripTime { get; init; }

    /// <summary>The share of packets that got lost lately, from 0 to 1.</summary>
    public double LossRate { get; init; }
}
