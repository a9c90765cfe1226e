namespace Causeway.Kcp.Smux;

/// <summary>
/// What peers may send: windows of a set size, and those that set themselves, all within a <see cref="ReceiveBudget"/>.
/// </summary>
/// <remarks>
/// While the memory is ample, a window is as large as its stream may come to need. Once it is not, each stream gets what
/// it was seen to need: twice what its reader takes in a round trip. A peer that was told more may send more (a window
/// never moves back while data flows), so a stream gives way with the next bytes that are read. One that is idle is told
/// a smaller window; smux senders, kcptun's among them, then wait for the next one.
/// </remarks>
public sealed partial class SmuxSession
{
    // The first UPD goes with the first bytes that were read, so that this is what kcptun's sender has from the second
    // round trip on. Below the least a slow reader holds so little that less would only cost frames.
    private const int FirstStreamWindow = 512 << 10;
    private const int LeastStreamWindow = 64 << 10;

    // kcptun's smuxbuf: in version 1 one reader that stops stops all, and not sooner than there.
    private const int FirstSharedWindow = 4 << 20;

    // A window is told in steps of this part of it, which is how often it can be judged, and leaves seven eighths of it
    // in use. Tiny windows go in larger steps, for frames have a price.
    private const int StepsOfWindow = 8;
    private const int LeastStep = 512;

    // Beyond this part of the memory, a window is at most so many times what is taken in a round trip once that is known:
    // a reader of a fast link that stops leaves room for others, and the sender has two round trips to repair a loss.
    private const int LargePart = 8;
    private const int LargeWindowInNeeds = 3;
    private const int NeedsWhenScarce = 2;

    // An eighth of the budget has to have been read, 8 MiB of the default, before a stream may have its full share of
    // what is left. Less says little: a socket takes some megabytes for an application that never reads them.
    private const int ProvenPart = 8;
    private const int UnprovenPart = 8;

    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromSeconds(1);

    private Timestamp _sweepAt;
    private Timestamp _scarceUntil;

    private long RoundTripMicroseconds => RoundTripTime.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Counts the window that a new stream begins with, and lessens it when there is no memory for it.</summary>
    private void OpenWindow(SmuxStream stream)
    {
        if (_options.Version < 2)
        {
            return;
        }

        stream.Floor = _budget.TakeFloor();
        Recount(stream);
        long window = UnprovenWindow(stream);

        // A stream alone has what there is, and its first UPD makes that right if it is less than smux begins with. A
        // server that speaks before the peer's hello gives half-close up.
        bool isAlone = _budget.Free(stream.Grown) == _budget.GrowthMemory;
        if (window < FirstWindow && !isAlone && (Role == EndpointRole.Client || _halfClose is not HalfCloseSupport.Unknown))
        {
            Lessen(stream, stream.Taken + window);
        }
    }

    private void CloseWindow(SmuxStream stream)
    {
        _budget.ReturnFloor(stream.Floor);
        stream.Floor = 0;
        Recount(stream);
    }

    /// <summary>Brings what is granted up to date after a window moved, bytes were read or a stream ended.</summary>
    private void Recount(SmuxStream stream)
    {
        if (_options.Version < 2)
        {
            return;
        }

        long granted = stream.ReadsDropped || stream.Forgotten ? 0
            : stream.PeerFinished || stream.Abandoned ? stream.Unconsumed
            : Math.Max(stream.Edge, stream.Received) - stream.Taken;
        long grown = Math.Max(0, granted - stream.Floor);
        _budget.Grow(grown - stream.Grown);
        stream.Grown = grown;
    }

    /// <summary>
    /// Version 2: an UPD goes after the first bytes that were taken, then for every part of the window
    /// (docs/wire/kcptun.md 7.5). None is needed when the peer has sent all.
    /// </summary>
    private void NoteTakenOfWindow(SmuxStream stream, long bytes)
    {
        if (stream.Tuner is not { } tuner)
        {
            tuner = _options.StreamBuffer is { } window
                ? new WindowTuner(window, window, window)
                : new WindowTuner(FirstStreamWindow, LeastStreamWindow, _options.StreamLimit);
            stream.Tuner = tuner;
        }

        tuner.OnTaken(bytes);
        tuner.OnArrived(bytes);

        // What is told from now on goes by what was taken.
        stream.IsLessened = false;
        Recount(stream);
        if (!stream.HasReported || stream.Taken - stream.Reported >= StepOf(stream))
        {
            RequestControl(stream, ControlFrames.Update);
        }
    }

    /// <summary>How much is taken before the peer is told; kcptun's half a window where that is set and was granted.</summary>
    private long StepOf(SmuxStream stream) => _options.StreamBuffer is { } set && stream.Window >= set
        ? set / 2
        : Math.Max(stream.Window / StepsOfWindow, Math.Min(stream.Window / 2, LeastStep));

