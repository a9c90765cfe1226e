namespace Causeway.Kcp.Fec;

/// <summary>Where a group lies relative to those that the decoder keeps.</summary>
internal enum FecGroupPlace
{
    /// <summary>Among the newest and the few before it.</summary>
    Inside,

    /// <summary>It became the newest; older ones may have fallen out.</summary>
    Advanced,

    /// <summary>Too old, or too far ahead to be believed: not to be stored.</summary>
    Outside,

    /// <summary>The stream goes on elsewhere: everything kept is obsolete, and this group is the newest.</summary>
    Restarted,
}

/// <summary>
/// Decides which groups are worth memory: the newest and <see cref="Behind"/> before it, as in the reference
/// (docs/wire/kcptun.md 4.6).
/// </summary>
/// <remarks>
/// The reference follows any jump ahead at once and never goes back, so that one bogus sequence id ends its error
/// correction. Here a group outside the window moves it only if the datagrams that lie outside agree with one another:
/// a vote (Boyer and Moore, "MJRTY") in which neighbours of the candidate count for it, strangers against it, and any
/// datagram inside the window ends the vote.
/// </remarks>
internal sealed class FecGroupWindow
{
    /// <summary>Groups kept before the newest.</summary>
    public const int Behind = 3;

    /// <summary>
    /// Groups that the newest may jump ahead without a vote: a blackout of about a second at 10 Gbit/s.
    /// </summary>
    public const int Ahead = 65536;

    /// <summary>
    /// Votes to move. More than a path that reorders brings of late datagrams in a row, few enough to lose no more than
    /// a few groups to a peer that started over.
    /// </summary>
    public const int VotesToRestart = 32;

    // Candidates this close are one stream. Wider than the window, for a stream that moves on while votes are counted.
    private const int Neighbourhood = 64;

    private readonly long _groups;
    private uint _candidate;
    private int _votes;

    /// <param name="totalShards">Shards of a group, which gives the number at which groups wrap to 0.</param>
    public FecGroupWindow(int totalShards) => _groups = uint.MaxValue / (uint)totalShards;

    /// <summary>The newest group; 0 at first (docs/wire/kcptun.md 4.6).</summary>
    public uint Newest { get; private set; }

    /// <summary>Whether a group is to be kept.</summary>
    public bool Contains(uint group) => Distance(group, Newest) is >= -Behind and <= 0;

    /// <summary>Finds the place of a group that a datagram names and moves the window if it must move.</summary>
    /// <param name="group">The group.</param>
    /// <param name="isEmpty">Whether no group is kept. The window then starts at the datagram.</param>
    public FecGroupPlace Place(uint group, bool isEmpty)
    {
        long distance = Distance(group, Newest);
        switch (distance)
        {
            case >= -Behind and <= 0:
                _votes = 0;
                return FecGroupPlace.Inside;
            case > 0 and <= Ahead:
                _votes = 0;
                Newest = group;
                return FecGroupPlace.Advanced;
        }

        if (!isEmpty && !Vote(group))
        {
            return FecGroupPlace.Outside;
        }

        _votes = 0;
        Newest = group;
        return FecGroupPlace.Restarted;
    }

    /// <summary>
    /// Groups from <paramref name="origin"/> to <paramref name="group"/> on the shorter way around the wrap.
    /// </summary>
    public long Distance(uint group, uint origin)
    {
        long distance = (long)group - origin;
        if (distance > _groups / 2)
        {
            return distance - _groups;
        }

        return distance < -(_groups / 2) ? distance + _groups : distance;
    }

    private bool Vote(uint group)
    {
        if (_votes == 0)
        {
            _candidate = group;
        }

        long distance = Distance(group, _candidate);
        if (distance is < -Neighbourhood or > Neighbourhood)
        {
            _votes--;
            return false;
        }

        if (distance > 0)
        {
            _candidate = group;
        }

        return ++_votes >= VotesToRestart;
    }
}
