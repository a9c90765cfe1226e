namespace Causeway.Quic.Fec;

/// <summary>
/// When repairs leave. Bursts of little data for which somebody waits, with pauses around them, get theirs as soon as they are over.
/// Other datagrams get one for every few, as their share of the bytes allows, and one in advance when they pause.
/// </summary>
internal sealed class RepairSchedule
{
    // After a burst its repairs follow one by one, a sixteenth of a round trip apart: later than a short run of losses lasts, and
    // early enough for the answer to be there within 1.3 round trips.
    private const int BurstDelayShift = 4;
    private const long LeastBurstDelay = 250;
    private const long MostBurstDelay = 5_000;

    // A datagram with a deadline before which so much of a round trip went by begins a burst, and does not belong to a steady flow.
    private const int PauseShift = 2;

    // The last datagrams of a steady flow wait for so much of a round trip for others before they get a repair of their own.
    private const int TailShift = 1;

    // What repairs of bursts may cost, whatever their size: a flow with more is not thin.
    private const long BytesPerSecond = 64 << 10;
    private const long MostTokens = 16 << 10;

    private const long BeforeFirstSample = 100_000;

    private readonly RepairRate _rate;
    private long _tokens = MostTokens;
    private Timestamp _refilledAt;
    private Timestamp _lastSourceAt = Timestamp.LongAgo;
    private Timestamp _roundAt = Timestamp.Never;
    private Timestamp _nextAt = Timestamp.Never;
    private long _spacing;
    private double _credit;
    private int _waiting;
    private int _owed;
    private bool _isBurst;
    private bool _paysByCredit;

    /// <summary>Makes it, with nothing to do.</summary>
    public RepairSchedule(RepairRate rate) => _rate = rate;

    /// <summary>When the next repair is to leave; Never if none is.</summary>
    public Timestamp DueAt => _owed > 0 ? _nextAt : _roundAt;

    /// <summary>Whether bursts may cost anything more at present.</summary>
    public bool CanAfford(Timestamp now) => Refill(now) > 0;

    /// <summary>A source left.</summary>
    /// <param name="bytes">Bytes of its packet.</param>
    /// <param name="cost">Those of them that it would not have without FEC.</param>
    /// <param name="repairBytes">Bytes that a repair will have.</param>
    /// <param name="hasStreams">Whether streams wait for it: these take nothing but the whole.</param>
    /// <param name="latest">Until when a repair has to leave to be of use; Never if that does not matter.</param>
    /// <param name="roundTrip">The smoothed round-trip time in microseconds; 0 before the first sample.</param>
    /// <param name="now">The time.</param>
    public void OnSource(int bytes, int cost, int repairBytes, bool hasStreams, Timestamp latest, long roundTrip, Timestamp now)
    {
        roundTrip = roundTrip > 0 ? roundTrip : BeforeFirstSample;
        bool isAfterPause = now.MicrosecondsSince(_lastSourceAt) >= roundTrip >> PauseShift;
        _lastSourceAt = now;
        _waiting++;
        bool beginsBurst = (hasStreams || (isAfterPause && !latest.IsNever)) && CanAfford(now);
        long delay = Math.Clamp(roundTrip >> BurstDelayShift, LeastBurstDelay, MostBurstDelay);
        if (beginsBurst)
        {
            _isBurst = true;
            _spacing = delay;
        }

        _roundAt = Timestamp.Min(_roundAt, Timestamp.Max(now, latest));
        _roundAt = Timestamp.Min(_roundAt, now.AddMicroseconds(beginsBurst ? delay : roundTrip >> TailShift));
        if (_isBurst || hasStreams)
        {
            return;
        }

        _credit += (bytes * _rate.Ratio) - cost;
        if (_credit >= repairBytes && _owed == 0)
        {
            _owed = 1;
            _paysByCredit = true;
            _nextAt = now;
            EndRound();
        }
    }

    /// <summary>Whether a repair is to leave now.</summary>
    public bool IsDue(Timestamp now)
    {
        if (_roundAt <= now)
        {
            // A steady flow is not in debt for more than one.
            _owed = Math.Max(_owed, _isBurst ? _rate.ForBurst(_waiting) : _credit >= 0 ? 1 : 0);
            _paysByCredit = !_isBurst;
            _nextAt = _owed > 0 ? Timestamp.Min(_nextAt, now) : Timestamp.Never;
            EndRound();
        }

        return _owed > 0 && _nextAt <= now;
    }

    /// <summary>A repair left.</summary>
    public void OnRepair(int bytes, Timestamp now)
    {
        _tokens = Refill(now) - (_paysByCredit ? 0 : bytes);
        _refilledAt = now;
        _credit = _paysByCredit ? _credit - bytes : 0;
        _owed--;
        _nextAt = _owed > 0 ? now.AddMicroseconds(_spacing) : Timestamp.Never;
    }

    /// <summary>What was lost was repeated, which is paid for like any repair, within limits: what follows needs some, too.</summary>
    public void OnRepeat(int bytes) => _credit = Math.Max(_credit - bytes, -2 * bytes);

    /// <summary>Nothing is to be repaired any more.</summary>
    public void Cancel()
    {
        EndRound();
        _owed = 0;
        _nextAt = Timestamp.Never;
    }

    /// <summary>This side did not run for so long.</summary>
    public void Shift(long microseconds)
    {
        _nextAt = _nextAt.IsNever ? _nextAt : _nextAt.AddMicroseconds(microseconds);
        _roundAt = _roundAt.IsNever ? _roundAt : _roundAt.AddMicroseconds(microseconds);
    }

    private void EndRound()
    {
        _roundAt = Timestamp.Never;
        _waiting = 0;
        _isBurst = false;
    }

    private long Refill(Timestamp now)
    {
        long elapsed = Math.Clamp(now.MicrosecondsSince(_refilledAt), 0, 1_000_000);
        return Math.Min(MostTokens, _tokens + (elapsed * BytesPerSecond / 1_000_000));
    }
}
