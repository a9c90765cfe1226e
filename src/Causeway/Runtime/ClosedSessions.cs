using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// The conversations that a listener closed a short while ago. The wire has no goodbye (docs/wire/kcptun.md 7.8), so
/// that a peer goes on sending until its own keep-alive gives up; without this memory its next datagram would open a
/// connection that can never get anywhere, because it waits for a first segment which was delivered long ago (spec
/// 5.12).
/// </summary>
internal sealed class ClosedSessions
{
    /// <summary>
    /// The longest that a datagram lives in a network (RFC 9293, section 3.4.1, "Maximum Segment Lifetime"); four times
    /// as long as kcptun's peers go on by themselves.
    /// </summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(2);

    /// <summary>The most that are remembered, some 200 kilobytes; then the oldest is forgotten.</summary>
    public const int Capacity = 2048;

    private readonly Dictionary<(PeerAddress Peer, uint Conversation), Timestamp> _forgottenAt = [];
    private readonly Queue<(PeerAddress Peer, uint Conversation, Timestamp ForgottenAt)> _order = [];

    public int Count => _forgottenAt.Count;

    /// <summary>Remembers a conversation from now on.</summary>
    public void Add(PeerAddress peer, uint conversation, Timestamp now)
    {
        Forget(now);
        Timestamp forgottenAt = now.Add(Lifetime);
        _forgottenAt[(peer, conversation)] = forgottenAt;
        _order.Enqueue((peer, conversation, forgottenAt));
    }

    /// <summary>Whether a conversation was closed lately.</summary>
    public bool Contains(PeerAddress peer, uint conversation, Timestamp now) =>
        _forgottenAt.TryGetValue((peer, conversation), out Timestamp forgottenAt) && now < forgottenAt;

    private void Forget(Timestamp now)
    {
        while (_order.TryPeek(out (PeerAddress Peer, uint Conversation, Timestamp ForgottenAt) oldest)
            && (oldest.ForgottenAt <= now || _order.Count >= Capacity))
        {
            _order.Dequeue();

            // One that was closed again since stands further back in the queue too.
            (PeerAddress, uint) key = (oldest.Peer, oldest.Conversation);
            if (_forgottenAt.TryGetValue(key, out Timestamp forgottenAt) && forgottenAt == oldest.ForgottenAt)
            {
                _forgottenAt.Remove(key);
            }
        }
    }
}
