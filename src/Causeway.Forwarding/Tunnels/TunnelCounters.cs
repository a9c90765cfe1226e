namespace Causeway.Forwarding.Tunnels;

/// <summary>What <see cref="TunnelStatistics"/> shows, as it is counted. Thread-safe.</summary>
internal sealed class TunnelCounters
{
    private long _granted;
    private long _refused;

    public void CountGranted() => Interlocked.Increment(ref _granted);

    public void CountRefused() => Interlocked.Increment(ref _refused);

    public TunnelStatistics Snapshot() => new()
    {
        Granted = Interlocked.Read(ref _granted),
        Refused = Interlocked.Read(ref _refused),
    };
}
