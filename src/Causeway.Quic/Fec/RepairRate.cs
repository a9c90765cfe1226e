using Causeway.Protocol.Fec;
using Causeway.Quic.Recovery;

namespace Causeway.Quic.Fec;

/// <summary>
/// How much parity the path calls for, from what acknowledgements say: every packet takes part in the measurement, protected or
/// not, so that a path is watched at no cost while no parity is sent.
/// </summary>
internal sealed class RepairRate
{
    // Of bursts, so many may stay incomplete until the repairs of the next one. It keeps a single packet at one repair up to some
    // seven percent of losses.
    private const double TolerableBursts = 0.015;

    // Of a steady flow a window is judged, and what is left of it is lost for good. Half of the sources of an incomplete window
    // arrive by themselves or in time by the repairs of the next one.
    private const double TolerableWindows = 0.004;

    // Parity of a burst of one, and what a larger one may have more.
    private const int MostForOne = 3;
    private const int SourcesPerRepairMore = 3;

    // The distribution is worked out for so many packets at once, or a flow of a gigabit would do little else. The first loss after a
    // clean time counts at once.
    private const int PacketsPerLook = 32;

    private readonly LossProfile _losses = new();
    private readonly double _maxOverhead;
    private readonly int _window;
    private PacketFates _news;

    /// <summary>Makes it, for a path of which nothing is known: it takes parity for worthless.</summary>
    /// <param name="maxOverhead">The most bytes of parity for each byte of a steady flow.</param>
    /// <param name="window">Sources that a repair covers at most.</param>
    public RepairRate(double maxOverhead, int window)
    {
        _maxOverhead = maxOverhead;
        _window = window;
    }

    /// <summary>Whether the path loses enough for parity to be worth its bytes.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Bytes of parity for each byte of a steady flow.</summary>
    public double Ratio { get; private set; }

    /// <summary>The share of packets that get lost.</summary>
    public double LossRate => _losses.LossRate;

    /// <summary>The fate of more packets is known.</summary>
    public void Add(in PacketFates fates)
    {
        _news.Judged += fates.Judged;
        _news.Lost += fates.Lost;
        _news.Runs += fates.Runs;
        if (_news.Judged < PacketsPerLook && (IsOn || _news.Lost <= 0))
        {
            return;
        }

        _losses.Add(_news.Judged, _news.Lost, _news.Runs);
        _news = default;
        IsOn = LossRate >= (IsOn ? LossProfile.SwitchOff : LossProfile.SwitchOn);
        int most = (int)Math.Ceiling(_window * _maxOverhead);
        int least = IsOn ? Math.Max(1, LossProfile.Least(_window, most, LossRate, _losses.RunLength, TolerableWindows)) : 0;
        Ratio = Math.Min(_maxOverhead, (double)least / _window);
    }

    /// <summary>
    /// Repairs for a burst of so many sources that nobody can wait for. A repair covers no more of them than the window; the work
    /// grows with the cube of their number, and that many may have left since the last look.
    /// </summary>
    public int ForBurst(int sources)
    {
        int covered = Math.Min(sources, _window);
        int most = MostForOne + (covered / SourcesPerRepairMore);
        return Math.Max(1, LossProfile.Least(covered, most, LossRate, _losses.RunLength, TolerableBursts));
    }
}
