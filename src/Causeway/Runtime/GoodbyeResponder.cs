using Causeway.Protocol;
using Causeway.Protocol.Wire;

namespace Causeway.Runtime;

/// <summary>
/// Answers datagrams that belong to no session with a goodbye, so that their sender need not find out by silence
/// (docs/design/goodbye.md). An answer is never longer than what it answers, and there is a limit to how many leave, so that
/// nobody can be flooded by way of this end with a forged source address.
/// </summary>
/// <remarks>Used by one shard, on its turns.</remarks>
internal sealed class GoodbyeResponder
{
    // As many clients as that can be told at once that their server was restarted; the others ask again.
    private const int Burst = 256;
    private const long MicrosecondsPerAnswer = 1_000;

    private Timestamp _spentUntil = new(long.MinValue / 2);

    /// <summary>Answers a datagram.</summary>
    /// <returns>False if no answer was sent: it would be too much, or too long, or an answer to an answer.</returns>
    public bool TryAnswer(
        Shard shard, PacketBuffer datagram, PeerAddress peer, uint conversation, GoodbyeReason reason, Timestamp now)
    {
        if (datagram.Length < Goodbye.DatagramSize
            || (Goodbye.TryRead(datagram.Payload, out _, out Goodbye received) && received.IsAnswer))
        {
            return false;
        }

        Timestamp from = Timestamp.Max(_spentUntil, now.AddMicroseconds(-Burst * MicrosecondsPerAnswer));
        if (from > now || !shard.SendGoodbye(peer, conversation, new Goodbye(reason, IsAnswer: true), now))
        {
            return false;
        }

        _spentUntil = from.AddMicroseconds(MicrosecondsPerAnswer);
        return true;
    }
}
