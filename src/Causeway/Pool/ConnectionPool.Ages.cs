using System.Net;

namespace Causeway;

/// <summary>What becomes of connections that are used no more, or are too old.</summary>
public sealed partial class ConnectionPool
{
    // kcptun's scavenger looks this often.
    private static readonly TimeSpan s_sweepPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_reapPeriod = TimeSpan.FromSeconds(1);

    private readonly List<PoolMember> _released = [];
    private readonly List<Aging> _aging = [];
    private readonly ITimer? _sweeper;
    private ITimer? _reaper;

    /// <summary>A connection is used no more, but for the streams that are open on it.</summary>
    private void Release(PoolMember member)
    {
        if (member.Made is { Closed.IsCompleted: false } connection && !_stopped.IsCancellationRequested)
        {
            _registry.NoteReplaced(connection);
            _released.Add(member);
            _reaper ??= _time.CreateTimer(static state => ((ConnectionPool)state!).CloseReleased(), this, s_reapPeriod, s_reapPeriod);
        }
    }

    private void CloseReleased()
    {
        CausewayConnection[] unused;
        lock (_gate)
        {
            unused = [.. _released.Where(static member => member.Made!.Closed.IsCompleted || member.Load == 0).Select(static member => member.Made!)];
            _released.RemoveAll(member => unused.Contains(member.Made));
        }

        foreach (CausewayConnection connection in unused)
        {
            _ = CloseAsync(connection);
        }
    }

    private void WatchAge(CausewayConnection connection, TimeSpan lifetime)
    {
        if (lifetime > TimeSpan.Zero)
        {
            _aging.Add(new Aging(connection, connection.LocalEndPoint, _time.GetTimestamp(), lifetime + _options.DrainTimeout));
        }
    }

    /// <summary>Closes what is past its lifetime and the time to drain.</summary>
    private void CloseExpired()
    {
        Aging[] due;
        lock (_gate)
        {
            _aging.RemoveAll(static aging => aging.Connection.Closed.IsCompleted);
            due = [.. _aging.Where(aging => _time.GetElapsedTime(aging.MadeAt) >= aging.Longest)];
            _aging.RemoveAll(due.Contains);
        }

        foreach (Aging aging in due)
        {
            _registry.NoteExpired(aging.Connection);
            ConnectionPoolLog.Expired(_log, aging.LocalEndPoint);
            Report(new ConnectionPoolEvent
            {
                Kind = ConnectionPoolEventKind.Expired,
                Connection = aging.Connection,
                LocalEndPoint = aging.LocalEndPoint,
            });
            _ = CloseAsync(aging.Connection);
        }
    }

    private async Task CloseAsync(CausewayConnection connection)
    {
        using CancellationTokenSource limit = new(_options.CloseTimeout, _time);
        await PoolRegistry.CloseAsync(connection, limit.Token).ConfigureAwait(false);
    }

    /// <summary>A connection and when to close it. Its address is kept: a closed connection may have none.</summary>
    private readonly record struct Aging(CausewayConnection Connection, EndPoint LocalEndPoint, long MadeAt, TimeSpan Longest);
}
