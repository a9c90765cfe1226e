using Causeway.Quic.Wire;

namespace Causeway.Quic.Paths;

/// <summary>The connection ids that the peer issued, by which this end addresses it (RFC 9000, 5.1).</summary>
internal sealed class RemoteConnectionIds
{
    /// <summary>How many this end keeps (active_connection_id_limit).</summary>
    public const int Limit = 8;

    // A peer that has ids retired faster than the frames that say so are acknowledged gains nothing by it (RFC 9000, 5.1.2).
    private const int MostRetiring = 8 * Limit;

    private const long PreferredSequence = 1;

    private readonly IConnectionIdRegistry _registry;
    private readonly QuicSession _session;
    private readonly List<Entry> _spare = [];
    private readonly Queue<long> _retiring = new();
    private int _retiringInFlight;
    private long _retirePriorTo;
    private Entry _current;

    public RemoteConnectionIds(QuicSession session, IConnectionIdRegistry registry, in ConnectionId first)
    {
        _session = session;
        _registry = registry;
        _current = new Entry(0, first, default, HasToken: false);
    }

    /// <summary>The id to send to.</summary>
    public ConnectionId Current => _current.Id;

    /// <summary>The token by which the peer would say that it forgot the connection of that id.</summary>
    public StatelessResetToken? CurrentToken => _current.HasToken ? _current.Token : null;

    /// <summary>The id that <see cref="TryChange()"/> goes on with; null if the peer issued no other.</summary>
    public ConnectionId? NextSpare => _spare.Count > 0 ? _spare[0].Id : null;

    /// <summary>Ids that are to be retired, or whose retirement the peer has not acknowledged.</summary>
    public int Retiring => _retiring.Count + _retiringInFlight;

    /// <summary>Whether a RETIRE_CONNECTION_ID frame is to be sent.</summary>
    public bool HasOutput => _retiring.Count > 0;

    /// <summary>The handshake told the peer's own choice, which takes the place of what this end began with.</summary>
    public void SetFirst(in ConnectionId id) => _current = _current with { Id = id };

    /// <summary>The token of the first id, from the transport parameters.</summary>
    public void SetFirstToken(in StatelessResetToken token)
    {
        _current = _current with { Token = token, HasToken = true };
        _registry.AddResetToken(token, _session);
    }

    /// <summary>The server's preferred address brought the id of sequence number 1 (RFC 9000, 5.1.1).</summary>
    public void AddPreferred(in ConnectionId id, in StatelessResetToken token) =>
        _spare.Insert(0, new Entry(PreferredSequence, id, token, HasToken: true));

    /// <summary>Goes on with a certain id, that of a path which was probed; with any other if the peer took that one back meanwhile.</summary>
    public bool TryChange(ConnectionId? id)
    {
        int index = id is { } wanted ? _spare.FindIndex(entry => entry.Id == wanted) : 0;
        if (index > 0)
        {
            (_spare[0], _spare[index]) = (_spare[index], _spare[0]);
        }

        return TryChange();
    }

    /// <summary>A NEW_CONNECTION_ID frame arrived (RFC 9000, 19.15).</summary>
    public QuicError? OnNew(long sequence, long retirePriorTo, in ConnectionId id, in StatelessResetToken token)
    {
        if (_current.Id.IsEmpty)
        {
            return new QuicError(
                TransportErrorCode.ProtocolViolation, "The peer uses connection ids of no length, and issued one more.");
        }

        foreach (Entry known in _spare.Append(_current))
        {
            if (known.Sequence == sequence && (known.Id != id || (known.HasToken && !known.Token.Equals(token))))
            {
                return new QuicError(TransportErrorCode.ProtocolViolation, "The peer gave a sequence number to two connection ids.");
            }

            if (known.Sequence != sequence && known.Id == id)
            {
                return new QuicError(TransportErrorCode.ProtocolViolation, "The peer gave a connection id two sequence numbers.");
            }

            if (known.Sequence == sequence)
            {
                return null;
            }
        }

        if (sequence < _retirePriorTo)
        {
            // It was retired before it came.
            return Retire(sequence);
        }

        _spare.Add(new Entry(sequence, id, token, HasToken: true));
        if (retirePriorTo > _retirePriorTo)
        {
            _retirePriorTo = retirePriorTo;
            for (int i = _spare.Count - 1; i >= 0; i--)
            {
                if (_spare[i].Sequence < retirePriorTo)
                {
                    long retired = _spare[i].Sequence;
                    _spare.RemoveAt(i);
                    if (Retire(retired) is { } error)
                    {
                        return error;
                    }
                }
            }

            if (_current.Sequence < retirePriorTo && !TryChange())
            {
                return new QuicError(TransportErrorCode.ConnectionIdLimitError, "The peer left no connection id to send to.");
            }
        }

        if (Retiring > MostRetiring)
        {
            return TooManyRetiring;
        }

        return _spare.Count + 1 > Limit
            ? new QuicError(TransportErrorCode.ConnectionIdLimitError, $"The peer issued more than {Limit} connection ids.")
            : null;
    }

    /// <summary>Sends to another id from now on, and retires the one that was used; false if there is none.</summary>
    public bool TryChange()
    {
        if (_spare.Count == 0)
        {
            return false;
        }

        if (_current.HasToken)
        {
            _registry.RemoveResetToken(_current.Token);
        }

        Retire(_current.Sequence);
        _current = _spare[0];
        _spare.RemoveAt(0);
        _registry.AddResetToken(_current.Token, _session);
        return true;
    }

    /// <summary>The next sequence number to retire.</summary>
    public bool TryNext(out long sequence) => _retiring.TryPeek(out sequence);

    /// <summary>A frame that retires it left.</summary>
    public void OnSent()
    {
        _retiring.Dequeue();
        _retiringInFlight++;
    }

    /// <summary>The frame arrived.</summary>
    public void OnAcknowledged() => _retiringInFlight--;

    /// <summary>The frame is lost.</summary>
    public void OnLost(long sequence)
    {
        _retiringInFlight--;
        _retiring.Enqueue(sequence);
    }

    /// <summary>The connection is over.</summary>
    public void Clear()
    {
        if (_current.HasToken)
        {
            _registry.RemoveResetToken(_current.Token);
            _current = _current with { HasToken = false };
        }

        _spare.Clear();
        _retiring.Clear();
    }

    private QuicError? Retire(long sequence)
    {
        _retiring.Enqueue(sequence);
        return Retiring > MostRetiring ? TooManyRetiring : null;
    }

    private static QuicError TooManyRetiring => new(
        TransportErrorCode.ConnectionIdLimitError, "The peer issues connection ids faster than it takes them back.");

    private readonly record struct Entry(long Sequence, ConnectionId Id, StatelessResetToken Token, bool HasToken);
}
