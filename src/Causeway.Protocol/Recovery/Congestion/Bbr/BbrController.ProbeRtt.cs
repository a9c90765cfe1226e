namespace Causeway.Protocol.Recovery.Congestion;

/// <content>The round-trip time of the empty path, and the pauses in which it shows (section 5.3.4).</content>
public sealed partial class BbrController
{
    private const long ProbeRttIntervalMicroseconds = 5_000_000;
    private const long ProbeRttDurationMicroseconds = 200_000;
    private const long MinRttFilterMicroseconds = 10_000_000;

    // A sample that exceeds the smallest by less than this share counts as the smallest, since clocks are no more exact.
    // A larger share would let flows that share a queue take the queue for the path.
    private const int SimilarRttShare = 64;

    private long _probeRttMinDelay = Unbounded;
    private Timestamp _probeRttMinStamp;
    private Timestamp _minRttStamp;
    private bool _probeRttExpired;
    private Timestamp _probeRttDoneAt = Timestamp.Never;
    private bool _probeRttRoundDone;
    private long _probeRttEnd;
    private long _minRttBeforeProbe;

    // Beyond the draft's regular pauses: one to find out whether the smallest round-trip time is to be believed.
    private bool _wantsProbeRtt;
    private Timestamp _lastProbeRtt = Timestamp.Never;
    private bool _idleRestart;

    // Section 5.3.4.3.
    private void UpdateMinRtt(in AckEvent e)
    {
        long rtt = e.RttMicroseconds;
        if (_probeRttMinDelay == Unbounded)
        {
            _probeRttMinStamp = _minRttStamp = e.Now;
        }

        _probeRttExpired = e.Now.MicrosecondsSince(_probeRttMinStamp) > ProbeRttIntervalMicroseconds;
        if (rtt >= 0)
        {
            _round.RttSum += rtt;
            _round.RttSamples++;
            _emptyPath.AddSample(rtt);
            if (rtt < _probeRttMinDelay || _probeRttExpired)
            {
                _probeRttMinDelay = rtt;
                _probeRttMinStamp = e.Now;
            }
            else if (rtt <= _minRtt + (_minRtt / SimilarRttShare))
            {
                _probeRttMinStamp = _minRttStamp = e.Now;
            }
        }

        bool isMinRttExpired = e.Now.MicrosecondsSince(_minRttStamp) > MinRttFilterMicroseconds;
        if (_probeRttMinDelay < _minRtt || isMinRttExpired)
        {
            long previous = _minRtt;
            _minRtt = _probeRttMinDelay;
            _minRttStamp = _probeRttMinStamp;
            ReviseBaseline(previous);
        }
    }

    private void CheckProbeRtt(in AckEvent e)
    {
        if (State != BbrState.ProbeRtt && (_probeRttExpired || _wantsProbeRtt) && !_idleRestart)
        {
            SaveWindow();
            State = BbrState.ProbeRtt;
            _minRttBeforeProbe = _minRtt;
            _probeRttDoneAt = Timestamp.Never;
            _ackPhase = AckPhase.ProbeStopping;
            StartRound();
        }

        if (State == BbrState.ProbeRtt)
        {
            HandleProbeRtt(in e);
        }

        if (e.Bytes > 0)
        {
            _idleRestart = false;
        }
    }

    private void HandleProbeRtt(in AckEvent e)
    {
        if (_probeRttDoneAt.IsNever)
        {
            if (e.BytesInFlight <= ProbeRttWindow)
            {
                _probeRttDoneAt = e.Now.AddMicroseconds(ProbeRttDurationMicroseconds);
                _probeRttRoundDone = false;
                _emptyPath.BeginPause(_minRttBeforeProbe);
                StartRound();
            }

            return;
        }

        _probeRttRoundDone |= _roundStart;
        if (_probeRttRoundDone)
        {
            CheckProbeRttDone(e.Now);
        }
    }

    private void CheckProbeRttDone(Timestamp now)
    {
        if (_probeRttDoneAt.IsNever || now <= _probeRttDoneAt)
        {
            return;
        }

        _emptyPath.EndPause();
        _wantsProbeRtt = false;
        _lastProbeRtt = now;
        _probeRttMinStamp = now;
        _probeRttDoneAt = Timestamp.Never;

        // What is in flight now left while the path was half empty.
        _probeRttEnd = _delivered;
        RestoreWindow();
        ResetShortTermModel();
        if (_fullBandwidthReached)
        {
            StartDown(now);
            State = BbrState.ProbeBandwidthCruise;
        }
        else
        {
            EnterStartup();
        }
    }
}
