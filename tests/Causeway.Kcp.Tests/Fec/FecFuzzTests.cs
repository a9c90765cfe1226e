using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Fec;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecFuzzTests
{
    private const int Inputs = 100_000;

    [Fact]
    public void MutatedDatagramsNeverThrowLeakOrGrowMemory()
    {
        const int Seed = 20260101;
        Random random = new(Seed);
        PacketPool pool = new();
        FecStatistics statistics = new();
        FecDecoder decoder = new(1, 1, pool, statistics);
        FecTestTraffic traffic = new(10, 3, random);
        Queue<byte[]> waiting = new();
        HashSet<PacketBuffer> held = [];
        try
        {
            for (int input = 0; input < Inputs; input++)
            {
                if (random.Next(5000) == 0)
                {
                    traffic.Dispose();
                    int total = random.Next(2, 257);
                    int data = random.Next(1, total);
                    traffic = new(data, total - data, random, (uint)random.NextInt64(uint.MaxValue / total) * (uint)total);
                    waiting.Clear();
                }

                if (waiting.Count == 0)
                {
                    traffic.Next().ForEach(waiting.Enqueue);
                }

                byte[] packet = Mutate(waiting.Dequeue(), random);
                PacketBuffer buffer = pool.Rent();
                packet.CopyTo(buffer.Append(packet.Length));
                FecPacketKind kind = decoder.Add(buffer);
                Assert.True(kind == FecPacketKind.None || packet.Length >= FecEncoder.HeaderSize);
                if (buffer.ReferenceCount > 1)
                {
                    held.Add(buffer);
                }

                while (random.Next(10) != 0 && decoder.TryTakeRecovered(out PacketBuffer? recovered))
                {
                    Assert.InRange(recovered.Length, 0, pool.BufferSize - 2);
                    recovered.Release();
                }

                buffer.Release();
                if (input % 1000 == 0)
                {
                    held.RemoveWhere(static buffer => buffer.ReferenceCount == 0);
                    Assert.InRange(held.Count, 0, 4 * ReedSolomon.MaxShards);
                }
            }
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"Fuzzing failed with seed {Seed}.", failure);
        }

        traffic.Dispose();
        decoder.Dispose();
        Assert.All(held, static buffer => Assert.Equal(0, buffer.ReferenceCount));

        // The inputs reach every outcome, or the test would prove little.
        Assert.All(
            [
                statistics.Recovered, statistics.FullShardSets, statistics.ParityShards, statistics.Retunes, statistics.OutOfBand,
                statistics.MalformedTooShort, statistics.MalformedRebuiltSize, statistics.OutsideWindow, statistics.IgnoredWhileTuning,
            ],
            static count => Assert.NotEqual(0, count));
    }

    private static byte[] Mutate(byte[] packet, Random random)
    {
        switch (random.Next(400))
        {
            case 0:
                return packet[..random.Next(packet.Length + 1)];
            case 1:
                packet[random.Next(packet.Length)] ^= (byte)(1 << random.Next(8));
                return packet;
            case 2:
                random.NextBytes(packet.AsSpan(0, 4));
                return packet;
            case 3:
                packet[4] = (byte)(0xF0 + random.Next(5));
                return packet;
            case 4:
                random.NextBytes(packet);
                return packet;
            case 5:
                return [.. packet, .. new byte[random.Next(100)]];
            case 6:
                packet.AsSpan(0, 4).Fill(0xFF);
                return packet;
            case < 12:
                random.NextBytes(packet.AsSpan(6, 2));
                return packet;
            default:
                return packet;
        }
    }
}
