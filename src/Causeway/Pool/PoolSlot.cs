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
internal sealed class PoolSlot(Func<PoolSlot.Member, bool> isFresh, Func<PoolSlot.Member> connect, Action<CausewayConnection> release)
{
    private Member? _current;
    private Member? _beside;

    /// <summary>Attempts that are under way, and connections.</summary>
    public IEnumerable<Task> Connecting => new[] { _current?.Connecting, _beside?.Connecting }.OfType<Task>();

    /// <summary>The connection that streams go to, once there is one.</summary>
    public CausewayConnection? Current => _current?.Made;

    /// <summary>Where the next stream goes.</summary>
    public Task<CausewayConnection> Choose()
    {
        if (!IsUsable(_current))
        {
            _current = _beside;
            _beside = null;
            if (!IsUsable(_current))
            {
                _current = connect();
            }
        }

        if (_current!.Made is not { IsUnresponsive: true } silent)
        {
            DropBeside();
            return _current.Connecting;
        }

        if (!IsUsable(_beside) || _beside is { Made.IsUnresponsive: true, IsYoung: false })
        {
            DropBeside();
            _beside = connect();
        }

        Member beside = _beside!;
        if (beside.Made is { Statistics.Transport.InPackets: > 0 })
        {
            release(silent);
            _current = beside;
            _beside = null;
        }

        return beside.Connecting;
    }

    /// <summary>A connection gives no more streams, or has just ended.</summary>
    public void Retire(CausewayConnection connection)
    {
        foreach (Member? member in (ReadOnlySpan<Member?>)[_current, _beside])
        {
            if (member is not null && member.Made == connection)
            {
                member.IsRetired = true;
            }
        }
    }

    private bool IsUsable(Member? member) =>
        member is { IsRetired: false } && (!member.Connecting.IsCompleted
            || (member.Made is { Closed.IsCompleted: false } && isFresh(member)));

    private void DropBeside()
    {
        // One that is still being made is kept: whoever waits for it gets it.
        if (_beside is { Connecting.IsCompleted: true })
        {
            if (_beside.Made is { } made)
            {
                release(made);
            }

            _beside = null;
        }
    }

    /// <summary>A connection, or the attempts to make one.</summary>
    internal sealed class Member(TimeProvider time)
    {
        // As long as a connection is given to answer: one that was opened a moment ago to a server that is being restarted
        // asks again by itself.
        private static readonly TimeSpan s_youth = TimeSpan.FromSeconds(2);

        private long _madeAt = time.GetTimestamp();

        public required Task<CausewayConnection> Connecting { get; set; }

        public bool IsRetired { get; set; }

        /// <summary>The connection, once there is one.</summary>
        public CausewayConnection? Made => Connecting.IsCompletedSuccessfully ? Connecting.Result : null;

        /// <summary>How long ago it was made.</summary>
        public TimeSpan Age => time.GetElapsedTime(_madeAt);

        public bool IsYoung => Age < s_youth;

        public void OnMade() => _madeAt = time.GetTimestamp();
    }
}
