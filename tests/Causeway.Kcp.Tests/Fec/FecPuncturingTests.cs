using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Fec;

/// <summary>Groups of which only some parity is made and sent.</summary>
public sealed class FecPuncturingTests
{
    private const int Data = 6;
    private const int Parity = 5;
    private const uint Size = Data + Parity;

    [Fact]
    public void WhatIsSentIsTheBeginningOfAllParity()
    {
        PacketPool pool = new(track: true);
        FecEncoder all = new(Data, Parity, pool);
        FecEncoder some = new(Data, Parity, pool);
        for (int group = 0; group < 20; group++)
        {
            int count = group % (Parity + 1);
            some.ParityToSend = count;
            List<byte[]> complete = Group(all, pool, group);
            Assert.Equal(complete.Take(Data + count), Group(some, pool, group));
        }

        Assert.Equal(all.NextSequence, some.NextSequence);
        Assert.Equal((20 * Data, 46), (some.DataSent, some.ParitySent));
        all.Dispose();
        some.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ChangeTakesEffectWithTheNextGroup()
    {
        PacketPool pool = new(track: true);
        using FecEncoder encoder = new(2, 3, pool) { ParityToSend = 1 };
        Assert.Empty(Parities(encoder, pool, 0));
        encoder.ParityToSend = 3;
        Assert.Single(Parities(encoder, pool, 1));
        Assert.Empty(Parities(encoder, pool, 2));
        encoder.ParityToSend = 0;
        Assert.Equal(3, Parities(encoder, pool, 3).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.ParityToSend = 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.ParityToSend = -1);
    }

    /// <summary>As many losses as there is parity, anywhere, over the end of the sequence ids.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void DecoderRebuildsAsMuchAsThereIsParityAndNothingWrong(ulong seed)
    {
        SeededRandom random = new(seed);
        PacketPool pool = new(track: true, stackTraces: false);
        FecEncoder encoder = new(Data, Parity, pool, FecHeader.SequenceLimit((int)Size) - (40 * Size));
        FecDecoder decoder = new(1, 1, pool);
        decoder.BeginTuning();
        decoder.Trust(Data, Parity);
        Assert.False(decoder.IsTuning);
        long missing = 0;
        for (int group = 0; group < 100; group++)
        {
            int count = random.Next(Parity + 1);
            encoder.ParityToSend = count;
            List<byte[]> packets = Group(encoder, pool, group);
            HashSet<int> lost = [];
            while (lost.Count < count)
            {
                lost.Add(random.Next(packets.Count));
            }

            List<byte[]> rebuilt = [];
            for (int i = 0; i < packets.Count; i++)
            {
                if (!lost.Contains(i))
                {
                    rebuilt.AddRange(FecTestTraffic.Feed(decoder, pool, packets[i]));
                }
            }

            IEnumerable<byte[]> expected = lost.Where(static i => i < Data).Order().Select(i => packets[i][FecEncoder.HeaderSize..]);
            Assert.Equal(expected, rebuilt);
            missing += rebuilt.Count;
        }

        Assert.Equal(missing, decoder.Statistics.Recovered);
        Assert.Equal((0, 0), (decoder.Statistics.Malformed, decoder.Statistics.Restarts));

        // Each missing shard was counted but for those of the last ones, whose turn is not over.
        Assert.InRange(decoder.Arrivals.Missing, missing - FecArrivalMeter.Patience, missing);
        Assert.InRange(decoder.Arrivals.Judged, (100 * Data) - FecArrivalMeter.Patience - Data, (100 * Data) - FecArrivalMeter.Patience);
        encoder.Dispose();
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void WhoIsNotToldFindsTheCountsOnceParityAppears()
    {
        PacketPool pool = new(track: true, stackTraces: false);
        FecEncoder encoder = new(Data, Parity, pool) { ParityToSend = 0 };
        FecDecoder decoder = new(1, 1, pool);
        decoder.BeginTuning();
        for (int group = 0; group < 30; group++)
        {
            encoder.ParityToSend = group < 10 ? 0 : 2;
            foreach (byte[] packet in Group(encoder, pool, group))
            {
                FecTestTraffic.Feed(decoder, pool, packet);
            }

            Assert.Equal(group < 11, decoder.IsTuning);
        }

        Assert.Equal((Data, Parity), (decoder.DataShards, decoder.ParityShards));
        encoder.Dispose();
        decoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    private static List<byte[]> Group(FecEncoder encoder, PacketPool pool, int group)
    {
        List<byte[]> data = [];
        for (int i = 0; i < encoder.DataShards; i++)
        {
            data.AddRange(Packets(encoder, pool, (group * encoder.DataShards) + i));
        }

        return data;
    }

    private static List<byte[]> Parities(FecEncoder encoder, PacketPool pool, int index) => Packets(encoder, pool, index)[1..];

    private static List<byte[]> Packets(FecEncoder encoder, PacketPool pool, int index)
    {
        PacketBuffer datagram = pool.Rent();
        GoldenVectors.Pattern(24 + (index % 50)).CopyTo(datagram.Append(24 + (index % 50)));
        int count = encoder.Encode(datagram, Timestamp.FromMilliseconds(1000 + index));
        List<byte[]> packets = [datagram.Payload.ToArray()];
        datagram.Release();
        for (int i = 0; i < count; i++)
        {
            PacketBuffer parity = encoder.TakeParity(i);
            packets.Add(parity.Payload.ToArray());
            parity.Release();
        }

        return packets;
    }
}
