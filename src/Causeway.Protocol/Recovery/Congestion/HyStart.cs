namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// HyStart++ (RFC 9406): ends the first slow start when round trips become longer, before the queue overflows. It first
/// goes on at a quarter of the speed, in case the longer round trips were only jitter.
/// </summary>
/// <remarks>
/// <code>
/// slow start --(round-trip time rose)--> conservative slow start --(five rounds)--> finished
///            &lt;--(it fell again)--------
/// </code>
/// For the first slow start of a session only (section 4.3): later ones have a threshold to stop at.
/// </remarks>
internal sealed class HyStart
{
    // Section 4.3, the recommended values, times in microseconds.
    private const long MinRttThreshold = 4_000;
    private const long MaxRttThreshold = 16_000;
    private const int MinRttDivisor = 8;
    private const int SamplesNeeded = 8;
    private const int ConservativeGrowthDivisor = 4;
    private const int ConservativeRounds = 5;

    private const long None = long.MaxValue;

    private long _roundEndsAt;
    private long _lastRoundMinRtt = None;
    private long _currentRoundMinRtt = None;
    private int _samples;
    private long _baselineMinRtt = None;
    private int _conservativeRounds;

    /// <summary>Whether it has become conservative.</summary>
    public bool IsConservative => _baselineMinRtt != None;

    /// <summary>Whether the conservative rounds are over: the window of now becomes the slow start threshold.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Takes an acknowledgement; call it for each one during slow start, whether or not the window may grow.</summary>
    public void OnAck(in AckEvent e)
    {
        // A round ends with the first acknowledgement of a segment that was sent after the last round's end.
        if (e.Rate.HasSegment && e.Rate.PriorDelivered >= _roundEndsAt)
        {
            _roundEndsAt = e.Delivered;
            BeginRound();
        }

        if (e.RttMicroseconds >= 0 && !IsFinished)
        {
            _currentRoundMinRtt = Math.Min(_currentRoundMinRtt, e.RttMicroseconds);
            _samples++;
            JudgeRtt();
        }
    }

    /// <summary>
    /// Bytes by which the window grows for so many acknowledged ones. Since sending is paced, there is no limit for one
    /// acknowledgement (L of section 4.3).
    /// </summary>
    public long Growth(long acknowledged) => IsConservative ? acknowledged / ConservativeGrowthDivisor : acknowledged;

    private void BeginRound()
    {
        _lastRoundMinRtt = _currentRoundMinRtt;
        _currentRoundMinRtt = None;
        _samples = 0;

        // The round in which it became conservative counts, though it was not a whole one.
        if (IsConservative)
        {
            _conservativeRounds++;
            IsFinished = _conservativeRounds >= ConservativeRounds;
        }
    }

    private void JudgeRtt()
    {
        if (_samples < SamplesNeeded)
        {
            return;
        }

        if (IsConservative)
        {
            if (_currentRoundMinRtt < _baselineMinRtt)
            {
                _baselineMinRtt = None;
                _conservativeRounds = 0;
            }
        }
        else if (_lastRoundMinRtt != None)
        {
            long threshold = Math.Clamp(_lastRoundMinRtt / MinRttDivisor, MinRttThreshold, MaxRttThreshold);
            if (_currentRoundMinRtt >= _lastRoundMinRtt + threshold)
            {
                _baselineMinRtt = _currentRoundMinRtt;
            }
        }
    }
}
