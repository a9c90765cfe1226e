namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// KCP's own congestion window (kcptun's nc = 0; docs/wire/kcptun.md 5.10), counted in segments: slow start, a slow
/// additive increase, half after a loss, one segment after a timeout. There for compatibility; newer controllers fill a
/// path better.
/// </summary>
/// <remarks>kcptun starts at 0 and makes that 1 after a first flush that sends nothing; this starts at 1.</remarks>
public sealed class ClassicController : CongestionController
{
    private const int LeastThreshold = 2;

    private readonly int _segmentSize;
    private readonly int _fastResend;
    private long _incremented;

    /// <summary>Makes a controller.</summary>
    /// <param name="segmentSize">Payload bytes of a full segment: the session's largest datagram minus 24.</param>
    /// <param name="fastResend">
    /// The session's <c>ArqOptions.FastResend</c>, which the window keeps open after a loss.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive, or negative.</exception>
    public ClassicController(int segmentSize, int fastResend)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);
        ArgumentOutOfRangeException.ThrowIfNegative(fastResend);
        _segmentSize = segmentSize;
        _fastResend = fastResend;
        _incremented = segmentSize;
    }

    /// <inheritdoc/>
    public override long Window => (long)Segments * _segmentSize;

    /// <summary>The window in segments (kcptun's cwnd).</summary>
    public int Segments { get; private set; } = 1;

    /// <summary>
    /// Below this many segments the window grows by one for each datagram that acknowledges (kcptun's ssthresh).
    /// </summary>
    public int SlowStartThreshold { get; private set; } = LeastThreshold;

    // The window in bytes, which grows by fractions of a segment (kcptun's incr).
    internal long Incremented => _incremented;

    /// <inheritdoc/>
    public override void OnAck(in AckEvent e)
    {
        int limit = e.PeerWindowSegments;
        if (!e.IsCumulativeAdvance || Segments >= limit)
        {
            return;
        }

        if (Segments < SlowStartThreshold)
        {
            Segments++;
            _incremented += _segmentSize;
        }
        else
        {
            long size = _segmentSize;
            _incremented = Math.Max(_incremented, size);
            _incremented += (size * size / _incremented) + (size / 16);
            if ((Segments + 1) * size <= _incremented)
            {
                Segments = (int)((_incremented + size - 1) / size);
            }
        }

        if (Segments > limit)
        {
            Segments = limit;
            _incremented = (long)limit * _segmentSize;
        }
    }

    /// <inheritdoc/>
    public override void OnLoss(in LossEvent e)
    {
        if (e.IsTimeout)
        {
            SlowStartThreshold = Math.Max(Math.Min(e.WindowSegments, Segments) / 2, LeastThreshold);
            Segments = 1;
        }
        else
        {
            SlowStartThreshold = Math.Max(e.OutstandingSegments / 2, LeastThreshold);

            // With fast retransmission off kcptun adds 0xFFFFFFFF, which wraps to one less.
            Segments = SlowStartThreshold + (_fastResend > 0 ? _fastResend : -1);
        }

        _incremented = (long)Segments * _segmentSize;
    }
}
