namespace Causeway.Protocol.Fec;

/// <summary>
/// How a path loses: the share of datagrams and the length of runs, measured over the recent past, and how much parity that calls
/// for. What every engine's choice of parity is made of.
/// </summary>
/// <remarks>
/// Losses come in runs: their starts are taken as independent and their lengths as geometric, so that the losses of a
/// group follow the distribution of Pólya and Aeppli. Its two parameters, share of losses and mean length of runs, are
/// measured. The time to react is counted in datagrams, since no more can be known sooner.
/// </remarks>
internal sealed class LossProfile
{
    // Two thresholds, so that single losses do not switch parity on and off: three in a thousand, measured over some two
    // thousand, is four standard deviations from one in a thousand.

    /// <summary>The share of losses from which parity is worth its bytes.</summary>
    public const double SwitchOn = 0.003;

    /// <summary>The share of losses below which parity that is being sent is not worth its bytes any more.</summary>
    public const double SwitchOff = 0.001;

    // What is assumed of the length of runs before there were some: this many of length one.
    private const double AssumedRuns = 2;

    private LossAverage _long = new(2048);
    private LossAverage _recent = new(256);

    /// <summary>The share of datagrams that get lost, 0 to 1.</summary>
    public double LossRate { get; private set; }

    /// <summary>The mean length of a run of losses, at least 1.</summary>
    public double RunLength { get; private set; } = 1;

    /// <summary>The fate of more datagrams is known.</summary>
    /// <param name="sent">How many.</param>
    /// <param name="lost">Those of them that got lost; negative if losses that were counted before turn out to have arrived.</param>
    /// <param name="runs">Runs of neighbours that the lost ones form.</param>
    public void Add(long sent, long lost, long runs)
    {
        _long.Add(sent, lost, runs);
        _recent.Add(sent, lost, runs);

        // The recent past counts as far as it cannot be chance.
        LossRate = Math.Max(_long.Rate, _recent.Rate - (1.5 * _recent.Deviation));
        RunLength = Math.Max(1, (_long.Lost + AssumedRuns) / (_long.Runs + AssumedRuns));
    }

    /// <summary>The fewest parity datagrams that are enough, or as many as there may be.</summary>
    /// <param name="data">Data datagrams of the group.</param>
    /// <param name="most">The most parity datagrams.</param>
    /// <param name="lossRate">The share of datagrams that get lost.</param>
    /// <param name="runLength">The mean length of a run of losses.</param>
    /// <param name="tolerable">The share of groups that may stay incomplete.</param>
    public static int Least(int data, int most, double lossRate, double runLength, double tolerable)
    {
        int parity = 0;
        while (parity < most && Excess(data + parity, parity, lossRate, runLength) > tolerable)
        {
            parity++;
        }

        return parity;
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
        private double _sent;

        public double Lost { get; private set; }

        public double Runs { get; private set; }

        // With few datagrams so far the rest is assumed to have arrived, or the first loss would look like a bad path.
        public readonly double Rate => Lost / Math.Max(_sent, Math.Min(memory, 256));

        public readonly double Deviation => Math.Sqrt(Lost) / Math.Max(_sent, Math.Min(memory, 256));

        public void Add(long sent, long lost, long runs)
        {
            double kept = Math.Exp(-sent / memory);
            _sent = (_sent * kept) + sent;
            Lost = Math.Max(0, (Lost * kept) + lost);
            Runs = Math.Max(0, (Runs * kept) + runs);
        }
    }
}
