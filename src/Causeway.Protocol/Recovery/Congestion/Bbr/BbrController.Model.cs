namespace Causeway.Protocol.Recovery.Congestion;

/// <content>The model of the path and how samples and losses change it (section 5.5).</content>
public sealed partial class BbrController
{
    private const int AggregationRounds = 10;
    private const int RoundsToForgive = 2;

    // A probe presses by a quarter, so that a policer, which has no queue either, drops a fifth of it: bad luck is
    // less.
    private const double MostBadLuck = 0.1;

    // A path lets so much variation of its round-trip time pass as no queue.
    private const long RttNoiseMicroseconds = 1000;

    private LossBaseline _baseline;

    // The longest of the times that passed for the smallest round-trip time while the baseline was learned.
    private long _baselineRtt;
    private EmptyPathEvidence _emptyPath;
    private TwoSlotMaximum _maxBandwidth;
    private TwoSlotMaximum _extraAcked;
    private long _minRtt = Unbounded;
    private long _delivered;

    private long _roundCount;
    private long _nextRoundDelivered;
    private bool _roundStart;

    private long _lossRoundDelivered;
    private bool _lossRoundStart;
    private bool _lossInRound;
    private long _bandwidthLatest;
    private long _inflightLatest;

    private long _bandwidthShortTerm = Unbounded;
    private long _inflightShortTerm = Unbounded;
    private long _inflightLongTerm = Unbounded;
    private Undo _undo = new(BbrState.Startup, Unbounded, Unbounded, Unbounded);

    private Timestamp _aggregationStart;
    private long _aggregatedBytes;
    private int _aggregationRound;

    private RoundTally _round;
    private bool _isCalm;
    private bool _wasCalm;
    private bool _sawCalm;

    // The mean of the last round, above the smallest round-trip time.
    private long _queueDelay;
    private long _latestRtt;
    private long _excessLost;
    private int _roundsWithoutExcess;
    private bool _isWindowLimited;

    // What passed the bottleneck by the latest acknowledgement: what arrived, and what got lost behind it by nature.
    private long _passedRate;
    private long _passed;

    /// <summary>
    /// Whether less is sent now than the path delivers. Losses found then are not of our making. Cruising is no test: what a policer takes away would be taken for the
    /// nature of the path, and sent on top.
    /// </summary>
    private bool IsCalm => State == BbrState.ProbeRtt
        || (_fullBandwidthReached
            && _pacingRate <= DownPacingGain * (1 - RandomLoss) * _maxBandwidth.Value);

    /// <summary>Whether more is sent than the path is known to take: no time to conclude that it takes less.</summary>
    private bool IsSeekingBandwidth => State is BbrState.Startup or BbrState.ProbeBandwidthRefill or BbrState.ProbeBandwidthUp;

    // Section 5.5.10.3.
    private void UpdateLatestDeliverySignals(in AckEvent e)
    {
        _delivered = e.Delivered;
        _latestRtt = e.RttMicroseconds >= 0 ? e.RttMicroseconds : _latestRtt;
        _isCalm &= IsCalm;
        _lossRoundStart = false;
        RateSample rate = e.Rate;
        _passed = rate.Delivered + Math.Min(rate.Lost, (long)(RandomLoss * (rate.Delivered + rate.Lost)));
        _passedRate = rate.BytesPerSecond == 0 ? 0 : (long)((double)_passed / rate.Delivered * rate.BytesPerSecond);
        _bandwidthLatest = Math.Max(_bandwidthLatest, _passedRate);
        _inflightLatest = Math.Max(_inflightLatest, _passed);
        if (rate.HasSegment && rate.PriorDelivered >= _lossRoundDelivered)
        {
            _lossRoundDelivered = e.Delivered;
            _lossRoundStart = true;
        }
    }

    private void AdvanceLatestDeliverySignals()
    {
        if (_lossRoundStart)
        {
            _bandwidthLatest = _passedRate;
            _inflightLatest = _passed;
        }
    }

    private void UpdateCongestionSignals(in AckEvent e)
    {
        UpdateRound(in e);
        UpdateMaxBandwidth(in e);
        if (!_lossRoundStart)
        {
            return;
        }

        EndLossRound(in e);
        AdaptLowerBounds();
        _lossInRound = false;
    }

    // Section 5.5.1.
    private void UpdateRound(in AckEvent e)
    {
        _roundStart = e.Rate.HasSegment && e.Rate.PriorDelivered >= _nextRoundDelivered;
        if (_roundStart)
        {
            StartRound();
            _roundCount++;
            _roundsSinceProbe++;
        }
    }

