namespace Causeway.Kcp.Fec;

/// <summary>
/// Counts which data shards arrived by themselves, before parity repaired any: what a sender has to know to choose how much
/// parity it sends, and cannot see from acknowledgements.
/// </summary>
internal sealed class FecArrivalMeter
{
    /// <summary>
    /// A shard is given up for lost when so many later ones were due: reordering over more than that is rare.
    /// </summary>
    public const int Patience = 32;

    // A longer gap is an outage, which no parity helps against and which says nothing about the time between outages.
    private const int LongestGap = 1024;

    // Bit i stands for the shard i before the newest; those from _waiting on were judged, or never expected.
    private ulong _seen;
    private int _waiting;
    private bool _isInRun;

    /// <summary>Shards whose turn is over.</summary>
    public long Judged { get; private set; }

    /// <summary>Those among them that did not arrive in time.</summary>
    public long Missing { get; private set; }

    /// <summary>Runs of neighbours that the missing ones form.</summary>
    public long Runs { get; private set; }

    /// <summary>Forgets the run of arrivals, because the next datagram does not continue it. The counts stay.</summary>
    public void Restart()
    {
        _waiting = 0;
        _isInRun = false;
    }

    /// <summary>A shard arrived.</summary>
    /// <param name="distance">
    /// Data shards from the newest one before it to this one; negative if it is late. Meaningless for the first.
    /// </param>
    /// <returns>Whether it is the newest now.</returns>
    public bool Add(long distance)
    {
        if (_waiting == 0 || distance > LongestGap)
        {
            Restart();
            _seen = 1;
            _waiting = 1;
            return true;
        }

        bool isNewest = distance > 0;
        for (; distance > 0; distance--)
        {
            Advance();
        }

        if (distance > -_waiting)
        {
            _seen |= 1UL << (int)-distance;
        }

        return isNewest;
    }

    private void Advance()
    {
        if (_waiting < Patience)
        {
            _waiting++;
        }
        else
        {
            bool isMissing = (_seen & (1UL << (Patience - 1))) == 0;
            Judged++;
            Missing += isMissing ? 1 : 0;
            Runs += isMissing && !_isInRun ? 1 : 0;
            _isInRun = isMissing;
        }

        _seen <<= 1;
    }
}
