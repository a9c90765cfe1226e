namespace Causeway.Kcp.Arq;

/// <summary>
/// Notices that nobody is there. Silence alone is no sign, since an idle peer is silent: it counts from the first
/// transmission after the last sign of life. Several attempts must have gone unanswered too, so that a process that
/// slept for an hour asks again before it gives up. Heartbeats are not judged here: who sends them has a patience of its own.
/// </summary>
internal sealed class DeadLinkMonitor(int transmissionLimit, long timeoutMicroseconds)
{
    private const int LeastAttempts = 5;

    private int _attempts;
    private Timestamp _judgedSince = Timestamp.Never;

    /// <summary>Since when nothing has been heard while something waits for an answer; Never while nothing waits.</summary>
    public Timestamp WaitingSince { get; private set; } = Timestamp.Never;

    /// <summary>When the silence has lasted too long; Never while it may go on.</summary>
    public Timestamp Deadline =>
        _attempts < LeastAttempts ? Timestamp.Never : _judgedSince.AddMicroseconds(timeoutMicroseconds);

    /// <summary>Something left that asks for an answer.</summary>
    /// <param name="isHeartbeat">Whether it was nothing but a heartbeat.</param>
    /// <param name="now">The time.</param>
    public void OnSent(bool isHeartbeat, Timestamp now)
    {
        WaitingSince = Timestamp.Min(WaitingSince, now);
        if (!isHeartbeat)
        {
            _judgedSince = Timestamp.Min(_judgedSince, now);
        }
    }

    /// <summary>A timer ran out, or a window probe left.</summary>
    public void OnAttempt() => _attempts++;

    /// <summary>Something valid arrived.</summary>
    /// <param name="stillWaiting">Whether there is more that was not answered.</param>
    /// <param name="isHeartbeat">Whether that is nothing but heartbeats.</param>
    /// <param name="now">The time.</param>
    public void OnHeard(bool stillWaiting, bool isHeartbeat, Timestamp now)
    {
        WaitingSince = stillWaiting ? now : Timestamp.Never;
        _judgedSince = stillWaiting && !isHeartbeat ? now : Timestamp.Never;
        _attempts = 0;
    }

    /// <summary>This side did not run for so long: it could not hear.</summary>
    public void Shift(long microseconds)
    {
        WaitingSince = WaitingSince.AddMicroseconds(microseconds);
        _judgedSince = _judgedSince.AddMicroseconds(microseconds);
    }

    /// <summary>The verdict, or null while there is hope.</summary>
    /// <param name="transmissions">Transmissions of the oldest segment in flight.</param>
    /// <param name="now">The time.</param>
    public ArqFailure? Check(int transmissions, Timestamp now)
    {
        if (_judgedSince.IsNever)
        {
            return null;
        }

        if (Deadline <= now)
        {
            return ArqFailure.PeerSilent;
        }

        long silence = now.MicrosecondsSince(_judgedSince);
        return transmissions >= transmissionLimit && _attempts >= LeastAttempts && silence >= timeoutMicroseconds / 4 * 3
            ? ArqFailure.TransmissionLimit
            : null;
    }
}
