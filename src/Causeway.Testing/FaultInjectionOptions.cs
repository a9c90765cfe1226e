using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>Options of a <see cref="FaultInjectionLink"/>.</summary>
public sealed record FaultInjectionOptions
{
    /// <summary>What happens to datagrams sent. Default: nothing.</summary>
    public FaultModelOptions Send { get; init; } = new();

    /// <summary>What happens to datagrams received. Default: nothing.</summary>
    public FaultModelOptions Receive { get; init; } = new();

    /// <summary>
    /// Seed of all random decisions: the same seed has the same fate for the n-th datagram. Default 1.
    /// </summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Datagrams that each direction holds while they are delayed or wait to be received; more are dropped. 1 to
    /// 1048576, default 65536.
    /// </summary>
    public int MaxHeldDatagrams { get; init; } = 65536;

    /// <summary>The pool of the copies that are held. Default <see cref="PacketPool.Shared"/>.</summary>
    public PacketPool Pool { get; init; } = PacketPool.Shared;

    /// <summary>Throws if an option is out of its range.</summary>
    /// <exception cref="ArgumentException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        if (Send is null || Receive is null || Pool is null)
        {
            throw new ArgumentException("Send, Receive and Pool must not be null.", nameof(Send));
        }

        Send.Validate();
        Receive.Validate();
        if (MaxHeldDatagrams is < 1 or > 1 << 20)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxHeldDatagrams), MaxHeldDatagrams, $"MaxHeldDatagrams must be 1 to {1 << 20}.");
        }
    }
}
