using Causeway.Runtime;

namespace Causeway;

/// <summary>
/// Datagrams that a listener could not give to a connection, by reason. Values may be read at any time.
/// </summary>
public sealed class ListenerStatistics
{
    private readonly ListenerCounters[] _shards;

    internal ListenerStatistics(ListenerCounters[] shards) => _shards = shards;

    /// <summary>
    /// From an unknown address, naming no session, e.g. a parity shard of kcptun (docs/wire/kcptun.md 5.12).
    /// </summary>
    public long WithoutSession => Sum(static shard => Volatile.Read(ref shard.WithoutSession));

    /// <summary>From a known address, of another session, but not the first datagram of one.</summary>
    public long OtherSession => Sum(static shard => Volatile.Read(ref shard.OtherSession));

    /// <summary>Late ones of a session that was closed here within the last two minutes.</summary>
    public long ClosedSession => Sum(static shard => Volatile.Read(ref shard.ClosedSession));

    /// <summary>
    /// Refused because their session, or they themselves, were here before: recorded ones that somebody sends again, late
    /// copies, or a client whose address changed; see <see cref="CausewayListenerOptions.ReplayWindow"/>.
    /// </summary>
    public long Replayed => Sum(static shard => Volatile.Read(ref shard.Replayed));

    /// <summary>
    /// From an unknown address, of a session that another listener must have had: the server was restarted, or the
    /// client's address has changed.
    /// </summary>
    public long UnknownSession => Sum(static shard => Volatile.Read(ref shard.UnknownSession));

    /// <summary>Goodbyes that such datagrams, and refused ones, were answered with.</summary>
    public long GoodbyesSent => Sum(static shard => Volatile.Read(ref shard.GoodbyesSent));

    /// <summary>
    /// Answers left out: there were too many lately, the datagram was shorter than its answer, or the link was busy.
    /// </summary>
    public long GoodbyesWithheld => Sum(static shard => Volatile.Read(ref shard.GoodbyesWithheld));

    /// <summary>
    /// Refused because <see cref="CausewayListenerOptions.ConnectionBacklog"/> connections were waiting.
    /// </summary>
    public long BacklogFull => Sum(static shard => Volatile.Read(ref shard.BacklogFull));

    /// <summary>Refused because <see cref="CausewayListenerOptions.MaxConnections"/> were open.</summary>
    public long ConnectionLimit => Sum(static shard => Volatile.Read(ref shard.ConnectionLimit));

    /// <summary>
    /// Would have opened a connection, but a layer of it that the application brought (a congestion controller, a codec)
    /// threw when it was made.
    /// </summary>
    public long LayerFaults => Sum(static shard => Volatile.Read(ref shard.LayerFaults));

    /// <summary>
    /// Datagrams that arrived at another shard's socket than their connection's, and were passed on to it.
    /// </summary>
    public long HandedOver => Sum(static shard => Volatile.Read(ref shard.HandedOver));

    /// <summary>Of those to pass on, the ones dropped because too many were waiting there.</summary>
    public long HandOversDropped => Sum(static shard => Volatile.Read(ref shard.HandOversDropped));

    private long Sum(Func<ListenerCounters, long> count) => _shards.Sum(count);
}
