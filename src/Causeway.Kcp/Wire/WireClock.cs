namespace Causeway.Kcp.Wire;

/// <summary>
/// The timestamps of segments: a count of a session's ticks that wraps at 2^32 (docs/wire/kcptun.md 5.1). Outside of them every
/// time and duration is in microseconds.
/// </summary>
/// <param name="resolution">Microseconds of a tick.</param>
internal readonly struct WireClock(long resolution)
{
    private readonly long _resolution = resolution;

    /// <summary>The timestamp of what leaves now.</summary>
    // A division by a number that only a session knows costs as much as half the rest of an arriving segment's header, and the
    // default resolution needs none.
    public uint ToTicks(Timestamp now) =>
        unchecked((uint)(_resolution == 1 ? now.Microseconds : now.Microseconds / _resolution));

    /// <summary>Microseconds from an echoed timestamp until now; negative for one that was never sent.</summary>
    public long MicrosecondsSince(uint time, uint now) => unchecked((int)(now - time)) * _resolution;
}