    private void StartRound() => _nextRoundDelivered = _delivered;

    // Section 5.5.5. While the path is left half empty on purpose, samples show that and not the path.
    private void UpdateMaxBandwidth(in AckEvent e)
    {
        bool isLimited = e.Rate.IsAppLimited || State == BbrState.ProbeRtt || e.Rate.PriorDelivered < _probeRttEnd;
        if (_passedRate > 0 && (_passedRate >= _maxBandwidth.Value || !isLimited))
        {
            _maxBandwidth.Add(_passedRate);
        }
    }

    // Section 5.5.9.
    private void UpdateAckAggregation(in AckEvent e)
    {
        double expected = Bandwidth * (double)e.Now.MicrosecondsSince(_aggregationStart) / 1e6;
        if (_aggregatedBytes <= expected)
        {
            _aggregatedBytes = 0;
            _aggregationStart = e.Now;
            expected = 0;
        }

        _aggregatedBytes += e.Bytes;
        long extra = Math.Min((long)(_aggregatedBytes - expected), _window);
        int length = _fullBandwidthReached ? AggregationRounds : 1;
        if (_roundStart && ++_aggregationRound >= (length + 1) / 2)
        {
            _aggregationRound = 0;
            _extraAcked.Advance();
        }

        _extraAcked.Add(extra);
    }

    // Section 5.5.10.2.
    private void HandleLostSegment(in SegmentLoss e)
    {
        if (!_lossInRound)
        {
            _lossRoundDelivered = _delivered;
            SaveStateUponLoss();
        }

        _lossInRound = true;
        _round.Lost += e.Bytes;
        _round.LossRuns += e.Transmission == _round.LastLost + 1 ? 0 : 1;
        _round.LastLost = e.Transmission;
        if (_isCollectingProbeFeedback && IsTooMuch(e.LostSinceSend, e.InFlightAtSend)
            && !IsChance(e.LostSinceSend, e.InFlightAtSend))
        {
            HandleInflightTooHigh(InflightAtLoss(in e), e.IsAppLimited, e.Now);
        }
    }

    private bool IsTooMuch(long lost, long inFlight) => lost > inFlight * LossThreshold + Explained(inFlight);

    /// <summary>
    /// Whether losses that exceed the usual may be bad luck all the same: what left next to them found no queue that
    /// could have overflowed, and twice the allowance for chance explains them. Each lost segment of a probe asks anew,
    /// so that chance has many tries: where losses come in runs, every few probes exceed the single allowance.
    /// </summary>
    private bool IsChance(long lost, long inFlight) =>
        _toleratesRandomLoss && _latestRtt - _minRtt <= (_minRtt / 8) + RttNoiseMicroseconds
        && lost <= inFlight * LossThreshold + _baseline.Explains(inFlight, allowance: 2)
        && lost <= inFlight * (RandomLoss + MostBadLuck);

    private double Explained(long bytes) => _toleratesRandomLoss ? _baseline.Explains(bytes) : 0;

    /// <summary>How much was in flight when losses crossed the threshold, perhaps within this segment.</summary>
    private long InflightAtLoss(in SegmentLoss e)
    {
        long before = e.InFlightAtSend - e.Bytes;
        double allowed = (LossThreshold * before) + Explained(before);
        double prefix = (allowed - (e.LostSinceSend - e.Bytes)) / (1 - LossThreshold);
        return before + (long)Math.Clamp(prefix, 0, e.Bytes);
    }

    private void HandleInflightTooHigh(long inFlight, bool isAppLimited, Timestamp now)
    {
        _isCollectingProbeFeedback = false;
        if (!isAppLimited)
        {
            _inflightLongTerm = Math.Max(inFlight, (long)(TargetInflight * Beta));
        }

        if (State == BbrState.ProbeBandwidthUp)
        {
            StartDown(now);
        }
    }

    /// <summary>A round trip in which losses may have been found is over: what did they say?</summary>
    private void EndLossRound(in AckEvent e)
    {
        long sent = e.Delivered - _round.DeliveredAtStart + _round.Lost;
        _baseline.Observe(_round.Lost, sent);
        _queueDelay = _round.RttSamples == 0 ? Unbounded : (_round.RttSum / _round.RttSamples) - _minRtt;
        if (_round.RttSamples > 0)
        {
            _emptyPath.AddRound(_round.RttSum / _round.RttSamples);
        }

        if (_wasCalm && _queueDelay <= (_minRtt / 4) + RttNoiseMicroseconds)
        {
            LearnFromCalmRound(sent, e.Now);
        }

        _excessLost = _round.Lost - (long)Explained(sent);
        // What is acknowledged in the next round was sent in the one that ends here.
        _wasCalm = _isCalm;
        _isCalm = IsCalm;

        _lossRunsOfLastRound = _round.LossRuns;
        _lossShareOfLastRound = sent > 0 ? Math.Max(0, _excessLost) / (double)sent : 0;
        _round = new RoundTally
        {
            DeliveredAtStart = e.Delivered,
            LastLost = _round.LastLost,
        };
    }