    /// <summary>
    /// What a driver may keep to itself of what its reader took: so little that the peer does not wait for it.
    /// </summary>
    internal int ReportStepOf(SmuxStream stream)
    {
        int steps = _options is { Version: >= 2, StreamBuffer: not null } ? 4 : 2 * StepsOfWindow;
        return (int)Math.Clamp(stream.Window / steps, 1, int.MaxValue);
    }

    /// <summary>
    /// The window to tell with what was taken until now. It takes back no more than what the peer was told by nobody: the
    /// window that smux begins with.
    /// </summary>
    private uint NextWindow(SmuxStream stream, Timestamp now)
    {
        if (stream.IsLessened)
        {
            stream.IsLessened = false;
            return (uint)(stream.Edge - stream.Taken);
        }

        long wanted = Wanted(stream, now);
        if (!stream.ReadsDropped)
        {
            wanted = Granted(stream, wanted, now);
        }

        // A grown window is judged by what it was allowed to be.
        stream.Tuner!.Limit(wanted);
        stream.Window = wanted;

        // What the driver has and did not report yet must not be all that the peer waits for.
        long told = stream.HasReported ? stream.Edge : Math.Min(stream.Edge, stream.Received + stream.Floor);
        stream.Edge = Math.Max(told, stream.Taken + wanted);
        stream.FurthestEdge = Math.Max(stream.FurthestEdge, stream.Edge);
        Recount(stream);
        return (uint)(stream.Edge - stream.Taken);
    }

    private long Wanted(SmuxStream stream, Timestamp now)
    {
        WindowTuner tuner = stream.Tuner!;
        tuner.Update(now, RoundTripMicroseconds, stream.Unconsumed);
        return _options.StreamBuffer is null && tuner.IsNeedKnown
            ? Math.Min(tuner.Window, Math.Max(_budget.GrowthMemory / LargePart, LargeWindowInNeeds * tuner.Need))
            : tuner.Window;
    }

    private long Granted(SmuxStream stream, long wanted, Timestamp now)
    {
        long free = _budget.Free(stream.Grown);
        wanted = Math.Min(wanted, free + stream.Floor);
        bool isAmple = free >= _budget.GrowthMemory / 4 * 3;
        bool isLarge = wanted > _budget.GrowthMemory / LargePart;
        if (isAmple && (!isLarge || now >= _scarceUntil))
        {
            return wanted;
        }

        long need = NeedsWhenScarce * stream.Tuner!.Need;
        long share = _budget.Share(stream.Grown);
        if (stream.Taken - stream.FirstCounter < _options.ReceiveLimit / ProvenPart)
        {
            share /= UnprovenPart;
            need = Math.Min(need, (stream.Taken - stream.FirstCounter) / 2);
        }

        if (share < need)
        {
            _scarceUntil = now + s_sweepInterval;
        }

        long window = Math.Min(Math.Max(need, UnprovenWindow(stream)), stream.Floor + share);
        return Math.Min(wanted, Math.Max(window, stream.Floor));
    }

    private long UnprovenWindow(SmuxStream stream) =>
        Math.Clamp(_budget.UnprovenWindow(stream.Grown), stream.Floor, FirstWindow);

    /// <summary>
    /// Tells a smaller window. What the peer sends before it hears of it is taken all the same, and counted as it comes.
    /// </summary>
    private void Lessen(SmuxStream stream, long edge)
    {
        stream.Edge = edge;
        stream.Window = Math.Max(1, Math.Min(stream.Window, edge - stream.Taken));
        stream.IsLessened = true;

        // The next bytes that are taken are told at once.
        stream.HasReported = false;
        Recount(stream);
        RequestControl(stream, ControlFrames.Update);
    }

    /// <summary>While less than half of the memory is left, takes back what idle streams were granted.</summary>
    private void ReclaimIdleWindows(Timestamp now)
    {
        if (_options.Version < 2 || now < _sweepAt || 2 * _budget.Free(0) >= _budget.GrowthMemory)
        {
            return;
        }

        _sweepAt = now + s_sweepInterval;
        foreach (SmuxStream stream in _streams.Values)
        {
            bool isIdle = stream.Received == stream.ReceivedAtSweep;
            stream.ReceivedAtSweep = stream.Received;
            long edge = stream.Received + UnprovenWindow(stream);
            if (isIdle && edge < stream.Edge && !stream.PeerFinished && !stream.IsClosed && !stream.ReadsDropped)
            {
                Lessen(stream, edge);
            }
        }
    }

    private void TuneSharedWindow(Timestamp now)
    {
        if (_sharedWindow is not null)
        {
            _sharedWindow.Update(now, RoundTripMicroseconds, _memory.Taken);
            _memory.Resize(_sharedWindow.Window);
        }
    }
}
