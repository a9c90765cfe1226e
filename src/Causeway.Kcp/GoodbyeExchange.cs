using Causeway.Kcp.Wire;

namespace Causeway.Kcp;

/// <summary>
/// How a session says that it is over, and what it makes of the peer saying so (docs/design/goodbye.md).
/// </summary>
/// <remarks>
/// <code>
/// open --Begin--> saying, up to three copies --peer's goodbye | last copy unanswered--> over
///      --goodbye of the peer's session--> heard
///      --answer of a peer without a session--> in doubt --silence--> heard
///                                                       --any other datagram of the peer--> open
/// </code>
/// </remarks>
internal sealed class GoodbyeExchange
{
    // One copy gets lost as often as any datagram; three, spread over some round trips, outlast a short burst of losses.
    private const int Copies = 3;

    // Apart by one and a half round trips, within what an application can be made to wait for its close.
    private const long LeastInterval = 20_000;
    private const long MostInterval = 200_000;

    // An answer from an end without a session can be had by anybody who repeats a recorded datagram from another address,
    // and be sent here while the session lives. A live session answers a probe within a round trip.
    private const long LeastDoubt = 20_000;
    private const long MostDoubt = 500_000;

    private Goodbye _doubted;
    private int _copiesLeft;
    private long _interval;
    private bool _isAnswerDue;

    /// <summary>What is said, or null.</summary>
    public GoodbyeReason? Said { get; private set; }

    /// <summary>What the peer said, once it counts, or null.</summary>
    public Goodbye? Heard { get; private set; }

    /// <summary>When the next copy is due, or the silence has lasted long enough; Never if there is nothing to wait for.</summary>
    public Timestamp DueAt { get; private set; } = Timestamp.Never;

    /// <summary>Whether nothing more is to be said or waited for.</summary>
    public bool IsOver => !_isAnswerDue && (Heard is not null || (Said is not null && DueAt.IsNever));

    /// <summary>Whether the session still moves data.</summary>
    public bool IsOpen => Said is null && Heard is null;

    /// <summary>Begins to say goodbye.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="isUnderstood">Whether the peer may be one that understands it; else nothing is sent.</param>
    /// <param name="smoothedRtt">The round trip in microseconds, 0 if it is not known.</param>
    /// <param name="now">The time.</param>
    public void Begin(GoodbyeReason reason, bool isUnderstood, long smoothedRtt, Timestamp now)
    {
        if (IsOpen)
        {
            Said = reason;
            _copiesLeft = isUnderstood ? Copies : 0;
            _interval = Math.Clamp(smoothedRtt + (smoothedRtt / 2), LeastInterval, MostInterval);
            DueAt = isUnderstood ? now : Timestamp.Never;
        }
    }

    /// <summary>The peer said goodbye.</summary>
    /// <param name="goodbye">What it said.</param>
    /// <param name="wasAlive">Whether the peer had sent anything else before.</param>
    /// <param name="smoothedRtt">The round trip in microseconds, 0 if it is not known.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether the peer should be asked for a sign of life, since it may not have been its session.</returns>
    public bool OnHeard(Goodbye goodbye, bool wasAlive, long smoothedRtt, Timestamp now)
    {
        if (Heard is not null)
        {
            return false;
        }

        if (goodbye.IsAnswer && wasAlive && Said is null)
        {
            bool isFirst = DueAt.IsNever;
            if (isFirst)
            {
                _doubted = goodbye;
                DueAt = now.AddMicroseconds(Math.Clamp(2 * smoothedRtt, LeastDoubt, MostDoubt));
            }

            return isFirst;
        }

        // Who says the same at the same time needs no answer: its own copies bring it one.
        _isAnswerDue = !goodbye.IsAnswer && Said is null;
        Heard = goodbye;
        DueAt = Timestamp.Never;
        return false;
    }

    /// <summary>Something else of the peer's session arrived: it lives.</summary>
    public void OnAlive()
    {
        if (IsOpen)
        {
            DueAt = Timestamp.Never;
        }
    }

    /// <summary>Ends a doubt whose time is up.</summary>
    public void Update(Timestamp now)
    {
        if (IsOpen && DueAt <= now)
        {
            Heard = _doubted;
            DueAt = Timestamp.Never;
        }
    }

    /// <summary>The datagram to send now, if there is one.</summary>
    public bool TryTake(Timestamp now, out Goodbye goodbye)
    {
        goodbye = default;
        if (_isAnswerDue)
        {
            _isAnswerDue = false;
            goodbye = new Goodbye(Heard!.Value.Reason, IsAnswer: true);
            return true;
        }

        if (Said is not { } reason || DueAt > now)
        {
            return false;
        }

        if (_copiesLeft == 0)
        {
            DueAt = Timestamp.Never;
            return false;
        }

        // After the last copy too, since its answer may still come.
        DueAt = now.AddMicroseconds(_interval);
        _copiesLeft--;
        _interval *= _copiesLeft > 0 ? 2 : 1;
        goodbye = new Goodbye(reason, IsAnswer: false);
        return true;
    }
}
