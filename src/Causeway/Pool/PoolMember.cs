namespace Causeway;

/// <summary>A connection of a <see cref="ConnectionPool"/>, or the attempts to make one. Guarded by the pool's lock.</summary>
internal sealed class PoolMember(TimeProvider time)
{
    // As long as a connection is given to answer: one that was opened a moment ago to a server that is being restarted asks
    // again by itself.
    private static readonly TimeSpan s_youth = TimeSpan.FromSeconds(2);

    private long _madeAt = time.GetTimestamp();

    public required Task<CausewayConnection> Connecting { get; set; }

    /// <summary>Whether it gives no more streams.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Callers that wait for a stream of it.</summary>
    public int Waiting { get; set; }

    /// <summary>The age at which it is replaced; zero for never.</summary>
    public TimeSpan Lifetime { get; private set; }

    /// <summary>The connection, once there is one.</summary>
    public CausewayConnection? Made => Connecting.IsCompletedSuccessfully ? Connecting.Result : null;

    /// <summary>How long ago it was made.</summary>
    public TimeSpan Age => time.GetElapsedTime(_madeAt);

    public bool IsYoung => Age < s_youth;

    /// <summary>The streams that are open on it, and the callers that wait for one.</summary>
    public int Load => Waiting + (Made?.Statistics.OpenStreams ?? 0);

    /// <summary>Whether streams may be opened on it, now or once it is made.</summary>
    public bool IsUsable => !IsRetired && (!Connecting.IsCompleted
        || (Made is { Closed.IsCompleted: false } && (Lifetime == TimeSpan.Zero || Age < Lifetime)));

    public void OnMade(TimeSpan lifetime)
    {
        _madeAt = time.GetTimestamp();
        Lifetime = lifetime;
    }
}
