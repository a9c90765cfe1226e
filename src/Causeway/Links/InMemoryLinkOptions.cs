using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>Options of a pair of <see cref="InMemoryLink"/>s.</summary>
public sealed record InMemoryLinkOptions
{
    /// <summary>
    /// Datagrams that wait to be received in each direction; more are dropped. 1 to 1048576, default 4096.
    /// </summary>
    public int Capacity { get; init; } = 4096;

    /// <summary>
    /// The largest payload; larger ones are dropped. 64 bytes to the buffer size of <see cref="Pool"/>, default 1500.
    /// </summary>
    public int MaxDatagramSize { get; init; } = 1500;

    /// <summary>The pool of received datagrams. Default <see cref="PacketPool.Shared"/>.</summary>
    public PacketPool Pool { get; init; } = PacketPool.Shared;

    // As much of the usual headroom as the buffers leave.
    internal int Headroom => Math.Min(PacketPool.DefaultHeadroom, Pool.BufferSize - MaxDatagramSize);

    /// <summary>Throws if an option is out of its range.</summary>
    /// <exception cref="ArgumentException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        if (Capacity is < 1 or > 1 << 20)
        {
            throw new ArgumentOutOfRangeException(nameof(Capacity), Capacity, $"Capacity must be 1 to {1 << 20}.");
        }

        if (Pool is null)
        {
            throw new ArgumentException("Pool must not be null.", nameof(Pool));
        }

        if (MaxDatagramSize < 64 || MaxDatagramSize > Pool.BufferSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxDatagramSize),
                MaxDatagramSize,
                $"MaxDatagramSize must be 64 to {Pool.BufferSize}, the size of the buffers of Pool.");
        }
    }
}
