using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// The sessions that a listener ended a short while ago, and what it says to those who go on: a goodbye may have been lost,
/// and a kcptun peer knows none (docs/wire/kcptun.md 7.8) and goes on until its own keep-alive gives up. Without this memory
/// its next datagram would open a connection that can never get anywhere, because it waits for a first segment which was
/// delivered long ago (docs/wire/kcptun.md 5.12).
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

    private readonly Dictionary<(PeerAddress Peer, uint Conversation), Entry> _entries = [];
    private readonly Queue<(PeerAddress Peer, uint Conversation, Timestamp ForgottenAt)> _order = [];

    public int Count => _entries.Count;

    /// <summary>Remembers a conversation from now on, and the word to answer with, if it is to be answered.</summary>
    public void Add(PeerAddress peer, uint conversation, GoodbyeReason? lastWord, Timestamp now)
    {
        Forget(now);
        Timestamp forgottenAt = now.Add(Lifetime);
        _entries[(peer, conversation)] = new Entry(forgottenAt, lastWord);
        _order.Enqueue((peer, conversation, forgottenAt));
    }

    /// <summary>Whether a conversation was closed lately, and the word to answer with.</summary>
    public bool TryFind(PeerAddress peer, uint conversation, Timestamp now, out GoodbyeReason? lastWord)
    {
        bool found = _entries.TryGetValue((peer, conversation), out Entry entry) && now < entry.ForgottenAt;
        lastWord = found ? entry.LastWord : null;
        return found;
    }

    private void Forget(Timestamp now)
    {
        while (_order.TryPeek(out (PeerAddress Peer, uint Conversation, Timestamp ForgottenAt) oldest)
            && (oldest.ForgottenAt <= now || _order.Count >= Capacity))
        {
            _order.Dequeue();

            // One that was closed again since stands further back in the queue too.
            (PeerAddress, uint) key = (oldest.Peer, oldest.Conversation);
            if (_entries.TryGetValue(key, out Entry entry) && entry.ForgottenAt == oldest.ForgottenAt)
            {
                _entries.Remove(key);
            }
        }
    }

    private readonly record struct Entry(Timestamp ForgottenAt, GoodbyeReason? LastWord);
}
