namespace Causeway.Kcp.Smux;

/// <summary>What peers may send: windows of a set size, and those that set themselves.</summary>
public sealed partial class SmuxSession
{
    // The first UPD goes with the first bytes that were read, so that this is what kcptun's sender has from the second
    // round trip on. Below the least a slow reader holds so little that less would only cost frames.
    private const int FirstStreamWindow = 512 << 10;
    private const int LeastStreamWindow = 64 << 10;

    // kcptun's smuxbuf: in version 1 one reader that stops stops all, and not sooner than there.
    private const int FirstSharedWindow = 4 << 20;

    // A window that sets itself is told in steps of this part of it, which is how often it can be judged, and leaves
    // seven eighths of it in use.
    private const int StepsOfWindow = 8;

    /// <summary>
    /// Version 2: an UPD goes after the first bytes that were taken, then for every half window
    /// (docs/wire/kcptun.md 7.5). None is needed when the peer has sent all.
    /// </summary>
    private void NoteTakenOfWindow(SmuxStream stream, long bytes)
    {
        long step;
        if (_options.StreamBuffer is { } window)
        {
            step = window / 2;
        }
        else
        {
            stream.Tuner ??= new WindowTuner(FirstStreamWindow, LeastStreamWindow, _options.StreamLimit);
            stream.Tuner.OnTaken(bytes);
            stream.Tuner.OnArrived(bytes);
            step = stream.Tuner.Window / StepsOfWindow;
        }

        if (!stream.HasReported || stream.Taken - stream.Reported >= step)
        {
            RequestControl(stream, ControlFrames.Update);
        }
    }

    /// <summary>The window to tell with what was taken until now. It never takes back what was told before.</summary>
    private uint NextWindow(SmuxStream stream, Timestamp now)
    {
        if (_options.StreamBuffer is { } window)
        {
            stream.Edge = Math.Max(stream.Edge, stream.Taken + window);
            return (uint)window;
        }

        WindowTuner tuner = stream.Tuner!;
        tuner.Update(now, RoundTripMicroseconds, stream.Unconsumed, mayGrow: 4 * _memory.Taken <= _options.ReceiveLimit);
        stream.Edge = Math.Max(stream.Edge, stream.Taken + tuner.Window);
        return (uint)(stream.Edge - stream.Taken);
    }

    private void TuneSharedWindow(Timestamp now)
    {
        if (_sharedWindow is not null)
        {
            _sharedWindow.Update(now, RoundTripMicroseconds, _memory.Taken);
            _memory.Resize(_sharedWindow.Window);
        }
    }

    private long RoundTripMicroseconds => RoundTripTime.Ticks / TimeSpan.TicksPerMicrosecond;
}
