using System.Text.Json;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Fec;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecDecoderTests
{
    public static TheoryData<string> GoldenTraces() =>
        [.. GoldenVectors.Load("fec.json").GetProperty("decoder").EnumerateArray().Select(static trace => trace.GetProperty("name").GetString()!)];

    // No deviation from the reference in any trace: the tuner here waits for a second group too, and so concludes at
    // the same datagram wherever the reference's, which needs a run without gaps, concludes at all.
    [Theory]
    [MemberData(nameof(GoldenTraces))]
    public void EveryStepMatchesTheGoldenTrace(string name)
    {
        JsonElement trace = GoldenVectors.Load("fec.json").GetProperty("decoder").EnumerateArray()
            .Single(trace => trace.GetProperty("name").GetString() == name);
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(
            trace.GetProperty("initial_data_shards").GetInt32(), trace.GetProperty("initial_parity_shards").GetInt32(), pool);
        foreach (JsonElement step in trace.GetProperty("steps").EnumerateArray())
        {
            byte[] packet = step.Hex("in_hex");
            Assert.True(FecDecoder.IsFec(packet));
            List<byte[]> recovered = FecTestTraffic.Feed(decoder, pool, packet);
            Assert.Equal(step.GetProperty("recovered_hex").EnumerateArray().Select(static packet => packet.Hex()), recovered);
            Assert.Equal(step.GetProperty("ds_after").GetInt32(), decoder.DataShards);
            Assert.Equal(step.GetProperty("ps_after").GetInt32(), decoder.ParityShards);
            Assert.Equal(step.GetProperty("shard_sets_after").GetInt64(), decoder.Statistics.ShardSets);
            Assert.Equal(step.GetProperty("newest_shard_id_after").GetInt64(), decoder.Statistics.NewestGroup);
            Assert.Equal(step.GetProperty("waiting_to_tune_after").GetBoolean(), decoder.IsTuning);
        }

        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData("00000000f100", true)]
    [InlineData("00000000f200", true)]
    [InlineData("00000000f300", true)]
    [InlineData("00000000f10000", true)]
    [InlineData("00000000f1", false)]
    [InlineData("", false)]
    [InlineData("00000000f000", false)]
    [InlineData("00000000f400", false)]
    [InlineData("00000000f101", false)]
    [InlineData("0000000051000000", false)]
    [InlineData("000000005400ffff", false)]
    public void FecIsToldFromPlainKcpByTheTypeField(string hex, bool expected) =>
        Assert.Equal(expected, FecDecoder.IsFec(Convert.FromHexString(hex)));

    [Fact]
    public void AnyLossUpToTheParityIsRebuiltInOrder()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            Random random = new(seed);
            PacketPool pool = new(track: seed % 5 == 0);
            int dataShards = random.Next(1, random.Next(2, 40));
            int parityShards = random.Next(1, random.Next(2, 20));
            int total = dataShards + parityShards;
            uint firstSequence = (uint)random.NextInt64(uint.MaxValue / total) * (uint)total;
            using FecTestTraffic traffic = new(dataShards, parityShards, random, firstSequence, maxLength: 8 + random.Next(200));
            FecDecoder decoder = new(dataShards, parityShards, pool);

            // With one data shard the very first datagram has no parity (docs/wire/kcptun.md 4.4).
            traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
            for (int group = 0; group < 6; group++)
            {
                List<byte[]> packets = traffic.NextGroup();
                HashSet<int> lost = [.. Enumerable.Range(0, total).OrderBy(_ => random.Next()).Take(random.Next(parityShards + 1))];
                byte[][] arriving = [.. packets.Where((_, position) => !lost.Contains(position))];
                random.Shuffle(arriving);
                HashSet<string> delivered = [];
                List<byte[]> recovered = [];
                foreach (byte[] packet in arriving)
                {
                    if (!FecTestTraffic.IsParity(packet))
                    {
                        delivered.Add(Convert.ToHexString(packet[8..]));
                    }

                    recovered.AddRange(FecTestTraffic.Feed(decoder, pool, packet));
                }

                string[] sent = [.. packets.Take(dataShards).Select(static packet => Convert.ToHexString(packet[8..]))];
                string[] rebuilt = [.. recovered.Select(Convert.ToHexString)];
                Assert.True(
                    sent.ToHashSet().SetEquals([.. delivered, .. rebuilt]),
                    $"seed {seed}: {dataShards}+{parityShards}, group {group}, lost {string.Join(' ', lost)}");
                Assert.Equal(rebuilt, sent.Where(rebuilt.Contains));
            }

            Assert.False(decoder.IsTuning);
            Assert.Equal(0, decoder.Statistics.Malformed + decoder.Statistics.OutsideWindow + decoder.Statistics.Errors);
            decoder.Dispose();
            pool.ThrowIfOutstanding();
        }
    }

    [Fact]
    public void GroupsOnBothSidesOfTheWrapAreRebuilt()
    {
        PacketPool pool = new(track: true);
        uint limit = FecHeader.SequenceLimit(13);
        using FecTestTraffic traffic = new(10, 3, new Random(3), limit - 39);
        using FecDecoder decoder = new(10, 3, pool);
        for (int group = 0; group < 6; group++)
        {
            List<byte[]> packets = traffic.NextGroup();
            Assert.Equal(group < 3 ? limit - 39 + (uint)(group * 13) : (uint)((group - 3) * 13), FecTestTraffic.SequenceOf(packets[0]));
            List<byte[]> recovered = [.. packets.Skip(2).SelectMany(packet => FecTestTraffic.Feed(decoder, pool, packet))];
            Assert.Equal(packets.Take(2).Select(static packet => packet[8..]), recovered);
        }

        Assert.Equal(0, decoder.Statistics.Restarts);
    }

    [Fact]
    public void EveryKernelRebuildsTheSame()
    {
        foreach (GaloisKernel kernel in GaloisKernel.All.Where(static kernel => kernel.IsSupported))
        {
            PacketPool pool = new(track: true);
            using FecTestTraffic traffic = new(9, 6, new Random(5), minLength: 1, maxLength: 1300);
            FecDecoder decoder = new(9, 6, pool, statistics: null, kernel);
            List<byte[]> packets = traffic.NextGroup();
            List<byte[]> recovered = [.. packets.Skip(6).SelectMany(packet => FecTestTraffic.Feed(decoder, pool, packet))];
            Assert.Equal(packets.Take(6).Select(static packet => packet[8..]), recovered);
            decoder.Dispose();
            pool.ThrowIfOutstanding();
        }
    }

    [Fact]
    public void CountersTellWhatHappened()
    {
        PacketPool pool = new(track: true);
        using FecTestTraffic traffic = new(4, 2, new Random(6));
        FecDecoder decoder = new(4, 2, pool);
        FecStatistics statistics = decoder.Statistics;
        List<byte[]> complete = traffic.NextGroup();
        complete.ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
        complete.ForEach(packet => Assert.Empty(FecTestTraffic.Feed(decoder, pool, packet)));
        Assert.Equal((1, 0, 2, 1, 0), Counts());

        traffic.NextGroup().Skip(2).ToList().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
        Assert.Equal((1, 2, 4, 2, 1), Counts());

        FecTestTraffic.Feed(decoder, pool, Convert.FromHexString("fffffffff300040000000000"));
        FecTestTraffic.Feed(decoder, pool, Convert.FromHexString("00000000f10000"));
        FecTestTraffic.Feed(decoder, pool, FecTestTraffic.Packet(uint.MaxValue - 1, isParity: false));
        Assert.Equal((1, 1, 1), (statistics.OutOfBand, statistics.MalformedTooShort, statistics.MalformedSequence));
        Assert.Equal(2, statistics.Malformed);
        Assert.False(decoder.IsTuning);
        decoder.Dispose();
        Assert.Equal(0, statistics.ShardSets);
        pool.ThrowIfOutstanding();

        (long Full, long Recovered, long Parity, long Sets, long Newest) Counts() => (
            statistics.FullShardSets, statistics.Recovered, statistics.ParityShards, statistics.ShardSets, statistics.NewestGroup);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(30, 1)]
    [InlineData(31, 0)]
    [InlineData(0xFFFF, 0)]
    public void ARebuiltSizeMustLieWithinTheBody(int size, int accepted)
    {
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(1, 1, pool);

        // With one data shard parity equals the data body (docs/wire/kcptun.md 4.5), size field included.
        byte[] parity = FecTestTraffic.Packet(1, isParity: true);
        parity[6] = (byte)size;
        parity[7] = (byte)(size >> 8);
        List<byte[]> recovered = FecTestTraffic.Feed(decoder, pool, parity);
        Assert.Equal(accepted, recovered.Count);
        Assert.All(recovered, datagram => Assert.Equal(parity[8..(6 + size)], datagram));
        Assert.Equal((1, 1 - accepted), (decoder.Statistics.Recovered, decoder.Statistics.MalformedRebuiltSize));
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AGroupLargerThanTheBuffersIsAnErrorNotAnException()
    {
        PacketPool large = new(4096, track: true);
        PacketPool small = new(256, track: true);
        FecDecoder decoder = new(1, 1, small);
        Assert.Empty(FecTestTraffic.Feed(decoder, large, FecTestTraffic.Packet(1, isParity: true, bodyLength: 257)));
        Assert.Equal(1, decoder.Statistics.Errors);
        Assert.Single(FecTestTraffic.Feed(decoder, large, FecTestTraffic.Packet(3, isParity: true, bodyLength: 256)));
        decoder.Dispose();
        large.ThrowIfOutstanding();
        small.ThrowIfOutstanding();
    }

    [Fact]
    public void OnlyTheNewestFourGroupsAreHeld()
    {
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(10, 3, pool);
        for (uint group = 0; group < 200; group++)
        {
            for (uint position = 0; position < 9; position++)
            {
                FecTestTraffic.Feed(decoder, pool, FecTestTraffic.Packet((group * 7 * 13) + position, isParity: false));
            }

            Assert.True(pool.Outstanding <= 4 * 9, $"{pool.Outstanding} buffers are held");
        }

        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(0u, 100u)]
    [InlineData(1_000_000u, 0u)]
    [InlineData(0u, 4_000_000_000u)]
    [InlineData(4_294_000_000u, 0u)]
    [InlineData(13u * 1000, 13u * 100_000)]
    public void DecodingGoesOnWhereASenderStartsOver(uint before, uint after)
    {
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(10, 3, pool);
        using FecTestTraffic first = new(10, 3, new Random(8), before / 13 * 13);
        for (int group = 0; group < 20; group++)
        {
            first.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
        }

        Assert.Equal(20, decoder.Statistics.FullShardSets);
        using FecTestTraffic second = new(10, 3, new Random(9), after / 13 * 13);
        int arrived = 0;
        bool rebuilt = false;
        while (!rebuilt)
        {
            foreach (byte[] packet in second.NextGroup().Skip(3))
            {
                rebuilt |= FecTestTraffic.Feed(decoder, pool, packet).Count > 0;
                arrived++;
            }

            Assert.True(arrived <= FecGroupWindow.VotesToRestart + (2 * 13), $"nothing rebuilt of {arrived} datagrams");
        }

        Assert.True(pool.Outstanding <= (4 * 13) + 6, $"{pool.Outstanding} buffers are held");
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void StraySequenceIdsDoNotMoveTheWindow()
    {
        PacketPool pool = new(track: true);
        Random random = new(10);
        FecDecoder decoder = new(10, 3, pool);
        using FecTestTraffic traffic = new(10, 3, random);
        traffic.NextGroup().ForEach(packet => FecTestTraffic.Feed(decoder, pool, packet));
        for (int group = 0; group < 100; group++)
        {
            List<byte[]> packets = traffic.NextGroup();
            List<byte[]> recovered = [];
            foreach (byte[] packet in packets.Skip(1))
            {
                // Two strays for each datagram of the stream, of the right type for their position.
                for (int stray = 0; stray < 2; stray++)
                {
                    uint sequence = (uint)random.NextInt64(1 << 28, FecHeader.SequenceLimit(13) - (1 << 28));
                    FecTestTraffic.Feed(decoder, pool, FecTestTraffic.Packet(sequence, sequence % 13 >= 10));
                }

                recovered.AddRange(FecTestTraffic.Feed(decoder, pool, packet));
            }

            Assert.Equal(packets[0][8..], Assert.Single(recovered));
        }

        Assert.Equal(0, decoder.Statistics.Restarts);
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void WhatIsNotTakenIsDroppedAtTheNextDatagram()
    {
        PacketPool pool = new(track: true);
        FecDecoder decoder = new(1, 1, pool);
        for (uint group = 0; group < 10; group++)
        {
            PacketBuffer parity = pool.Rent();
            byte[] packet = FecTestTraffic.Packet((2 * group) + 1, isParity: true);
            packet.CopyTo(parity.Append(packet.Length));
            Assert.Equal(FecPacketKind.Parity, decoder.Add(parity));
            parity.Release();
            Assert.Equal(1, pool.Outstanding);
        }

        Assert.Equal(10, decoder.Statistics.Recovered);
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(500, 1000, 2)]
    [InlineData(8, 60, 1)]
    public void ADatagramIsKeptByReferenceUntilItsGroupIsCompleteUnlessItIsSmall(int minLength, int maxLength, int references)
    {
        PacketPool pool = new(track: true);
        using FecTestTraffic traffic = new(3, 1, new Random(11), minLength: minLength, maxLength: maxLength);
        List<byte[]> packets = traffic.NextGroup();
        FecDecoder decoder = new(3, 1, pool);
        PacketBuffer buffer = pool.Rent();
        packets[0].CopyTo(buffer.Append(packets[0].Length));
        decoder.Add(buffer);
        Assert.Equal(references, buffer.ReferenceCount);

        // The caller may go on stripping headers: what the decoder keeps does not move.
        buffer.Advance(8);
        FecTestTraffic.Feed(decoder, pool, packets[1]);
        Assert.Equal(packets[2][8..], Assert.Single(FecTestTraffic.Feed(decoder, pool, packets[3])));
        Assert.Equal(1, buffer.ReferenceCount);
        buffer.Release();
        decoder.Dispose();
    }
}
