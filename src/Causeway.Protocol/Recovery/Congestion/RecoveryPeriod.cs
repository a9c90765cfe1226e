namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// The time from a reduction of the window until data is acknowledged that was sent after it (RFC 9002 section 7.3.2).
/// What is lost or marked of the data sent before belongs to the same congestion, which has been answered; and its
/// acknowledgements do not let the window grow.
/// </summary>
internal struct RecoveryPeriod
{
    private bool _hasBegun;
    private Timestamp _begunAt;
    private long _deliveredBefore;
    private long _delivered;
    private bool _wasActiveAtMarks;

    /// <summary>Whether it lasts.</summary>
    public bool IsActive { get; private set; }

    /// <summary>Whether data sent at this time is covered by the last reduction.</summary>
    public readonly bool Covers(Timestamp sentAt) => _hasBegun && sentAt <= _begunAt;

    /// <summary>
    /// Whether newly reported marks are covered. A report is about what arrived since the one before, so that one which came
    /// within the period leaves open what the next one is about.
    /// </summary>
    public bool CoversMarks()
    {
        bool isCovered = IsActive || _wasActiveAtMarks;
        _wasActiveAtMarks = IsActive;
        return isCovered;
    }

    /// <summary>The window was reduced.</summary>
    public void Begin(Timestamp now)
    {
        _hasBegun = true;
        _begunAt = now;
        _deliveredBefore = _delivered;
        IsActive = true;
    }

    /// <summary>Data was acknowledged. An acknowledgement that does not tell what of does not end the period.</summary>
    public void OnAck(in AckEvent e)
    {
        _delivered = e.Delivered;

        // Losses are looked for when acknowledgements have come and before more is sent, so that what was sent later
        // left after at least as many bytes had been acknowledged, and what was sent earlier after fewer.
        if (IsActive && e.Rate.HasSegment && e.Rate.PriorDelivered >= _deliveredBefore)
        {
            IsActive = false;
        }
    }

    /// <summary>The reduction was taken back: what it covered may still turn out to be lost.</summary>
    public void Cancel()
    {
        _hasBegun = false;
        IsActive = false;
    }
}
