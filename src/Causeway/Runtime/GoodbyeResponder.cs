using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// Tells peers that a session is over which has no one here to say so itself (docs/design/goodbye.md): a last word of one that
/// ended, and answers to datagrams that belong to none. An answer is never longer than what it answers, and there is a limit
/// to how many leave, so that nobody can be flooded by way of this end with a forged source address.
/// </summary>
/// <remarks>Used by one shard, on its turns.</remarks>
internal sealed class GoodbyeResponder(TransportEndpoint endpoint)
{
    // As many clients as that can be told at once that their server was restarted; the others ask again.
    private const int Burst = 256;
    private const long MicrosecondsPerAnswer = 1_000;

    private Timestamp _spentUntil = Timestamp.LongAgo;

    /// <summary>Says the last word of a session that has not said it itself.</summary>
    public void SayLastWord(Shard shard, IDrivenSession session, Timestamp now)
    {
        if (session.LastWord is { } word && !session.Session.IsClosing)
        {
            PacketBuffer datagram = endpoint.NewGoodbye(session.Session.RoutingId, word, isAnswer: false);
            datagram.Path = session.Path;
            shard.SendOrDrop(datagram, now);
        }
    }

    /// <summary>Answers a datagram.</summary>
    /// <returns>False if no answer was sent: it would be too much, or too long, or an answer to an answer.</returns>
    public bool TryAnswer(
        Shard shard, PacketBuffer datagram, in Routing routing, PeerAddress peer, uint routingId, GoodbyeReason reason, Timestamp now)
    {
        Timestamp from = Timestamp.Max(_spentUntil, now.AddMicroseconds(-Burst * MicrosecondsPerAnswer));
        if (routing.IsAnswer || from > now)
        {
            return false;
        }

        PacketBuffer answer = endpoint.NewGoodbye(routingId, reason, isAnswer: true);
        if (answer.Length > datagram.Length)
        {
            answer.Release();
            return false;
        }

        answer.Path = new DatagramPath(peer, datagram.Path.Local);
        if (!shard.SendOrDrop(answer, now))
        {
            return false;
        }

        _spentUntil = from.AddMicroseconds(MicrosecondsPerAnswer);
        return true;
    }
}
