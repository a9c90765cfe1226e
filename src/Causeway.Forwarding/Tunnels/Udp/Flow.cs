namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>One flow in a <see cref="FlowTable"/>.</summary>
internal abstract class Flow
{
    private long _lastUsed;

    /// <summary>When a datagram last went in either direction, as a timestamp of the table's clock.</summary>
    public long LastUsed
    {
        get => Volatile.Read(ref _lastUsed);
        set => Volatile.Write(ref _lastUsed, value);
    }

    /// <summary>Ends the flow, because it was quiet too long. Called at most once, after it left the table; does not wait.</summary>
    public abstract void End();
}
