using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecTunerTests
{
    private static readonly (int Data, int Parity)[] s_shapes =
        [(10, 3), (20, 5), (4, 2), (1, 1), (3, 1), (70, 30), (128, 128), (1, 2), (2, 1), (5, 5), (254, 1), (1, 255), (50, 2)];

    public static TheoryData<int, int, double> ShapesAndLosses()
    {
        TheoryData<int, int, double> data = [];
        foreach ((int dataShards, int parityShards) in s_shapes)
        {
            foreach (double loss in (double[])[0, 0.08, 0.20])
            {
                data.Add(dataShards, parityShards, loss);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(ShapesAndLosses))]
    public void FindsThePeersCountsUnderLossReorderingAndDuplicates(int dataShards, int parityShards, double loss)
    {
        int total = dataShards + parityShards;
        for (int seed = 0; seed < 6; seed++)
        {
            Random random = new(seed);
            PacketPool pool = new(track: seed == 0);
            uint firstSequence = seed switch
            {
                0 => 0,
                1 => FecHeader.SequenceLimit(total) - (uint)total,
                _ => (uint)random.NextInt64(uint.MaxValue / total) * (uint)total,
            };
            using FecTestTraffic traffic = new(dataShards, parityShards, random, firstSequence, maxLength: 20);

            // A receiver with its own FEC off, or with the default, or with one that differs by one.
            FecDecoder decoder = (seed % 3) switch
            {
                0 => new FecDecoder(1, 1, pool),
                1 => new FecDecoder(10, 3, pool),
                _ => new FecDecoder(dataShards, parityShards == 1 ? 2 : parityShards - 1, pool),
            };
            int arrived = 0;
            foreach (byte[] packet in Disturb(traffic, random, loss).TakeWhile(_ => !IsTuned(decoder, dataShards, parityShards)))
            {
                FecTestTraffic.Feed(decoder, pool, packet);
                arrived++;
                Assert.True(
                    arrived <= PacketsToTune(total), $"{dataShards}+{parityShards}, loss {loss}, seed {seed}: not found");
            }

            AssertRebuilds(decoder, traffic, pool);
            decoder.Dispose();
            pool.ThrowIfOutstanding();
        }
    }

    [Fact]
    public void FollowsAPeerThatChangesItsCounts()
    {
        Random random = new(20);
        PacketPool pool = new();
        FecDecoder decoder = new(1, 1, pool);
        for (int round = 0; round < 60; round++)
        {
            (int dataShards, int parityShards) = s_shapes[random.Next(s_shapes.Length)];
            int total = dataShards + parityShards;
            uint firstSequence = round % 2 == 0 ? 0 : (uint)random.NextInt64(uint.MaxValue / total) * (uint)total;
            using FecTestTraffic traffic = new(dataShards, parityShards, random, firstSequence, maxLength: 20);
            int arrived = 0;
            foreach (byte[] packet in Disturb(traffic, random, 0.05).TakeWhile(_ => !IsTuned(decoder, dataShards, parityShards)))
            {
                FecTestTraffic.Feed(decoder, pool, packet);
                Assert.True(++arrived <= 2 * PacketsToTune(total), $"round {round}: {dataShards}+{parityShards} not found");
            }

            AssertRebuilds(decoder, traffic, pool);
        }

        decoder.Dispose();
    }

    [Fact]
    public void SkippedParityIsNoEvidence()
    {
        PacketPool pool = new(track: true);
        Random random = new(21);
        using FecTestTraffic traffic = new(20, 5, random);
        FecDecoder decoder = new(4, 2, pool);
        int groups = 0;
        while (!IsTuned(decoder, 20, 5))
        {
            traffic.PauseMilliseconds = groups % 3 == 0 ? 1 : 700;
            traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
            Assert.True(++groups <= 12, "not found");
        }

        traffic.PauseMilliseconds = 1;
        AssertRebuilds(decoder, traffic, pool);
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void GarbageDoesNotDetuneItForGood()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            PacketPool pool = new(track: seed == 0);
            using FecTestTraffic traffic = new(10, 3, random);
            FecDecoder decoder = new(10, 3, pool);
            for (int group = 0; group < 50; group++)
            {
                traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
            }

            for (int i = 0; i < random.Next(1, 2000); i++)
            {
                uint sequence = random.Next(4) == 0 ? (uint)random.Next(1000) : (uint)random.NextInt64(uint.MaxValue);
                FecTestTraffic.Feed(decoder, pool, FecTestTraffic.Packet(sequence, random.Next(2) == 0));
            }

            int packets = 0;
            while (!IsTuned(decoder, 10, 3) && packets < 1000)
            {
                traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
                packets += 13;
            }

            Assert.True(packets <= 13 * 8, $"seed {seed}: {packets} datagrams until it found back");

            // The window may have to find back too, if garbage moved it.
            for (int group = 0; group < 4; group++)
            {
                traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
            }

            AssertRebuilds(decoder, traffic, pool);
            decoder.Dispose();
            pool.ThrowIfOutstanding();
        }
    }

    [Fact]
    public void ALittleGarbageAllTheTimeCostsLittle()
    {
        Random random = new(22);
        PacketPool pool = new();
        using FecTestTraffic traffic = new(10, 3, random);
        FecDecoder decoder = new(10, 3, pool);
        int rebuilt = 0;
        const int Groups = 1000;
        for (int group = 0; group < Groups; group++)
        {
            foreach (byte[] packet in traffic.NextGroup().Skip(1))
            {
                if (random.Next(400) == 0)
                {
                    FecTestTraffic.Feed(
                        decoder, pool, FecTestTraffic.Packet((uint)random.NextInt64(uint.MaxValue), random.Next(2) == 0));
                }

                rebuilt += FecTestTraffic.Feed(decoder, pool, packet).Count;
            }
        }

        Assert.InRange(rebuilt, Groups * 8 / 10, Groups);
        decoder.Dispose();
    }

    [Fact]
    public void RightCountsAreNeverDoubtedWhateverIsLost()
    {
        foreach ((int dataShards, int parityShards) in s_shapes)
        {
            Random random = new(23);
            PacketPool pool = new();
            using FecTestTraffic traffic = new(dataShards, parityShards, random, minLength: 1, maxLength: 5);
            using FecDecoder decoder = new(dataShards, parityShards, pool);
            foreach (byte[] packet in Disturb(traffic, random, 0.5).Take(2000))
            {
                FecTestTraffic.Feed(decoder, pool, packet);
                Assert.False(decoder.IsTuning);
            }
        }
    }

    [Fact]
    public void WithoutParityNothingIsConcluded()
    {
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(1, 1, pool);
        for (uint sequence = 0; sequence < 5000; sequence++)
        {
            FecTestTraffic.Feed(decoder, pool, FecTestTraffic.Packet(sequence, isParity: false));
        }

        Assert.True(decoder.IsTuning);
        Assert.Equal(0, decoder.Statistics.Recovered + decoder.Statistics.Retunes);
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    // Arrived datagrams within which the counts must be found: six groups and some. Loss delays it, for an edge of a
    // group shows only when both datagrams beside it arrived once.
    private static int PacketsToTune(int total) => (6 * total) + 20;

    private static bool IsTuned(FecDecoder decoder, int dataShards, int parityShards) =>
        !decoder.IsTuning && decoder.DataShards == dataShards && decoder.ParityShards == parityShards;

    private static void AssertRebuilds(FecDecoder decoder, FecTestTraffic traffic, PacketPool pool)
    {
        // To the end of the group at hand, and one more so that stragglers are out of the way.
        traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
        for (int group = 0; group < 3; group++)
        {
            byte[] packet;
            do
            {
                packet = traffic.Next()[^1];
            }
            while (!FecTestTraffic.IsParity(packet));

            List<byte[]> packets = traffic.NextGroup();
            List<byte[]> recovered = [.. packets.Skip(1).SelectMany(packet => FecTestTraffic.Feed(decoder, pool, packet))];
            Assert.Equal(packets[0][8..], Assert.Single(recovered));
        }
    }

    /// <summary>Loses a share of the datagrams, doubles 2 % and delays 2 % by up to ten others.</summary>
    private static IEnumerable<byte[]> Disturb(FecTestTraffic traffic, Random random, double loss)
    {
        List<(int Due, byte[] Packet)> delayed = [];
        for (int index = 0; ; index++)
        {
            foreach (byte[] packet in traffic.Next())
            {
                if (random.NextDouble() < loss)
                {
                    continue;
                }

                if (random.NextDouble() < 0.02)
                {
                    delayed.Add((index + random.Next(1, 11), packet));
                    continue;
                }

                yield return packet;
                if (random.NextDouble() < 0.02)
                {
                    yield return packet;
                }
            }

            foreach ((int due, byte[] packet) in delayed.Where(entry => entry.Due <= index).ToList())
            {
                delayed.Remove((due, packet));
                yield return packet;
            }
        }
    }
}
