using Causeway.Protocol;

namespace Causeway.Benchmarks.Micro;

/// <summary>Datagrams of a usual size, in batches as the runtime makes them.</summary>
internal static class Packets
{
    public const int Batch = 64;
    public const int Size = 1350;

    /// <summary>A batch of datagrams with random content.</summary>
    public static PacketBuffer[] Rent(PacketPool pool, int count = Batch, int size = Size)
    {
        Random random = new(1);
        PacketBuffer[] batch = new PacketBuffer[count];
        pool.Rent(batch);
        foreach (PacketBuffer packet in batch)
        {
            random.NextBytes(packet.Append(size));
        }

        return batch;
    }
}
