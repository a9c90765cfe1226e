namespace Causeway.Forwarding.Tunnels;

/// <summary>What <see cref="TunnelStatistics"/> shows, as it is counted. Thread-safe.</summary>
internal sealed class TunnelCounters
{
    private long _granted;
    private long _refused;
    private long _flowsOpened;
    private long _flowsOpen;
    private long _flowsRefused;
    private long _datagramsSent;
    private long _datagramsReceived;
    private long _datagramsTooLong;
    private long _datagramsIncomplete;
    private long _datagramsDropped;
    private long _datagramsMalformed;

    public void CountGranted() => Interlocked.Increment(ref _granted);

    public void CountRefused() => Interlocked.Increment(ref _refused);

    public void CountFlowRefused() => Interlocked.Increment(ref _flowsRefused);

    public void CountSent() => Interlocked.Increment(ref _datagramsSent);

    public void CountReceived() => Interlocked.Increment(ref _datagramsReceived);

    public void CountTooLong() => Interlocked.Increment(ref _datagramsTooLong);

    public void CountDropped() => Interlocked.Increment(ref _datagramsDropped);

    public void CountMalformed() => Interlocked.Increment(ref _datagramsMalformed);

    public void CountIncomplete(long count)
    {
        if (count != 0)
        {
            Interlocked.Add(ref _datagramsIncomplete, count);
        }
    }

    /// <summary>Counts flows.</summary>
    /// <param name="opened">How many more there have been.</param>
    /// <param name="open">How many more there are.</param>
    public void CountFlow(int opened, int open)
    {
        Interlocked.Add(ref _flowsOpened, opened);
        Interlocked.Add(ref _flowsOpen, open);
    }

    public TunnelStatistics Snapshot() => new()
    {
        Granted = Interlocked.Read(ref _granted),
        Refused = Interlocked.Read(ref _refused),
        FlowsOpened = Interlocked.Read(ref _flowsOpened),
        FlowsOpen = Interlocked.Read(ref _flowsOpen),
        FlowsRefused = Interlocked.Read(ref _flowsRefused),
        DatagramsSent = Interlocked.Read(ref _datagramsSent),
        DatagramsReceived = Interlocked.Read(ref _datagramsReceived),
        DatagramsTooLong = Interlocked.Read(ref _datagramsTooLong),
        DatagramsIncomplete = Interlocked.Read(ref _datagramsIncomplete),
        DatagramsDropped = Interlocked.Read(ref _datagramsDropped),
        DatagramsMalformed = Interlocked.Read(ref _datagramsMalformed),
    };
}
