using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Fec;

/// <summary>
/// Chooses how many parity datagrams a group gets, from what the peer reports to have missed: the fewest with which more
/// than one group in a hundred would stay incomplete no longer, none on a clean path, and never more than the cap.
/// </summary>
/// <remarks>
/// Losses come in runs: their starts are taken as independent and their lengths as geometric, so that the losses of a
/// group follow the distribution of Pólya and Aeppli. Its two parameters, share of losses and mean length of runs, are
/// measured. The time to react is counted in datagrams, since no more can be known sooner.
/// </remarks>
public sealed class FecRateController
{
    private const double TolerableFailure = 0.01;

    // Two thresholds, so that single losses do not switch parity on and off: three in a thousand, measured over some two
    // thousand, is four standard deviations from one in a thousand.
    private const double SwitchOn = 0.003;
    private const double SwitchOff = 0.001;

    // Without reports the losses that parity repairs stay unseen, and what is seen may be the work of our own queue.
    private const double SwitchOnUnreported = 0.01;

    // So many shards, or so long without reports, less parity has to be enough before one is taken away.
    private const int PatienceInShards = 512;
    private const long PatienceMicroseconds = 2_000_000;

    // What is assumed of the length of runs before there were some: this many of length one.
    private const double AssumedRuns = 2;

    private readonly int _mostParity;
    private readonly int _dataShards;

    private LossAverage _long = new(2048);
    private LossAverage _recent = new(256);
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

        _long.Add(news.Shards, news.Missing, news.Runs);
        _recent.Add(news.Shards, news.Missing, news.Runs);

        // The recent past counts as far as it cannot be chance.
        LossRate = Math.Max(_long.Rate, _recent.Rate - (1.5 * _recent.Deviation));
        RunLength = Math.Max(1, (_long.Lost + AssumedRuns) / (_long.Runs + AssumedRuns));
        int needed = Needed(SwitchOn, _mostParity);
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

    /// <summary>The fewest parity datagrams that are enough, or as many as there may be.</summary>
    internal static int Least(int dataShards, int most, double lossRate, double runLength)
    {
        int parity = 0;
        while (parity < most && Excess(dataShards + parity, parity, lossRate, runLength) > TolerableFailure)
        {
            parity++;
        }

        return parity;
    }

    private int Needed(double switchOn, int most)
    {
        if (LossRate < SwitchOff || (ParityShards == 0 && LossRate < switchOn))
        {
            return 0;
        }

        return Math.Min(most, Math.Max(1, Least(_dataShards, most, LossRate, RunLength)));
    }

    /// <summary>
    /// The chance that more than <paramref name="tolerated"/> of <paramref name="sent"/> datagrams get lost: one minus the
    /// first terms of the distribution, by Panjer's recursion.
    /// </summary>
    private static double Excess(int sent, int tolerated, double lossRate, double runLength)
    {
        double runs = sent * lossRate / runLength;
        double longer = 1 - (1 / runLength);
        Span<double> chance = stackalloc double[tolerated + 1];
        chance[0] = Math.Exp(-runs);
        double sum = chance[0];
        for (int lost = 1; lost <= tolerated; lost++)
        {
            double term = 0;
            double length = 1 - longer;
            for (int run = 1; run <= lost; run++)
            {
                term += run * length * chance[lost - run];
                length *= longer;
            }

            chance[lost] = runs / lost * term;
            sum += chance[lost];
        }

        return 1 - sum;
    }

    /// <summary>Sums in which what is old fades away.</summary>
    private struct LossAverage(double memory)
    {
        private double _shards;

        public double Lost { get; private set; }

        public double Runs { get; private set; }

        // With few shards so far the rest is assumed to have arrived, or the first loss would look like a bad path.
        public readonly double Rate => Lost / Math.Max(_shards, Math.Min(memory, 256));

        public readonly double Deviation => Math.Sqrt(Lost) / Math.Max(_shards, Math.Min(memory, 256));

        public void Add(uint shards, uint lost, uint runs)
        {
            double kept = Math.Exp(-shards / memory);
            _shards = (_shards * kept) + shards;
            Lost = (Lost * kept) + lost;
            Runs = (Runs * kept) + runs;
        }
    }
}
