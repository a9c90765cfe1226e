using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// The sessions that were opened by a profile's key, and the nonces of the datagrams that began them: a recorded datagram
/// must not open a session once more, from whatever address and at whatever time. Thread-safe.
/// </summary>
/// <remarks>
/// All listeners of one profile share it, since a datagram recorded at one port opens at another. It lasts as long as one
/// of them listens: a restarted server remembers nothing. A session's id says that the session was here; ids
/// are chosen at random from 2^32, so that a new client finds its own taken with a probability of the number of
/// remembered sessions in 2^32. Nonces do not collide by chance, and more of them are kept.
/// </remarks>
internal sealed class OpeningMemory
{
    /// <summary>Nonces for each session: kept longer, since they cost no honest client anything.</summary>
    private const int NoncesPerSession = 8;

    private static readonly ConditionalWeakTable<TransportProfile, OpeningMemory> s_byProfile = [];

    private static readonly Lock s_lock = new();

    private readonly Lock _lock = new();
    private readonly RollingSet _sessions;
    private readonly RollingSet _nonces;
    private int _listeners;

    /// <param name="window">Sessions that are remembered at least.</param>
    public OpeningMemory(int window)
    {
        _sessions = new RollingSet(window);
        _nonces = new RollingSet(window * NoncesPerSession);
    }

    /// <summary>Bytes that it takes.</summary>
    public long Size
    {
        get
        {
            lock (_lock)
            {
                return _sessions.Size + _nonces.Size;
            }
        }
    }

    /// <summary>The memory of a profile, for a listener until <see cref="Release"/>; null if nothing is to be remembered.</summary>
    /// <param name="profile">An engine with its keys.</param>
    /// <param name="window">Sessions that are remembered at least; what another listener asked for if that is more.</param>
    public static OpeningMemory? Lease(TransportProfile profile, int window)
    {
        if (window == 0)
        {
            return null;
        }

        OpeningMemory memory;
        lock (s_lock)
        {
            memory = s_byProfile.GetValue(profile, _ => new OpeningMemory(window));
            memory._listeners++;
        }

        lock (memory._lock)
        {
            memory._sessions.Capacity = window;
            memory._nonces.Capacity = window * NoncesPerSession;
        }

        return memory;
    }

    /// <summary>A listener ends; with the last one of the profile goes the memory.</summary>
    public void Release(TransportProfile profile)
    {
        lock (s_lock)
        {
            if (--_listeners == 0)
            {
                s_byProfile.Remove(profile);
            }
        }
    }

    /// <summary>Whether a datagram that asks for a session repeats what was here.</summary>
    public bool IsKnown(uint routingId, ulong fingerprint)
    {
        lock (_lock)
        {
            return _sessions.Contains(routingId) || (fingerprint != 0 && _nonces.Contains(fingerprint));
        }
    }

    /// <summary>Remembers a session that is about to be opened; false if it, or its datagram, was here already.</summary>
    public bool TryOpen(uint routingId, ulong fingerprint)
    {
        lock (_lock)
        {
            if (_sessions.Contains(routingId) || (fingerprint != 0 && !_nonces.TryAdd(fingerprint)))
            {
                return false;
            }

            return _sessions.TryAdd(routingId);
        }
    }

    /// <summary>Forgets a session that could not be opened after all, so that its client may try again.</summary>
    public void Forget(uint routingId, ulong fingerprint)
    {
        lock (_lock)
        {
            _sessions.Remove(routingId);
            _nonces.Remove(fingerprint);
        }
    }

    /// <summary>
    /// Remembers a session's first datagram that comes for a session which is open: a copy of one that was here, to this
    /// session or to an earlier one of the same id, has nothing to tell.
    /// </summary>
    /// <returns>Whether it is new.</returns>
    public bool TryNoteFirst(ulong fingerprint)
    {
        lock (_lock)
        {
            return _nonces.TryAdd(fingerprint);
        }
    }
}
