namespace Causeway;

/// <summary>
/// One place of a <see cref="ConnectionPool"/>: the connection that streams go to, and while that one does not answer a fresh
/// one beside it. Whichever answers is kept (as RFC 8305 does with addresses).
/// </summary>
/// <remarks>
/// <code>
/// empty --Choose--> current --unresponsive--> current, beside --beside answered--> beside becomes current
///                                             current, beside --current answers again--> current
///                                             current, beside --beside unresponsive--> current, another beside
/// </code>
/// What is not used any more is handed to <c>release</c>, since streams may still be open on it. Guarded by the pool's lock.
/// </remarks>
internal sealed class PoolSlot(Func<PoolMember> connect, Action<PoolMember> release)
{
    private PoolMember? _current;
    private PoolMember? _beside;

    /// <summary>Attempts that are under way, and connections.</summary>
    public IEnumerable<PoolMember> Members => new[] { _current, _beside }.OfType<PoolMember>();

    /// <summary>A connection that answers, if <see cref="Choose"/> would give one without making it.</summary>
    public PoolMember? Ready => IsReady(_current) ? _current : IsReady(_beside) ? _beside : null;

    /// <summary>An attempt that is under way.</summary>
    public PoolMember? Pending => IsPending(_current) ? _current : IsPending(_beside) ? _beside : null;

    /// <summary>Whether there is neither a connection that may be used nor an attempt to make one.</summary>
    public bool IsEmpty => _current is not { IsUsable: true } && _beside is not { IsUsable: true };

    /// <summary>Lets go of a connection that may be used no more.</summary>
    public void Tidy()
    {
        if (_current is not { IsUsable: true })
        {
            Drop(_current);
            _current = _beside;
            _beside = null;
        }
    }

    /// <summary>Where the next stream goes.</summary>
    public PoolMember Choose()
    {
        Tidy();
        if (_current is not { IsUsable: true })
        {
            Drop(_current);
            _current = connect();
        }

        if (_current.Made is not { IsUnresponsive: true })
        {
            DropBeside();
            return _current;
        }

        if (_beside is not { IsUsable: true } || _beside is { Made.IsUnresponsive: true, IsYoung: false })
        {
            DropBeside();
            _beside = connect();
        }

        PoolMember beside = _beside;
        if (beside.Made is { Statistics.Transport.InPackets: > 0 })
        {
            Drop(_current);
            _current = beside;
            _beside = null;
        }

        return beside;
    }

    private static bool IsReady(PoolMember? member) => member is { IsUsable: true, Made.IsUnresponsive: false };

    private static bool IsPending(PoolMember? member) => member is { Connecting.IsCompleted: false };

    private void DropBeside()
    {
        // One that is still being made is kept: whoever waits for it gets it.
        if (_beside is { Connecting.IsCompleted: true })
        {
            Drop(_beside);
            _beside = null;
        }
    }

    private void Drop(PoolMember? member)
    {
        if (member is { Made: not null })
        {
            release(member);
        }
    }
}
