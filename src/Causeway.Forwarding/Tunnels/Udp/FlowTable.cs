namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>
/// The flows of one port or of one client: limits them, and ends those that were quiet too long, counting both directions. A
/// datagram only notes the time; one timer looks at all of them. Thread-safe.
/// </summary>
internal sealed class FlowTable : IDisposable
{
    // One that was quiet for so long has to make room for a new one where there are as many as may be.
    private static readonly TimeSpan s_yields = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly HashSet<Flow> _flows = [];
    private readonly TunnelDatagramOptions _options;
    private readonly TimeProvider _time;
    private readonly TunnelCounters _counters;
    private readonly ITimer _timer;
    private readonly TimeSpan _period;
    private bool _isClosed;

    public FlowTable(TunnelDatagramOptions options, TimeProvider time, TunnelCounters counters)
    {
        _options = options;
        _time = time;
        _counters = counters;
        _period = options.IdleTimeout / 8;
        _timer = time.CreateTimer(static state => ((FlowTable)state!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _flows.Count;
            }
        }
    }

    /// <summary>Takes a flow in, if there is room or another one was quiet long enough to end for it.</summary>
    public bool TryAdd(Flow flow)
    {
        Flow? yielding = null;
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            if (_flows.Count >= _options.MaxFlows)
            {
                yielding = _flows.MinBy(static each => each.LastUsed)!;
                if (_time.GetElapsedTime(yielding.LastUsed) < s_yields)
                {
                    _counters.CountFlowRefused();
                    return false;
                }

                _flows.Remove(yielding);
            }

            flow.LastUsed = _time.GetTimestamp();
            _flows.Add(flow);
            if (_flows.Count == 1)
            {
                _timer.Change(_period, _period);
            }
        }

        _counters.CountFlow(opened: 1, open: yielding is null ? 1 : 0);
        yielding?.End();
        return true;
    }

    /// <summary>Notes that a datagram went through a flow.</summary>
    public void Touch(Flow flow) => flow.LastUsed = _time.GetTimestamp();

    /// <summary>Forgets a flow that ended by itself.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(Flow flow)
    {
        lock (_gate)
        {
            if (!_flows.Remove(flow))
            {
                return false;
            }

            StopIfEmpty();
        }

        _counters.CountFlow(opened: 0, open: -1);
        return true;
    }

    /// <summary>Ends all flows, and takes no more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        End(static _ => true);
        _timer.Dispose();
    }

    private void Look() => End(flow => _time.GetElapsedTime(flow.LastUsed) >= _options.IdleTimeout);

    private void End(Func<Flow, bool> which)
    {
        Flow[] ending;
        lock (_gate)
        {
            ending = [.. _flows.Where(which)];
            _flows.ExceptWith(ending);
            StopIfEmpty();
        }

        _counters.CountFlow(opened: 0, open: -ending.Length);
        foreach (Flow flow in ending)
        {
            flow.End();
        }
    }

    private void StopIfEmpty()
    {
        if (_flows.Count == 0)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
