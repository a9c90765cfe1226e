using System.Collections.Concurrent;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// What the shards of a listener have in common: which of them has a peer's connection, how many connections there are,
/// and which were closed a short while ago. Thread-safe.
/// </summary>
/// <remarks>
/// The kernel chooses a socket by a hash of both addresses, which changes for a peer when sockets are added to the port
/// or taken away. A shard therefore asks here before it takes a peer that it does not know for a new one.
/// </remarks>
internal sealed class ListenerDirectory(int maxConnections)
{
    private readonly ConcurrentDictionary<PeerAddress, ServerSessionTable> _owners = new();
    private readonly ClosedSessions _closed = new();
    private readonly Lock _closedLock = new();
    private int _count;

    /// <summary>Connections that are open.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The table that has the peer's connection, if one has.</summary>
    public ServerSessionTable? FindOwner(PeerAddress peer) => _owners.GetValueOrDefault(peer);

    /// <summary>Claims a peer for a table; false if another was faster.</summary>
    public bool TryClaim(PeerAddress peer, ServerSessionTable table) => _owners.TryAdd(peer, table);

    /// <summary>Takes a place for one more connection.</summary>
    /// <param name="always">Whether to take it beyond the limit too, since another is about to be given back.</param>
    public bool TryReserve(bool always)
    {
        if (Interlocked.Increment(ref _count) <= maxConnections || always)
        {
            return true;
        }

        Interlocked.Decrement(ref _count);
        return false;
    }

    /// <summary>Gives a place back that no connection came to take.</summary>
    public void CancelReservation() => Interlocked.Decrement(ref _count);

    /// <summary>Forgets a peer, whose connection has ended, and gives its place back.</summary>
    public void Release(PeerAddress peer)
    {
        _owners.TryRemove(peer, out _);
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Remembers a conversation that ended, and what to say to who goes on with it.</summary>
    public void NoteClosed(PeerAddress peer, uint conversation, GoodbyeReason? lastWord, Timestamp now)
    {
        lock (_closedLock)
        {
            _closed.Add(peer, conversation, lastWord, now);
        }
    }

    /// <summary>Whether a conversation ended lately, and what to say to who goes on with it.</summary>
    public bool WasClosed(PeerAddress peer, uint conversation, Timestamp now, out GoodbyeReason? lastWord)
    {
        lock (_closedLock)
        {
            return _closed.TryFind(peer, conversation, now, out lastWord);
        }
    }
}
