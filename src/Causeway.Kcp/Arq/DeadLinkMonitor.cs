namespace Causeway.Kcp.Arq;

/// <summary>
/// Notices that nobody is there. Silence alone is no sign, since an idle peer is silent: it counts from the first
/// transmission after the last sign of life. Several attempts must have gone unanswered too, so that a process that
/// slept for an hour asks again before it gives up.
/// </summary>
internal sealed class DeadLinkMonitor(int transmissionLimit, long timeoutMicroseconds)
{
    private const int LeastAttempts = 5;

    private Timestamp _waitingSince = Timestamp.Never;
    private int _attempts;

    /// <summary>Since when something waits for an answer and nothing was heard; Never if nothing waits.</summary>
    public Timestamp WaitingSince => _waitingSince;

    /// <summary>When the silence has lasted too long; Never while it may go on.</summary>
    public Timestamp Deadline =>
        _attempts < LeastAttempts ? Timestamp.Never : _waitingSince.AddMicroseconds(timeoutMicroseconds);

    /// <summary>Something left that asks for an answer.</summary>
    public void OnSent(Timestamp now) => _waitingSince = Timestamp.Min(_waitingSince, now);

    /// <summary>A timer ran out, or a window probe left.</summary>
    public void OnAttempt() => _attempts++;

    /// <summary>Something valid arrived.</summary>
    /// <param name="stillWaiting">Whether there is more that was not answered.</param>
    /// <param name="now">The time.</param>
    public void OnHeard(bool stillWaiting, Timestamp now)
    {
        _waitingSince = stillWaiting ? now : Timestamp.Never;
        _attempts = 0;
    }

    /// <summary>The verdict, or null while there is hope.</summary>
    /// <param name="transmissions">Transmissions of the oldest segment in flight.</param>
    /// <param name="now">The time.</param>
    public ArqFailure? Check(int transmissions, Timestamp now)
    {
        if (_waitingSince.IsNever)
        {
            return null;
        }

        if (Deadline <= now)
        {
            return ArqFailure.PeerSilent;
        }

        long silence = now.MicrosecondsSince(_waitingSince);
        return transmissions >= transmissionLimit && _attempts >= LeastAttempts && silence >= timeoutMicroseconds / 4 * 3
            ? ArqFailure.TransmissionLimit
            : null;
    }
}
