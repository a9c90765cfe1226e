using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>The connection ids that this end issued for itself, by which the peer addresses it (RFC 9000, 5.1).</summary>
internal sealed class LocalConnectionIds
{
    // More serve no purpose here: one in use, one on another path, and spare ones for a peer that changes paths quickly.
    private const int MostActive = 4;

    // Ids that were told and not acknowledged. A peer that retires ids before it acknowledges them is after the work that this makes.
    private const int MostUnacknowledged = 64;

    private readonly QuicSession _session;
    private readonly IConnectionIdRegistry _registry;
    private readonly List<Entry> _active = [];
    private long _next;
    private int _unacknowledged;
    private int _limit = 1;

    /// <summary>Makes it with the id of sequence number 0, which is already registered.</summary>
    public LocalConnectionIds(QuicSession session, IConnectionIdRegistry registry, in ConnectionId first)
    {
        _session = session;
        _registry = registry;
        _active.Add(new Entry(_next++, first, IsDue: false));
    }

    /// <summary>Whether a NEW_CONNECTION_ID frame is to be sent.</summary>
    public bool HasOutput { get; private set; }

    /// <summary>How many may be used by the peer at present.</summary>
    public int ActiveCount => _active.Count;

    /// <summary>The id of sequence number 0, or the oldest one that is not retired.</summary>
    public ConnectionId Oldest => _active[0].Id;

    /// <summary>The peer keeps so many (active_connection_id_limit): issues spare ones.</summary>
    public void SetLimit(long limit)
    {
        // Ids of no length cannot be told apart: there is one (RFC 9000, 5.1.1).
        _limit = _active[0].Id.IsEmpty ? 1 : (int)Math.Min(limit, MostActive);
        Fill();
    }

    /// <summary>The server's preferred address takes sequence number 1 (RFC 9000, 5.1.1).</summary>
    public ConnectionId AddPreferred()
    {
        ConnectionId id = _registry.Add(_session);
        _active.Add(new Entry(_next++, id, IsDue: false));
        return id;
    }

    /// <summary>The next id to tell.</summary>
    public bool TryNext(out long sequence, out ConnectionId id, out StatelessResetToken token)
    {
        foreach (Entry entry in _active)
        {
            if (entry.IsDue)
            {
                (sequence, id, token) = (entry.Sequence, entry.Id, _registry.TokenOf(entry.Id));
                return true;
            }
        }

        HasOutput = false;
        (sequence, id, token) = (0, default, default);
        return false;
    }

    /// <summary>An id was told, or is to be told again.</summary>
    public void SetDue(long sequence, bool isDue)
    {
        int index = _active.FindIndex(entry => entry.Sequence == sequence);
        if (index >= 0)
        {
            _active[index] = _active[index] with { IsDue = isDue };
            HasOutput |= isDue;
        }
    }

    /// <summary>A RETIRE_CONNECTION_ID frame arrived (RFC 9000, 19.16).</summary>
    /// <param name="sequence">What it retires.</param>
    /// <param name="usedBy">The id that its packet came with, which it must not retire.</param>
    public QuicError? OnRetired(long sequence, in ConnectionId usedBy)
    {
        if (sequence >= _next)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer retired a connection id that it never had.");
        }

        int index = _active.FindIndex(entry => entry.Sequence == sequence);
        if (index < 0)
        {
            return null;
        }

        if (_active[index].Id == usedBy)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer retired the connection id that it used for it.");
        }

        _registry.Remove(_active[index].Id, _session);
        _active.RemoveAt(index);
        Fill();
        return _unacknowledged > MostUnacknowledged
            ? new QuicError(
                TransportErrorCode.ConnectionIdLimitError, "The peer retires connection ids faster than it acknowledges new ones.")
            : null;
    }

    /// <summary>A NEW_CONNECTION_ID frame arrived at the peer.</summary>
    public void OnAcknowledged() => _unacknowledged = Math.Max(0, _unacknowledged - 1);

    /// <summary>Nothing comes by these ids any more.</summary>
    public void Clear()
    {
        foreach (Entry entry in _active)
        {
            _registry.Remove(entry.Id, _session);
        }

        _active.Clear();
        HasOutput = false;
    }

    private void Fill()
    {
        while (_active.Count < _limit && (_registry.MakesSpareIds || _active.Count == 0))
        {
            _active.Add(new Entry(_next++, _registry.Add(_session), IsDue: true));
            _unacknowledged++;
            HasOutput = true;
        }
    }

    private readonly record struct Entry(long Sequence, ConnectionId Id, bool IsDue);
}
