namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// The largest value of the current and the previous period of some clock. The draft keeps its bandwidth filter so
/// (section 5.5.6); for windows counted in rounds it is as good with periods of half the window.
/// </summary>
internal struct TwoSlotMaximum
{
    private long _previous;
    private long _current;

    /// <summary>The largest value in the window, 0 if there was none.</summary>
    public readonly long Value => Math.Max(_previous, _current);

    /// <summary>Adds a value.</summary>
    public void Add(long value) => _current = Math.Max(_current, value);

    /// <summary>A period is over: what was seen before it is forgotten.</summary>
    public void Advance()
    {
        _previous = _current;
        _current = 0;
    }
}
