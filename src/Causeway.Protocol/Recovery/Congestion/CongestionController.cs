namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// Decides how much may be in flight and how fast it may leave. An application can bring its own: derive, override,
/// pass a factory in the options. Called by one <c>ArqSession</c>, on one thread at a time; it must not block or throw.
/// </summary>
/// <remarks>All byte counts are of payload: headers, parity and second copies are not in them.</remarks>
public abstract class CongestionController
{
    /// <summary>The most bytes that may be in flight (sent, neither acknowledged nor deemed lost).</summary>
    public abstract long Window { get; }

    /// <summary>Payload bytes a second that may leave, or 0 for no pacing.</summary>
    public virtual long PacingRate => 0;

    /// <summary>
    /// Whether <see cref="OnEcnMarks"/> makes it send less. Only then datagrams leave capable of marks: routers mark in place
    /// of dropping, and a sender that goes on as before would take the path from everybody else (RFC 3168 section 5). The
    /// answer must always be the same. Default false.
    /// </summary>
    public virtual bool AnswersMarks => false;

    /// <summary>A datagram's worth of data left.</summary>
    public virtual void OnSent(in SentEvent e)
    {
    }

    /// <summary>
    /// Data was acknowledged. Raised once for each received datagram that acknowledged a segment or moved the cumulative
    /// acknowledgement, perhaps over segments that were all acknowledged before (then with 0 bytes).
    /// </summary>
    public virtual void OnAck(in AckEvent e)
    {
    }

    /// <summary>
    /// One segment was deemed lost. Raised for each of them, before the <see cref="OnLoss"/> that sums them up.
    /// </summary>
    public virtual void OnSegmentLost(in SegmentLoss e)
    {
    }

    /// <summary>Data was deemed lost. Raised once for each detection, however many segments it found.</summary>
    public virtual void OnLoss(in LossEvent e)
    {
    }

    /// <summary>
    /// The latest losses were none: each of the segments deemed lost since all was well turned out to have arrived in
    /// its original transmission.
    /// </summary>
    public virtual void OnSpuriousLoss(Timestamp now)
    {
    }

    /// <summary>
    /// The peer reports datagrams that a router marked instead of dropping them (RFC 3168). Raised once for each report
    /// of new marks, before the <see cref="OnAck"/> of the same datagram.
    /// </summary>
    public virtual void OnEcnMarks(in EcnEvent e)
    {
    }
}
