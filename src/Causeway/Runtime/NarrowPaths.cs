using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// Peers to which long datagrams do not get, by address without port, since a new session comes from another: their next
/// sessions are made with shorter ones. A bounded memory; when it is full it begins anew.
/// </summary>
internal sealed class NarrowPaths
{
    private const int Most = 1024;

    private readonly Dictionary<PeerAddress, TransportProfile> _profiles = [];

    /// <summary>A session with that profile failed for its long datagrams.</summary>
    public void Note(PeerAddress peer, TransportProfile profile)
    {
        if (profile.WithShorterDatagrams() is not { } shorter)
        {
            return;
        }

        if (_profiles.Count == Most)
        {
            _profiles.Clear();
        }

        _profiles[peer.WithoutPort()] = shorter;
    }

    /// <summary>What to make the next session of a peer from; null for the usual.</summary>
    public TransportProfile? Find(PeerAddress peer) => _profiles.Count == 0 ? null : _profiles.GetValueOrDefault(peer.WithoutPort());
}