    private void LearnFromCalmRound(long sent, Timestamp now)
    {
        if (!_emptyPath.Supports(_minRtt))
        {
            // It may be as calm as a queue that others keep full. A pause tells, if something hangs on it.
            _wantsProbeRtt |= _toleratesRandomLoss && _round.Lost > LossThreshold * sent
                && (_lastProbeRtt.IsNever || now.MicrosecondsSince(_lastProbeRtt) > ProbeRttIntervalMicroseconds);
            return;
        }

        double believed = RandomLoss;
        _baseline.AddRound(_round.Lost, _round.LossRuns, sent);
        _baselineRtt = Math.Max(_baselineRtt, _minRtt);
        _sawCalm = true;
        if (RandomLoss > LossThreshold && believed < RandomLoss / 2)
        {
            // The reductions since the last probe answered losses that were no congestion, so they are undone.
            ResetShortTermModel();
            _probeWait = 0;
        }
    }

    /// <summary>
    /// The smallest round-trip time is another one. If it is shorter than it was thought to be while the baseline was learned,
    /// the rounds that taught had a queue, and their losses were congestion.
    /// </summary>
    private void ReviseBaseline(long previousMinRtt)
    {
        if (_minRtt < _baselineRtt - (_baselineRtt / 8) - RttNoiseMicroseconds)
        {
            _baseline = new LossBaseline(_segmentSize);
            _baselineRtt = 0;
        }

        if (_minRtt - (_minRtt / 8) - RttNoiseMicroseconds > previousMinRtt)
        {
            _emptyPath = default;
        }
    }

    // Section 5.5.10.3.
    private void AdaptLowerBounds()
    {
        if (IsSeekingBandwidth)
        {
            return;
        }

        if (_lossInRound && _excessLost > 0)
        {
            InitLowerBounds();
            _bandwidthShortTerm = Math.Max(_bandwidthLatest, (long)(Beta * _bandwidthShortTerm));
            _inflightShortTerm = Math.Max(_inflightLatest, (long)(Beta * _inflightShortTerm));
            _roundsWithoutExcess = 0;
        }
        else if (RandomLoss > 0 && _queueDelay <= (_minRtt / 8) + RttNoiseMicroseconds
            && ++_roundsWithoutExcess >= RoundsToForgive)
        {
            // Random losses exceed any bound now and then. These came with no queue and no more than the usual loss.
            ResetShortTermModel();
        }
    }

    private void InitLowerBounds()
    {
        if (_bandwidthShortTerm == Unbounded)
        {
            _bandwidthShortTerm = _maxBandwidth.Value;
        }

        if (_inflightShortTerm == Unbounded)
        {
            _inflightShortTerm = _window;
        }
    }

    private void ResetShortTermModel()
    {
        _bandwidthShortTerm = Unbounded;
        _inflightShortTerm = Unbounded;
    }

    private void ResetCongestionSignals()
    {
        _lossInRound = false;
        _bandwidthLatest = 0;
        _inflightLatest = 0;
    }

    // Section 5.5.11.1.
    private void SaveStateUponLoss() =>
        _undo = new Undo(State, _bandwidthShortTerm, _inflightShortTerm, _inflightLongTerm);

    /// <summary>The path is not the one that the model describes (RFC 9002 section 7.6): begin again.</summary>
    private void ForgetPath()
    {
        _maxBandwidth = default;
        _inflightLongTerm = Unbounded;
        _fullBandwidthReached = false;
        _minRtt = Unbounded;
        _emptyPath = default;
        _probeRttMinDelay = Unbounded;
        _priorWindow = 0;
        ResetShortTermModel();
        ResetCongestionSignals();
        ResetFullBandwidth();
        EnterStartup();
    }

    /// <summary>What one round trip, as losses count it, has shown so far.</summary>
    private struct RoundTally
    {
        public long DeliveredAtStart;
        public long Lost;
        public int LossRuns;
        public long RttSum;
        public int RttSamples;
        public long LastLost;
    }

    private readonly record struct Undo(
        BbrState State, long BandwidthShortTerm, long InflightShortTerm, long InflightLongTerm);
}
