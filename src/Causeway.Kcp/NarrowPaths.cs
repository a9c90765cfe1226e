namespace Causeway.Kcp;

/// <summary>
/// Peers to which long datagrams do not get, by address without port, since a new session comes from another: their next
/// sessions are made with shorter ones. A bounded memory; when it is full it begins anew.
/// </summary>
internal sealed class NarrowPaths
{
    private const int Most = 1024;

    private readonly Dictionary<PeerAddress, int> _mtus = [];

    /// <summary>A session that sent datagrams of up to that size failed for it.</summary>
    public void Note(PeerAddress peer, TransportProfile profile)
    {
        if (profile.WithShorterDatagrams() is not { } shorter)
        {
            return;
        }

        if (_mtus.Count == Most)
        {
            _mtus.Clear();
        }

        _mtus[peer.WithoutPort()] = shorter.Mtu;
    }

    /// <summary>The largest datagram for the next session of a peer; null for the usual.</summary>
    public int? Find(PeerAddress peer) =>
        _mtus.Count > 0 && _mtus.TryGetValue(peer.WithoutPort(), out int mtu) ? mtu : null;
}
