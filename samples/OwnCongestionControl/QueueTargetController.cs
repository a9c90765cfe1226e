using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Samples;

/// <summary>
/// An application's own congestion controller, for bulk data that should not be noticed: it aims at 10 ms of queue in the
/// network and takes losses for noise, in the manner of LEDBAT (RFC 6817).
/// </summary>
internal sealed class QueueTargetController(int segmentSize) : CongestionController
{
    private const double TargetMicroseconds = 10_000;

    private double _window = 10 * segmentSize;
    private long _emptyRtt = long.MaxValue;
    private long _rtt;
    private bool _isStarting = true;

    public override long Window => (long)_window;

    // A quarter more than a window per round trip, so that pacing does not leave the window unused.
    public override long PacingRate => _rtt == 0 ? 0 : (long)(_window * 1.25e6 / _rtt);

    public override void OnAck(in AckEvent e)
    {
        _rtt = e.SmoothedRttMicroseconds;
        if (e.RttMicroseconds < 0)
        {
            return;
        }

        // 1 with an empty queue, 0 at the target, negative beyond it.
        _emptyRtt = Math.Min(_emptyRtt, e.RttMicroseconds);
        double room = 1 - ((e.RttMicroseconds - _emptyRtt) / TargetMicroseconds);
        _isStarting &= room > 0.5;

        // Doubles in a round trip at first; later one segment, up or down. A window that is not used up does not grow.
        double step = _isStarting ? e.Bytes : Math.Clamp(room, -1, 1) * segmentSize * e.Bytes / _window;
        if (step < 0 || e.IsCongestionLimited)
        {
            _window = Math.Max(_window + step, 2 * segmentSize);
        }
    }

    public override void OnLoss(in LossEvent e)
    {
        // No acknowledgement arrived for a while, so the delay is unknown.
        if (e.IsTimeout)
        {
            _window = Math.Max(_window / 2, 2 * segmentSize);
        }
    }
}
