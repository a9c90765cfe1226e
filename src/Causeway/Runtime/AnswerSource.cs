using Causeway.Links;

namespace Causeway.Runtime;

/// <summary>
/// Whose datagrams a client takes for its server's. A server with several addresses, on a socket bound to any, may answer
/// from another one than was dialled; then a connected socket never sees the answers. So when none has come for a while, the
/// socket is disconnected until it is known where they come from.
/// </summary>
/// <remarks>
/// <code>
/// Quiet --first datagram leaves--> Waiting --answer--> Settled
///                                  Waiting --patience over--> Open --answer of the dialled address--> Settled
///                                                             Open --answer of another address--> Settled
/// </code>
/// <para>
/// Another address of the server's that the session knows (<see cref="Expect"/>) is let in beside these.
/// </para>
/// <para>
/// What arrives here has passed the packet cipher. An answer, moreover, names the session, with KCP by 32 bits that this side
/// chose at random, and comes from the port that was dialled. With a cipher that proves nothing (none, null, xor) this is all there
/// is: whoever guesses the bits and the client's port could as well have forged the dialled address.
/// </para>
/// Used by one shard, on its turns.
/// </remarks>
internal sealed class AnswerSource
{
    private readonly IConnectedLink _link;
    private readonly PeerAddress _dialled;
    private readonly Func<PacketBuffer, bool> _namesSession;
    private readonly TimeSpan _patience;
    private State _state = State.Quiet;
    private PeerAddress _source;
    private PeerAddress _other;

    /// <summary>Begins with the dialled address alone.</summary>
    /// <param name="link">The client's link.</param>
    /// <param name="dialled">The address that it is connected to.</param>
    /// <param name="namesSession">Whether a datagram names the client's session.</param>
    /// <param name="patience">How long to wait for an answer of the dialled address; infinite for ever.</param>
    public AnswerSource(IConnectedLink link, PeerAddress dialled, Func<PacketBuffer, bool> namesSession, TimeSpan patience)
    {
        _link = link;
        _dialled = dialled;
        _namesSession = namesSession;
        _patience = patience;
        _source = dialled;
    }

    private enum State
    {
        Quiet,
        Waiting,
        Open,
        Settled,
    }

    /// <summary>When the waiting for an answer is over; never while nobody waits.</summary>
    public Timestamp Deadline { get; private set; } = Timestamp.Never;

    /// <summary>Datagrams of others that came while the system let anyone's in.</summary>
    public long Refused { get; private set; }

    /// <summary>A datagram left.</summary>
    public void OnSent(Timestamp now)
    {
        if (_state == State.Quiet)
        {
            _state = State.Waiting;
            Deadline = _patience == Timeout.InfiniteTimeSpan ? Timestamp.Never : now.Add(_patience);
        }
    }

    /// <summary>Disconnects the link if the deadline has passed. Not to be called while a send is under way.</summary>
    public void OnTurn(Timestamp now)
    {
        if (Deadline <= now)
        {
            Deadline = Timestamp.Never;
            _state = _link.TryDisconnect() ? State.Open : State.Settled;
        }
    }

    /// <summary>
    /// The session knows another address of its server's, and may move there: lets its datagrams in too. None changes nothing. Not to
    /// be called while a send is under way.
    /// </summary>
    public void Expect(PeerAddress other)
    {
        if (other.IsNone || other == _other)
        {
            return;
        }

        // If the system has no way to disconnect, nothing comes from there, and the session stays where it is.
        _other = other;
        _link.TryDisconnect();
    }

    /// <summary>Whether the session should see a datagram.</summary>
    public bool Admits(PacketBuffer datagram)
    {
        switch (_state)
        {
            case State.Open:
                return AdmitsToOpen(datagram);
            case State.Settled when _source == _dialled && _other.IsNone:
                return true;
            case State.Settled:
                return Count(datagram.Peer == _source || datagram.Peer == _dialled || datagram.Peer == _other);
            default:
                if (_namesSession(datagram))
                {
                    Settle(_dialled);
                }

                return true;
        }
    }

    private bool AdmitsToOpen(PacketBuffer datagram)
    {
        PeerAddress peer = datagram.Peer;
        if (!_namesSession(datagram))
        {
            // Parity, perhaps: it names no session, and decides nothing.
            return Count(peer == _dialled);
        }

        if (peer == _dialled)
        {
            // Refused, it goes on letting in anyone's.
            Settle(_dialled);
            _source = _link.TryReconnect() ? _dialled : default;
        }
        else if (peer.Port == _dialled.Port)
        {
            Settle(peer);
        }

        return Count(peer == _dialled || peer == _source);
    }

    private void Settle(PeerAddress source)
    {
        _state = State.Settled;
        _source = source;
        Deadline = Timestamp.Never;
    }

    private bool Count(bool admits)
    {
        Refused += admits ? 0 : 1;
        return admits;
    }
}
