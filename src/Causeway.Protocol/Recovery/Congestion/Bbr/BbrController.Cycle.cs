namespace Causeway.Protocol.Recovery.Congestion;

/// <content>The search for bandwidth: startup, drain, and the cycle of probes (section 5.3.1 to 5.3.3).</content>
public sealed partial class BbrController
{
    private const double GrowthOfOpenPath = 1.25;
    private const int RoundsOfFullPath = 3;
    private const int LossRunsOfFullPath = 6;
    private const int MaxDrainRounds = 3;

    // How long to wait for a whole round trip of losses that a low rate cannot have caused.
    private const int MaxCalmRounds = 4;
    private const int MaxRenoRounds = 63;
    private const int MaxSlopeRounds = 30;
    private const long ProbeWaitMicroseconds = 2_000_000;
    private const long ProbeWaitSpreadMicroseconds = 1_000_000;

    private bool _fullBandwidthNow;
    private bool _fullBandwidthReached;
    private long _fullBandwidth;
    private int _fullBandwidthCount;
    private int _lossRunsOfLastRound;
    private double _lossShareOfLastRound;

    private long _drainStartRound;
    private long _downStartRound;
    private AckPhase _ackPhase = AckPhase.Init;
    private bool _isCollectingProbeFeedback;
    private Timestamp _cycleStamp;
    private long _probeWait;
    private int _roundsSinceProbe;
    private int _probeUpRounds;
    private long _probeUpAcked;
    private long _probeUpQuota = Unbounded;
    private bool _hadQueueBeforeUp;

    /// <summary>What the acknowledgements that arrive now are about (section 2.10).</summary>
    private enum AckPhase
    {
        Init,
        Refilling,
        ProbeStarting,
        ProbeFeedback,
        ProbeStopping,
    }

    private bool IsProbingBandwidth => State is BbrState.ProbeBandwidthDown or BbrState.ProbeBandwidthCruise
        or BbrState.ProbeBandwidthRefill or BbrState.ProbeBandwidthUp;

    private void EnterStartup() => State = BbrState.Startup;

    // Section 5.3.1.2.
    private void CheckFullBandwidthReached(in AckEvent e)
    {
        if (_fullBandwidthNow || !_roundStart || e.Rate.IsAppLimited || _passedRate == 0)
        {
            return;
        }

        if (_passedRate >= _fullBandwidth * GrowthOfOpenPath)
        {
            ResetFullBandwidth();
            _fullBandwidth = _passedRate;
            return;
        }

        _fullBandwidthCount++;
        _fullBandwidthNow = _fullBandwidthCount >= RoundsOfFullPath;
        _fullBandwidthReached |= _fullBandwidthNow;
    }

    private void ResetFullBandwidth()
    {
        _fullBandwidth = 0;
        _fullBandwidthCount = 0;
        _fullBandwidthNow = false;
    }

    private void CheckStartupDone(in AckEvent e)
    {
        if (State != BbrState.Startup)
        {
            return;
        }

        // Section 5.3.1.3. Losses in a round in which twice as much arrived are not those of a full path.
        if (!_fullBandwidthReached && _lossRoundStart && _fullBandwidthCount > 0 && _lossShareOfLastRound > LossThreshold
            && _lossRunsOfLastRound >= LossRunsOfFullPath)
        {
            EndStartup();
        }

        if (_fullBandwidthReached)
        {
            State = BbrState.Drain;
            _drainStartRound = _roundCount;
        }
    }

    private void EndStartup()
    {
        _fullBandwidthReached = true;
        _inflightLongTerm = Math.Max(BdpMultiple(1), _inflightLatest);
    }

    // Section 5.3.2.
    private void CheckDrainDone(in AckEvent e)
    {
        if (State == BbrState.Drain
            && (e.BytesInFlight <= Inflight(1) || _roundCount > _drainStartRound + MaxDrainRounds))
        {
            StartDown(e.Now);
        }
    }

    // Section 5.3.3.6.
    private void UpdateCyclePhase(in AckEvent e)
    {
        if (!_fullBandwidthReached)
        {
            return;
        }

        AdaptLongTermModel(in e);
        switch (State)
        {
            case BbrState.ProbeBandwidthDown:
                if (!TryStartRefill(e.Now) && IsTimeToCruise(e.BytesInFlight))
                {
                    State = BbrState.ProbeBandwidthCruise;
                }

                break;
            case BbrState.ProbeBandwidthCruise:
                TryStartRefill(e.Now);
                break;
            case BbrState.ProbeBandwidthRefill when _roundStart:
                _isCollectingProbeFeedback = true;
                StartUp(_passedRate);
                break;
            case BbrState.ProbeBandwidthUp when IsTimeToGoDown(in e):
                StartDown(e.Now);
                break;
        }
    }

