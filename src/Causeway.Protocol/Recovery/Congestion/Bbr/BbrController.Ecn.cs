namespace Causeway.Protocol.Recovery.Congestion;

/// <content>
/// The response to congestion marks, which the draft leaves open: that of its authors' BBRv3 for Linux (github.com/google/bbr,
/// branch v3, net/ipv4/tcp_bbr.c). The share of marked datagrams, averaged over round trips as in DCTCP (RFC 8257 section
/// 3.3), says by how much less may be in flight; most of them marked means that a probe, or startup, has filled the path.
/// </content>
/// <remarks>
/// <para>
/// Theirs takes marks only where the round trip was once 5 ms or less. Here they have been asked for, so that they are
/// answered on any path (RFC 3168 section 5).
/// </para>
/// <para>
/// Theirs looks at whole round trips. Here marks are told of several times in one, so that a probe ends with the first report
/// of most of them, and startup adds nothing to what is in flight until two round trips of them have ended it.
/// </para>
/// </remarks>
public sealed partial class BbrController
{
    // Their ecn_alpha_gain, ecn_factor, ecn_thresh and full_ecn_cnt.
    private const double MarkGain = 1.0 / 16;
    private const double MarkCut = 1.0 / 3;
    private const double MarkThreshold = 0.5;
    private const int MarkedRoundsOfFullPath = 2;

    // Their ecn_alpha_init: the first marks count in full.
    private double _markAverage = 1;
    private long _markedInRound;
    private long _reportedInRound;
    private int _markedRounds;
    private bool _areMostMarked;

    /// <inheritdoc/>
    public override bool AnswersMarks => true;

    /// <inheritdoc/>
    public override void OnEcnMarks(in EcnEvent e)
    {
        _markedInRound += e.Marked;
        _reportedInRound += e.Received;
        _areMostMarked = e.Marked > e.Received * MarkThreshold;
        if (!_fullBandwidthReached)
        {
            _inflightShortTerm = Math.Min(_inflightShortTerm, e.BytesInFlight);
        }
    }

    /// <summary>Draws the conclusions from the marks of the latest report, and of a round trip when it is over.</summary>
    private void UpdateMarks(in AckEvent e)
    {
        if (_areMostMarked && _isCollectingProbeFeedback)
        {
            HandleInflightTooHigh(e.Rate.InFlightAtSend, e.Rate.IsAppLimited, e.Now);
        }

        _areMostMarked = false;
        if (_roundStart)
        {
            EndMarkRound();
        }
    }

    private void EndMarkRound()
    {
        double share = _reportedInRound > 0 ? (double)_markedInRound / _reportedInRound : 0;
        _markedInRound = _reportedInRound = 0;
        _markAverage += (share - _markAverage) * MarkGain;
        _markedRounds = share > MarkThreshold ? _markedRounds + 1 : 0;
        if (!_fullBandwidthReached)
        {
            if (_markedRounds >= MarkedRoundsOfFullPath)
            {
                EndStartup();
            }
            else if (_markedRounds == 0)
            {
                _inflightShortTerm = Unbounded;
            }
        }

        if (share > 0 && !IsSeekingBandwidth)
        {
            long before = _inflightShortTerm == Unbounded ? _window : _inflightShortTerm;
            _inflightShortTerm = (long)(before * (1 - (_markAverage * MarkCut)));

            // Marks are congestion, whatever becomes of the losses that were found before.
            _undo = _undo with { InflightShortTerm = Math.Min(_undo.InflightShortTerm, _inflightShortTerm) };
        }
    }
}
