namespace Causeway.Protocol;

/// <summary>
/// Sizes a receive window by what its reader takes: large enough never to be what limits a transfer, and no larger than
/// that by much, because all of it may be filled once the reader stops. In whichever unit the window has.
/// </summary>
/// <remarks>
/// <para>
/// Growing is dynamic right-sizing (Fisk and Feng, "Dynamic Right-Sizing in TCP", LACSI 2001): what comes in a round
/// trip, for a reader that keeps up, tells what may come in the next. TCP aims at twice that. Here an eighth of a window
/// is reason enough to double it, since a sender that starts (BBR: 2.8 times as fast after each round trip) while a loss
/// holds up what follows it for a round trip or two must not meet the end of the window: it would take that for the end
/// of the path. With a half, a start over 200 ms took twice as long, and with 5 % of loss ended early.
/// </para>
/// <para>
/// Shrinking: a window that stayed at least half full for four round trips, in which less than a window was taken, is
/// the reader's limit and not the path's. It halves, which is still more than the reader takes in two round trips.
/// </para>
/// </remarks>
internal sealed class WindowTuner
{
    // The longest round trip that the defaults are made for: a path that was not measured yet is taken for one.
    private const long UnknownRoundTrip = 200_000;

    // What is taken per round trip of a short path says less than how late a busy machine may run either end.
    private const long LeastRoundTrip = 10_000;

    private const long LeastNeedRoundTrip = 2_000;

    // A need that grows by less than a quarter in so many periods is known.
    private const int SettledAfter = 8;

    private const int GrowAt = 8;
    private const int Patience = 4;

    // Bounds products of time and bytes; so long an idle time says all that there is to say.
    private const long MostRoundTrips = 1000;

    private readonly long _least;
    private readonly long _most;
    private Timestamp _began;
    private long _arrived;
    private Timestamp _needBegan;
    private long _needTaken;
    private long _settledNeed;
    private int _settledPeriods;
    private Timestamp _halfFullSince;
    private long _taken;
    private bool _isHalfFull;
    private bool _isRunning;

    /// <summary>Makes a tuner.</summary>
    /// <param name="first">The window to begin with, if the limits allow it.</param>
    /// <param name="least">What it never shrinks below, unless <paramref name="most"/> is less.</param>
    /// <param name="most">What it never grows beyond.</param>
    public WindowTuner(long first, long least, long most)
    {
        _most = most;
        _least = Math.Min(least, most);
        Window = Math.Clamp(first, _least, _most);
    }

    /// <summary>The window that the reader deserves.</summary>
    public long Window { get; private set; }

    /// <summary>What was taken in a round trip of late, for a window that has to be as small as it can.</summary>
    public long Need { get; private set; }

    /// <summary>
    /// Whether <see cref="Need"/> has stopped growing: a sender that starts needs what it will take two round trips later.
    /// </summary>
    public bool IsNeedKnown => _settledPeriods >= SettledAfter;

    /// <summary>The window is in fact no larger than this, but may grow again.</summary>
    public void Limit(long window) => Window = Math.Clamp(window, _least, Window);

    /// <summary>This much came: it arrived, or, where that cannot be told from what waits below, it was taken.</summary>
    public void OnArrived(long amount) => _arrived += amount;

    /// <summary>The reader took this much.</summary>
    public void OnTaken(long amount)
    {
        _taken += amount;
        _needTaken += amount;
    }

    /// <summary>Something arrives and nothing waits: the reader is not behind.</summary>
    public void OnEmpty() => _isHalfFull = false;

    /// <summary>Judges what was taken. To be called often: at least for each eighth of a window.</summary>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">The round-trip time in microseconds, 0 if it is not known.</param>
    /// <param name="unread">What waits for the reader now.</param>
    public void Update(Timestamp now, long roundTrip, long unread)
    {
        if (!_isRunning)
        {
            _isRunning = true;
            _began = now;
            _needBegan = now;
            BeginShrinking(now, unread);
        }

        MeasureNeed(now, roundTrip == 0 ? UnknownRoundTrip : roundTrip);
        roundTrip = Math.Max(roundTrip == 0 ? UnknownRoundTrip : roundTrip, LeastRoundTrip);
        Grow(now, roundTrip, 2 * unread < Window);
        Shrink(now, roundTrip, unread);
    }

    /// <summary>
    /// Measures over round trips of the path itself: how late an end runs is in the amounts already. A quiet one may be a
    /// pause or a loss, so that the need falls slowly.
    /// </summary>
    private void MeasureNeed(Timestamp now, long roundTrip)
    {
        roundTrip = Math.Max(roundTrip, LeastNeedRoundTrip);
        long elapsed = Math.Max(now.MicrosecondsSince(_needBegan), roundTrip);
        long sample = (long)((double)_needTaken * roundTrip / elapsed);
        Need = Math.Max(Need, sample);
        if (elapsed > roundTrip)
        {
            Need = Math.Max(sample, Need - (Need / 8));
            _needBegan = now;
            _needTaken = 0;
            _settledPeriods++;
        }

        if (4 * Need > 5 * _settledNeed)
        {
            _settledNeed = Need;
            _settledPeriods = 0;
        }
    }

    private void Grow(Timestamp now, long roundTrip, bool mayGrow)
    {
        long elapsed = Math.Clamp(now.MicrosecondsSince(_began), roundTrip, MostRoundTrips * roundTrip);

        // A gap that is filled releases many windows' worth at once.
        while (mayGrow && Window < _most && GrowAt * _arrived * roundTrip >= Window * elapsed)
        {
            Window = Math.Min(2 * Window, _most);
        }

        if (elapsed > roundTrip)
        {
            _began = now;
            _arrived = 0;
        }
    }

    private void Shrink(Timestamp now, long roundTrip, long unread)
    {
        _isHalfFull &= 2 * unread >= Window;
        long periods = Math.Min(now.MicrosecondsSince(_halfFullSince) / (Patience * roundTrip), MostRoundTrips);
        if (periods == 0)
        {
            return;
        }

        for (long i = 0; i < periods && _isHalfFull && Window > _least && _taken < Window * periods; i++)
        {
            Window = Math.Max(Window / 2, _least);
        }

        BeginShrinking(now, unread);
    }

    private void BeginShrinking(Timestamp now, long unread)
    {
        _halfFullSince = now;
        _taken = 0;
        _isHalfFull = 2 * unread >= Window;
    }
}
