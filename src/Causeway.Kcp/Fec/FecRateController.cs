using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Chooses how many parity datagrams a group gets, from what the peer reports to have missed: the fewest with which more
/// than one group in a hundred would stay incomplete no longer, none on a clean path, and never more than the cap.
/// </summary>
public sealed class FecRateController
{
    private const double TolerableFailure = 0.01;

    // Without reports the losses that parity repairs stay unseen, and what is seen may be the work of our own queue.
    private const double SwitchOnUnreported = 0.01;

    // So many shards, or so long without reports, less parity has to be enough before one is taken away.
    private const int PatienceInShards = 512;
    private const long PatienceMicroseconds = 2_000_000;

    private readonly int _mostParity;
    private readonly int _dataShards;
    private readonly LossProfile _losses = new();
    private long _sparedShards;
    private Timestamp _spareSince = Timestamp.Never;

    internal FecRateController(FecOptions options)
    {
        _dataShards = options.DataShards;
        _mostParity = (int)Math.Min(options.ParityShards, options.DataShards * options.MaxOverhead);
    }

    /// <summary>Parity datagrams that the next group should get.</summary>
    public int ParityShards { get; private set; }

    /// <summary>Whether the peer reports. Otherwise the sender's own view of losses has to do.</summary>
    public bool HasReports { get; private set; }

    /// <summary>The share of datagrams that get lost, 0 to 1, before parity repairs any.</summary>
    public double LossRate { get; private set; }

    /// <summary>The mean length of a run of losses, at least 1.</summary>
    public double RunLength { get; private set; } = 1;

    /// <summary>Datagrams that the peer missed, by its reports.</summary>
    public long Missing { get; private set; }

    /// <summary>Datagrams that the peer rebuilt from parity, by its reports: what parity was good for.</summary>
    public long Repaired { get; private set; }

    /// <summary>The peer counted more shards.</summary>
    internal void OnReport(in PathReport news)
    {
        if (!HasReports)
        {
            HasReports = true;
            ParityShards = 0;
        }

        Missing += news.Missing;
        Repaired += news.Repaired;
        if (news.Shards == 0)
        {
            return;
        }

        _losses.Add(news.Shards, news.Missing, news.Runs);
        LossRate = _losses.LossRate;
        RunLength = _losses.RunLength;
        int needed = Needed(LossProfile.SwitchOn, _mostParity);
        _sparedShards = needed < ParityShards ? _sparedShards + news.Shards : 0;
        if (needed > ParityShards)
        {
            ParityShards = needed;
        }
        else if (_sparedShards >= PatienceInShards)
        {
            ParityShards--;
            _sparedShards = 0;
        }
    }

    /// <summary>What the sender sees of losses, where nobody reports them: half of the cap is the most it is worth.</summary>
    internal void OnLossRate(double rate, Timestamp now)
    {
        if (HasReports)
        {
            return;
        }

        LossRate = rate;
        int needed = Needed(SwitchOnUnreported, _mostParity / 2);
        if (needed > ParityShards)
        {
            ParityShards = needed;
            _spareSince = Timestamp.Never;
        }
        else if (needed == ParityShards)
        {
            _spareSince = Timestamp.Never;
        }
        else if (_spareSince.IsNever)
        {
            _spareSince = now;
        }
        else if (now.MicrosecondsSince(_spareSince) >= PatienceMicroseconds)
        {
            ParityShards--;
            _spareSince = now;
        }
    }

    private int Needed(double switchOn, int most)
    {
        if (LossRate < LossProfile.SwitchOff || (ParityShards == 0 && LossRate < switchOn))
        {
            return 0;
        }

        return Math.Min(most, Math.Max(1, LossProfile.Least(_dataShards, most, LossRate, RunLength, TolerableFailure)));
    }
}
