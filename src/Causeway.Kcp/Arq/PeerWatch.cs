using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Whether the peer is there, and whether it is still the one that the conversation began with: silence and the questions that
/// end it, the verdict on a dead link, and a peer that has forgotten everything.
/// </summary>
internal sealed class PeerWatch
{
    private readonly DeadLinkMonitor _deadLink;
    private readonly RestartDetector _restart = new();
    private readonly SilenceProbe _silence = new();
    private readonly RttEstimator _rtt;
    private readonly bool _asks;
    private uint _heartbeatsFrom;

    /// <param name="options">The session's settings.</param>
    /// <param name="rtt">What is known of the path's length.</param>
    /// <param name="initialSequence">The first segment to be written.</param>
    public PeerWatch(ArqOptions options, RttEstimator rtt, uint initialSequence)
    {
        _rtt = rtt;
        _asks = options.Recovery == LossRecovery.Rack;
        _heartbeatsFrom = initialSequence;
        _deadLink = new DeadLinkMonitor(
            options.DeadLinkTransmissions, options.DeadLinkTimeout.Ticks / TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>
    /// Since when something that was sent waits for an answer and nothing at all was heard; Never if nothing waits. May be read
    /// by any thread.
    /// </summary>
    public Timestamp WaitingSince => _deadLink.WaitingSince;

    /// <summary>When something valid last arrived, or Never if nothing has.</summary>
    public Timestamp HeardAt { get; private set; } = Timestamp.Never;

    /// <summary>When to ask into the silence.</summary>
    public Timestamp AskAt => _asks
        ? _silence.DueAt(_deadLink.WaitingSince, _rtt.Shortest, _rtt.Rto)
        : Timestamp.Never;

    /// <summary>When to send a challenge to a peer that may have forgotten; Never while nothing is suspected.</summary>
    public Timestamp ChallengeAt => _restart.ChallengeAt;

    /// <summary>The sequence number that a challenge bears.</summary>
    public uint ChallengeSequence => _restart.ChallengeSequence;

    /// <summary>When there is something to do or to judge.</summary>
    public Timestamp Deadline => Timestamp.Min(_deadLink.Deadline, Timestamp.Min(_restart.ChallengeAt, AskAt));

    /// <summary>The verdict, or null while there is hope.</summary>
    /// <param name="transmissions">Transmissions of the oldest segment in flight.</param>
    /// <param name="now">The time.</param>
    public ArqFailure? Check(int transmissions, Timestamp now) => _deadLink.Check(transmissions, now);

    /// <summary>What was written up to there is more than heartbeats, whose sender has a patience of its own.</summary>
    public void OnWritten(uint end) => _heartbeatsFrom = end;

    /// <summary>A data segment left.</summary>
    public void OnSent(uint sequence, Timestamp now) => _deadLink.OnSent(IsHeartbeat(sequence), now);

    /// <summary>A timer ran out.</summary>
    public void OnAttempt() => _deadLink.OnAttempt();

    /// <summary>A question for the peer's window left, for want of room.</summary>
    public void OnWindowAsked(Timestamp now)
    {
        _deadLink.OnSent(isHeartbeat: false, now);
        _deadLink.OnAttempt();
    }

    /// <summary>A question into the silence left.</summary>
    public void OnSilenceAsked(Timestamp now) => _silence.OnSent(now);

    /// <summary>A challenge left.</summary>
    /// <param name="time">Its timestamp.</param>
    /// <param name="now">The time.</param>
    public void OnChallenged(uint time, Timestamp now) => _restart.OnChallenged(time, _rtt.Smoothed, now);

    /// <summary>Something valid arrived.</summary>
    /// <param name="stillWaiting">Whether there is more that was not answered.</param>
    /// <param name="unacknowledged">The oldest segment that the peer has not passed.</param>
    /// <param name="isRegress">
    /// Whether its una was below an earlier one: a peer that was restarted says nothing of the path to the one before.
    /// </param>
    /// <param name="now">The time.</param>
    /// <returns>Whether that ends a silence in which this side has asked: the path is back.</returns>
    public bool OnHeard(bool stillWaiting, uint unacknowledged, bool isRegress, Timestamp now)
    {
        HeardAt = now;
        _deadLink.OnHeard(stillWaiting, stillWaiting && IsHeartbeat(unacknowledged), now);
        bool isBack = _silence.IsOutstanding && !isRegress;
        if (isBack)
        {
            _silence.OnHeard();
        }

        return isBack;
    }

    /// <summary>A segment with a una at least as high as any before arrived.</summary>
    public void OnCurrent() => _restart.OnCurrent();

    /// <summary>The peer's una grew.</summary>
    public void OnAdvanced(Timestamp now) => _restart.OnAdvanced(now);

    /// <summary>A segment with a una below an earlier one arrived: it was overtaken, or the peer has forgotten.</summary>
    /// <param name="header">The segment's header.</param>
    /// <param name="ring">What was sent.</param>
    /// <param name="recovered">Whether error correction rebuilt it, so that it is late for certain.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it proves that the peer has forgotten.</returns>
    public bool IsForgotten(in SegmentHeader header, SendRing ring, bool recovered, Timestamp now)
    {
        if (header.Command == SegmentCommand.Ack
            && (_restart.IsAnswer(header.Sequence, header.Time)
                || (ring.WasSent(header.Sequence) && _restart.IsProof(ring[header.Sequence], header.Time))))
        {
            return true;
        }

        if (!recovered)
        {
            _restart.OnRegress(header.Unacknowledged, _rtt.Smoothed, now);
        }

        return false;
    }

    /// <summary>This side did not run for so long: it could not hear.</summary>
    public void Shift(long microseconds)
    {
        _deadLink.Shift(microseconds);
        _silence.Shift(microseconds);
        _restart.Shift(microseconds);
    }

    private bool IsHeartbeat(uint sequence) => !Sequence.IsBefore(sequence, _heartbeatsFrom);
}
