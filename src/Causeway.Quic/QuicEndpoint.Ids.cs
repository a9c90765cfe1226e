using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>What sessions ask of their endpoint: connection ids, tokens, and their part in its limits.</content>
internal sealed partial class QuicEndpoint : IConnectionIdRegistry
{
    bool IConnectionIdRegistry.MakesSpareIds => _ids.MakesSpareIds;

    ConnectionId IConnectionIdRegistry.Add(QuicSession session)
    {
        if (IdLength == 0)
        {
            return ConnectionId.Empty;
        }

        ConnectionId id;
        do
        {
            id = _ids.Next();
        }
        while (!_byId.TryAdd(id, session));
        return id;
    }

    void IConnectionIdRegistry.Add(in ConnectionId id, QuicSession session) => _byId.TryAdd(id, session);

    void IConnectionIdRegistry.Remove(in ConnectionId id, QuicSession session)
    {
        if (_byId.TryGetValue(id, out QuicSession? owner) && ReferenceEquals(owner, session))
        {
            _byId.Remove(id);
            _port?.Release(id, _settings.Shard);
        }
    }

    StatelessResetToken IConnectionIdRegistry.TokenOf(in ConnectionId id) => _resetKey.TokenOf(id);

    void IConnectionIdRegistry.AddResetToken(in StatelessResetToken token, QuicSession session)
    {
        // A client finds its one session without; a server is never reset by a client that closed its socket.
    }

    void IConnectionIdRegistry.RemoveResetToken(in StatelessResetToken token)
    {
    }

    void IConnectionIdRegistry.OnAddressValidated(QuicSession session) => _admission.OnValidated(session);

    void IConnectionIdRegistry.OnHandshakeOver(QuicSession session)
    {
        _admission.Remove(session);
        _port?.Release(session.SourceId, _settings.Shard);
    }

    ReadOnlyMemory<byte> IConnectionIdRegistry.NewToken(QuicVersion version, in PeerAddress peer, Timestamp now)
    {
        if (!_settings.SendsAddressTokens)
        {
            return default;
        }

        Now = Timestamp.Max(Now, now);
        byte[] token = new byte[AddressTokenKeys.TokenLength];
        _tokenKeys.WriteNewToken(token, version, peer, UnixTime, _settings.Random);
        return token;
    }
}
