namespace Causeway.Quic.Paths;

/// <summary>The handshakes of one endpoint that are not complete, each of which is counted among the listener's.</summary>
/// <param name="counts">The listener's; null at a client, which admits nobody.</param>
internal sealed class HandshakeAdmission(HandshakeCounts? counts)
{
    private readonly Dictionary<QuicSession, Entry> _handshakes = [];

    /// <summary>Handshakes of this endpoint that are not complete.</summary>
    public int Count => _handshakes.Count;

    /// <summary>A handshake began that is counted already.</summary>
    public void Add(QuicSession session, in PeerAddress peer, bool isValidated) =>
        _handshakes.Add(session, new Entry(peer, isValidated));

    /// <summary>A client has proved its address.</summary>
    public void OnValidated(QuicSession session)
    {
        if (_handshakes.TryGetValue(session, out Entry entry) && !entry.IsValidated)
        {
            _handshakes[session] = entry with { IsValidated = true };
            counts!.OnValidated(entry.Peer);
        }
    }

    /// <summary>A handshake is complete, or the session is over. May be called more than once.</summary>
    public void Remove(QuicSession session)
    {
        if (_handshakes.Remove(session, out Entry entry))
        {
            counts!.End(entry.Peer, entry.IsValidated);
        }
    }

    private readonly record struct Entry(PeerAddress Peer, bool IsValidated);
}
