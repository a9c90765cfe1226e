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

    private const int GrowAt = 8;
    private const int Patience = 4;

    // Bounds products of time and bytes; so long an idle time says all that there is to say.
    private const long MostRoundTrips = 1000;

    private readonly long _least;
    private readonly long _most;
    private Timestamp _began;
    private long _arrived;
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

    /// <summary>This much came: it arrived, or, where that cannot be told from what waits below, it was taken.</summary>
    public void OnArrived(long amount) => _arrived += amount;

    /// <summary>The reader took this much.</summary>
    public void OnTaken(long amount) => _taken += amount;

    /// <summary>Something arrives and nothing waits: the reader is not behind.</summary>
    public void OnEmpty() => _isHalfFull = false;

    /// <summary>Judges what was taken. To be called often: at least for each eighth of a window.</summary>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">The round-trip time in microseconds, 0 if it is not known.</param>
    /// <param name="unread">What waits for the reader now.</param>
    /// <param name="mayGrow">Whether there is memory for a larger window, should the reader keep up.</param>
    public void Update(Timestamp now, long roundTrip, long unread, bool mayGrow = true)
    {
        if (!_isRunning)
        {
            _isRunning = true;
            _began = now;
            BeginShrinking(now, unread);
        }

        roundTrip = Math.Max(roundTrip == 0 ? UnknownRoundTrip : roundTrip, LeastRoundTrip);
        Grow(now, roundTrip, mayGrow && 2 * unread < Window);
        Shrink(now, roundTrip, unread);
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