    private void AdaptLongTermModel(in AckEvent e)
    {
        if (_ackPhase == AckPhase.ProbeStarting && _roundStart)
        {
            _ackPhase = AckPhase.ProbeFeedback;
        }

        if (_ackPhase == AckPhase.ProbeStopping && _roundStart)
        {
            _ackPhase = AckPhase.Init;
            _isCollectingProbeFeedback = false;
            if (IsProbingBandwidth && !e.Rate.IsAppLimited)
            {
                _maxBandwidth.Advance();
            }
        }

        if (!e.Rate.HasSegment || IsTooMuch(e.Rate.Lost, e.Rate.InFlightAtSend) || _inflightLongTerm == Unbounded)
        {
            return;
        }

        _inflightLongTerm = Math.Max(_inflightLongTerm, e.Rate.InFlightAtSend);
        if (State == BbrState.ProbeBandwidthUp)
        {
            ProbeInflightUpward(e.Bytes);
        }
    }

    private void ProbeInflightUpward(long acked)
    {
        if (!_isWindowLimited || _window < _inflightLongTerm)
        {
            return;
        }

        _probeUpAcked += acked;
        if (_probeUpAcked >= _probeUpQuota)
        {
            long steps = _probeUpAcked / _probeUpQuota;
            _probeUpAcked -= steps * _probeUpQuota;
            _inflightLongTerm += steps * _segmentSize;
        }

        if (_roundStart)
        {
            RaiseSlope();
        }
    }

    // One more segment for each so many bytes acknowledged, twice as often each round.
    private void RaiseSlope()
    {
        long growth = 1L << _probeUpRounds;
        _probeUpRounds = Math.Min(_probeUpRounds + 1, MaxSlopeRounds);
        _probeUpQuota = Math.Max(_window / growth, 1);
    }

    private void StartDown(Timestamp now)
    {
        ResetCongestionSignals();
        _baseline.Age(_sawCalm);
        _sawCalm = false;
        _probeUpQuota = Unbounded;
        _roundsSinceProbe = NextRandom(now) < 0.5 ? 0 : 1;
        _probeWait = ProbeWaitMicroseconds + (long)(NextRandom(now) * ProbeWaitSpreadMicroseconds);
        _cycleStamp = now;
        _ackPhase = AckPhase.ProbeStopping;
        StartRound();
        _downStartRound = _roundCount;
        State = BbrState.ProbeBandwidthDown;
    }

    // Section 5.3.3.5.3.
    private bool TryStartRefill(Timestamp now)
    {
        long renoRounds = Math.Min(TargetInflight / _segmentSize, MaxRenoRounds);
        if (now.MicrosecondsSince(_cycleStamp) <= _probeWait && _roundsSinceProbe < renoRounds)
        {
            return false;
        }

        ResetShortTermModel();
        _probeUpRounds = 0;
        _probeUpAcked = 0;
        _ackPhase = AckPhase.Refilling;
        StartRound();
        State = BbrState.ProbeBandwidthRefill;
        return true;
    }

    private void StartUp(long deliveryRate)
    {
        _ackPhase = AckPhase.ProbeStarting;
        StartRound();
        ResetFullBandwidth();
        _fullBandwidth = deliveryRate;
        _hadQueueBeforeUp = _queueDelay > (_minRtt / 8) + RttNoiseMicroseconds;
        State = BbrState.ProbeBandwidthUp;
        RaiseSlope();
    }

    private bool IsTimeToCruise(long inFlight) =>
        (!_toleratesRandomLoss || _sawCalm || _roundCount >= _downStartRound + MaxCalmRounds)
        && inFlight <= InflightWithHeadroom && inFlight <= Inflight(1, _maxBandwidth.Value);

    private bool IsTimeToGoDown(in AckEvent e)
    {
        if (_isWindowLimited && _window >= _inflightLongTerm)
        {
            ResetFullBandwidth();
            _fullBandwidth = _passedRate;
            return false;
        }

        // What is in flight grew by a quarter and the bandwidth did not follow, or this would be a quarter of more. With a
        // queue that was there before, which others may keep, it tells nothing.
        return _fullBandwidthNow
            || (!_hadQueueBeforeUp && _ackPhase == AckPhase.ProbeFeedback
                && e.BytesInFlight >= Inflight(UpPacingGain, _maxBandwidth.Value));
    }
}
