using Causeway.Quic.Recovery;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Recovery;

public sealed class SentPacketsTests
{
    [Fact]
    public void FindsWhatADictionaryFinds()
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            SeededRandom random = new(seed);
            SentPackets packets = new();
            SortedDictionary<long, QuicSentPacket> model = [];
            long next = random.Next(3);
            for (int step = 0; step < 500; step++)
            {
                if (random.Next(2) == 0)
                {
                    // Numbers are skipped now and then.
                    next += random.Next(10) == 0 ? 1 + random.Next(5) : 0;
                    QuicSentPacket packet = new() { Number = next };
                    packets.Add(packet);
                    model.Add(next++, packet);
                    continue;
                }

                long low = random.Next((int)next + 2);
                long high = low + random.Next(20);
                QuicSentPacket? expected = model.Where(one => one.Key >= low && one.Key <= high).Select(static one => one.Value).LastOrDefault();
                QuicSentPacket? found = packets.FindHighest(low, high);
                Assert.True(expected == found, $"seed {seed}, step {step}: {found?.Number} instead of {expected?.Number}");
                Assert.Equal(model.GetValueOrDefault(low), packets.Find(low));
                if (found is not null && random.Next(3) != 0)
                {
                    packets.Remove(found);
                    model.Remove(found.Number);
                }

                Assert.True(model.Count == 0 ? packets.First == packets.End : packets.First == model.Keys.First());
            }
        }
    }

    /// <summary>
    /// A peer repeats ranges that it acknowledged before in every ACK. Going through them costs what is new in them, however
    /// many packets they span.
    /// </summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(30_000)]
    public void RangesThatWereAcknowledgedBeforeCostNothing(int window)
    {
        SentPackets packets = new();
        packets.Add(new QuicSentPacket { Number = 0 });
        for (long number = 1; number <= window; number++)
        {
            packets.Add(new QuicSentPacket { Number = number });
        }

        // The oldest packet stays in flight, so that the ring keeps its span.
        long visits = packets.Visits;
        int acks = 0;
        for (long high = 2; high <= window; high += 2, acks++)
        {
            long rest = high;
            while (packets.FindHighest(1, rest) is { } packet)
            {
                rest = packet.Number - 1;
                packets.Remove(packet);
            }
        }

        double each = (double)(packets.Visits - visits) / acks;
        Assert.InRange(each, 1, 12);
    }
}
