using Causeway.Quic.Paths;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>
/// An endpoint among others of the same listener, each with a socket of its own on one port. What arrives here and belongs to another
/// one's session is named so (<see cref="RoutingKind.OtherEndpoint"/>), for the driver to hand over.
/// </content>
/// <remarks>
/// While a handshake is under way, clients send to an id that they chose, then to the first one that they were given: both are in
/// <see cref="SharedPort"/>. All later ids show their endpoint to who has the listener's key.
/// </remarks>
internal sealed partial class QuicEndpoint
{
    private readonly SharedPort? _port;
    private PeerAddress _openingPeer;
    private bool _isOpening;

    /// <summary>Which endpoint has an id that this one does not know; false if it is nobody's, or would be this one's.</summary>
    /// <param name="id">The destination id of a datagram.</param>
    /// <param name="isInitial">
    /// Whether it may be of a client's own choice, which is random and would look like another endpoint's now and then: one of 256
    /// connections and endpoints would live elsewhere than its datagrams arrive.
    /// </param>
    /// <param name="other">What to tell the driver.</param>
    private bool TryFindOther(ReadOnlySpan<byte> id, bool isInitial, out Routing other)
    {
        other = default;
        if (_port is null || id.Length > ConnectionId.MaxLength)
        {
            return false;
        }

        if (!_port.TryFind(new ConnectionId(id), out int owner))
        {
            owner = isInitial ? ConnectionIdSource.NoShard : _ids.ShardOf(id);
        }

        other = OfOther(owner);
        return owner != _settings.Shard && (uint)owner < (uint)_port.Shards;
    }

    /// <summary>An admitted handshake begins, unless another endpoint received of the same one at the same time.</summary>
    private Routing RouteOpening(in PeerAddress peer)
    {
        _isOpening = true;
        _openingPeer = peer;
        ConnectionId first = _opening.DestinationId;
        int owner = _port?.Claim(first, _settings.Shard) ?? _settings.Shard;
        if (owner == _settings.Shard)
        {
            return new Routing(RoutingKind.Opening, null, (uint)first.GetHashCode(), IsFirst: true);
        }

        CancelOpening();
        return OfOther(owner);
    }

    /// <summary>What was counted and claimed for the opening is a session's from here on.</summary>
    private void PassOpening(QuicSession session, in PeerAddress peer)
    {
        if (!_isOpening)
        {
            // Nothing arrived: the driver tries whether sessions can be made.
            _handshakes!.Begin(peer, _opening.IsAddressValidated);
        }

        _isOpening = false;
        _admission.Add(session, peer, _opening.IsAddressValidated);
        _port?.Claim(session.SourceId, _settings.Shard);
    }

    /// <summary>Gives back what was counted and claimed for a first packet, if the driver made no session of it.</summary>
    private void CancelOpening()
    {
        if (_isOpening)
        {
            _isOpening = false;
            _handshakes!.End(_openingPeer, _opening.IsAddressValidated);
            _port?.Release(_opening.DestinationId, _settings.Shard);
        }
    }

    private static Routing OfOther(int endpoint) => new(RoutingKind.OtherEndpoint, null, 0, IsFirst: false) { Endpoint = endpoint };
}
