namespace Causeway.Forwarding.Tunnels;

/// <summary>How a forwarder carries UDP.</summary>
public sealed record TunnelDatagramOptions
{
    /// <summary>
    /// Flows at a time, 1 to 65536: at a client those of one port, each from an address to a target; at a server those of one client.
    /// Where there are as many, the one that was quiet longest ends for a new one if it was quiet for 10 seconds; else what
    /// would begin a flow is dropped and counted. Each has a socket at its far end. Default 1024.
    /// </summary>
    public int MaxFlows { get; init; } = 1024;

    /// <summary>
    /// How long a flow may be quiet in both directions before it ends; one second to a day. Default 2 minutes, the least that a
    /// NAT should give (RFC 4787, 4.3).
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long the pieces of a datagram that was too long for one packet may take to come together; 10 ms to a minute. Default one
    /// second.
    /// </summary>
    public TimeSpan ReassemblyTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Bytes of datagrams that come together in pieces, for one connection, 65536 to 1 GiB; beyond, the oldest is dropped. Default 1 MiB.</summary>
    public int ReassemblyMemory { get; init; } = 1 << 20;

    internal void Validate()
    {
        if (MaxFlows is < 1 or > 65536)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxFlows), MaxFlows, "MaxFlows must be from 1 to 65536.");
        }

        if (IdleTimeout < TimeSpan.FromSeconds(1) || IdleTimeout > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException(nameof(IdleTimeout), IdleTimeout, "IdleTimeout must be from one second to a day.");
        }

        if (ReassemblyTimeout < TimeSpan.FromMilliseconds(10) || ReassemblyTimeout > TimeSpan.FromMinutes(1))
        {
            throw new ArgumentOutOfRangeException(nameof(ReassemblyTimeout), ReassemblyTimeout, "ReassemblyTimeout must be from 10 ms to a minute.");
        }

        if (ReassemblyMemory is < 65536 or > 1 << 30)
        {
            throw new ArgumentOutOfRangeException(nameof(ReassemblyMemory), ReassemblyMemory, "ReassemblyMemory is in bytes and must be from 65536 to 1 GiB.");
        }
    }
}
