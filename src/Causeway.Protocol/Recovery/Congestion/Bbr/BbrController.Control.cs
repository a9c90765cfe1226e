namespace Causeway.Protocol.Recovery.Congestion;

/// <content>Pacing rate and window from the model (section 5.6).</content>
public sealed partial class BbrController
{
    private bool _hasSeenRtt;
    private long _priorWindow;
    private bool _isInTimeoutRecovery;
    private long _timeoutRecoveryEnd;

    // The table of section 5.6.1.
    private double PacingGain => State switch
    {
        BbrState.Startup => StartupPacingGain,
        BbrState.Drain => DrainPacingGain,
        BbrState.ProbeBandwidthDown => DownPacingGain,
        BbrState.ProbeBandwidthUp => UpPacingGain,
        _ => 1,
    };

    private double WindowGain => State switch
    {
        BbrState.ProbeBandwidthUp => UpWindowGain,
        BbrState.ProbeRtt => ProbeRttWindowGain,
        _ => DefaultWindowGain,
    };

    private long LeastWindow => LeastWindowSegments * _segmentSize;

    // Section 5.6.3: what may leave at once, and what may wait in the sending host.
    private long SendQuantum => Math.Clamp(_pacingRate / 1000, 2 * _segmentSize, 64 << 10);

    private long TargetInflight => Math.Min(BdpMultiple(1), _window);

    private long InflightWithHeadroom => _inflightLongTerm == Unbounded
        ? Unbounded
        : Math.Max(_inflightLongTerm - Math.Max(_segmentSize, (long)(Headroom * _inflightLongTerm)), LeastWindow);

    private long ProbeRttWindow => Math.Max(BdpMultiple(ProbeRttWindowGain), LeastWindow);

    private long BdpMultiple(double gain) => BdpMultiple(gain, Bandwidth);

    private long BdpMultiple(double gain, long bandwidth) => _minRtt == Unbounded || bandwidth == 0
        ? InitialWindowSegments * _segmentSize
        : (long)(gain * bandwidth * _minRtt / 1e6);

    private long Inflight(double gain) => Quantized(BdpMultiple(gain));

    private long Inflight(double gain, long bandwidth) => Quantized(BdpMultiple(gain, bandwidth));

    // Section 5.6.4.2.
    private long Quantized(long inFlight)
    {
        inFlight = Math.Max(Math.Max(inFlight, SendQuantum), LeastWindow);
        return State == BbrState.ProbeBandwidthUp ? inFlight + (2 * _segmentSize) : inFlight;
    }

    // Section 5.6.2.
    private void SetPacingRate(double gain)
    {
        if (_maxBandwidth.Value == 0)
        {
            return;
        }

        // A rate that is low to see what the path loses anyway must not rest on what was believed of that.
        double share = State == BbrState.ProbeBandwidthDown ? 1 - RandomLoss : 1;
        long rate = (long)(gain * Bandwidth * share * PacingMargin);
        if (_fullBandwidthReached || rate > _pacingRate)
        {
            _pacingRate = Math.Max(rate, 1);
        }
    }

    /// <summary>Replaces the nominal rate once there is a round-trip time.</summary>
    private void InitPacingRate(long smoothedRtt)
    {
        if (!_hasSeenRtt && smoothedRtt > 0)
        {
            _hasSeenRtt = true;
            _pacingRate = (long)(StartupPacingGain * InitialWindowSegments * _segmentSize * 1e6 / smoothedRtt);
        }
    }

    // Section 5.6.4.6.
    private void SetWindow(in AckEvent e)
    {
        if (_isInTimeoutRecovery && e.Rate.HasSegment && e.Rate.PriorDelivered >= _timeoutRecoveryEnd)
        {
            _isInTimeoutRecovery = false;
            RestoreWindow();
        }

        long most = Quantized(BdpMultiple(WindowGain) + _extraAcked.Value);
        if (_fullBandwidthReached)
        {
            _window = Math.Min(_window + e.Bytes, most);
        }
        else if (_window < most || e.Delivered < InitialWindowSegments * _segmentSize)
        {
            _window += e.Bytes;
        }

        _window = Math.Max(_window, LeastWindow);
        if (State == BbrState.ProbeRtt)
        {
            _window = Math.Min(_window, ProbeRttWindow);
        }

        // Section 5.6.4.7.
        long bound = State switch
        {
            BbrState.ProbeRtt or BbrState.ProbeBandwidthCruise => InflightWithHeadroom,
            _ when IsProbingBandwidth => _inflightLongTerm,
            _ => Unbounded,
        };
        bound = Math.Max(Math.Min(bound, _inflightShortTerm), LeastWindow);
        _window = Math.Min(_window, bound);
    }

    private void SaveWindow() =>
        _priorWindow = _isInTimeoutRecovery || State == BbrState.ProbeRtt ? Math.Max(_priorWindow, _window) : _window;

    private void RestoreWindow() => _window = Math.Max(_window, _priorWindow);
}
