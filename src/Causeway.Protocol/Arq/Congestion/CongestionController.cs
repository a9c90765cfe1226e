namespace Causeway.Protocol.Arq.Congestion;

/// <summary>
/// Decides how much may be in flight and how fast it may leave. An application can bring its own: derive, override,
/// pass a factory in the options. Called by one <c>ArqSession</c>, on one thread at a time; it must not block or throw.
/// </summary>
public abstract class CongestionController
{
    /// <summary>The most bytes that may be in flight (sent, neither acknowledged nor deemed lost).</summary>
    public abstract long Window { get; }

    /// <summary>Bytes a second at which datagrams may leave, or 0 for no pacing.</summary>
    public virtual long PacingRate => 0;

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
}

/// <summary>What left, for <see cref="CongestionController.OnSent"/>.</summary>
public readonly record struct SentEvent
{
    /// <summary>When.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes in this transmission.</summary>
    public required int Bytes { get; init; }

    /// <summary>Bytes in flight, these included.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>Whether these bytes had been sent before.</summary>
    public required bool IsRetransmission { get; init; }
}

/// <summary>What was acknowledged, for <see cref="CongestionController.OnAck"/>.</summary>
public readonly record struct AckEvent
{
    /// <summary>When the acknowledgement arrived.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes newly acknowledged.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments newly acknowledged.</summary>
    public required int Segments { get; init; }

    /// <summary>Whether the oldest unacknowledged sequence number moved.</summary>
    public required bool IsCumulativeAdvance { get; init; }

    /// <summary>Bytes still in flight.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>
    /// The round-trip sample of the datagram's last acknowledgement in microseconds, or -1 if there is none.
    /// </summary>
    public required long RttMicroseconds { get; init; }

    /// <summary>The smoothed round-trip time in microseconds, 0 before the first sample.</summary>
    public required long SmoothedRttMicroseconds { get; init; }

    /// <summary>The peer's advertised window in segments.</summary>
    public required int PeerWindowSegments { get; init; }

    /// <summary>Payload bytes of a full segment.</summary>
    public required int SegmentSize { get; init; }
}

/// <summary>What was deemed lost, for <see cref="CongestionController.OnLoss"/>.</summary>
public readonly record struct LossEvent
{
    /// <summary>When the loss was detected.</summary>
    public required Timestamp Now { get; init; }

    /// <summary>Payload bytes deemed lost.</summary>
    public required long Bytes { get; init; }

    /// <summary>Segments deemed lost.</summary>
    public required int Segments { get; init; }

    /// <summary>Bytes in flight before the loss was taken off.</summary>
    public required long PriorBytesInFlight { get; init; }

    /// <summary>Whether a timer found it (no later acknowledgement did).</summary>
    public required bool IsTimeout { get; init; }

    /// <summary>When the newest of the lost segments had been sent.</summary>
    public required Timestamp NewestSentAt { get; init; }

    /// <summary>Payload bytes of a full segment.</summary>
    public required int SegmentSize { get; init; }

    /// <summary>
    /// Segments sent and not passed by the peer's cumulative acknowledgement, the lost ones included.
    /// </summary>
    public required int OutstandingSegments { get; init; }

    /// <summary>The smaller of the send window and the peer's window, in segments.</summary>
    public required int WindowSegments { get; init; }
}
