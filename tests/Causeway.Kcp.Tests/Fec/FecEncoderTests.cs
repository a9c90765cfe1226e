using System.Text.Json;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecEncoderTests
{
    public static TheoryData<string> GoldenTraces() =>
        [.. GoldenVectors.Load("fec.json").GetProperty("encoder").EnumerateArray().Select(static trace => trace.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(GoldenTraces))]
    public void DatagramsMatchTheGoldenTrace(string name)
    {
        JsonElement trace = GoldenVectors.Load("fec.json").GetProperty("encoder").EnumerateArray()
            .Single(trace => trace.GetProperty("name").GetString() == name);
        PacketPool pool = new(track: true);
        FecEncoder encoder = new(
            trace.GetProperty("data_shards").GetInt32(),
            trace.GetProperty("parity_shards").GetInt32(),
            pool,
            trace.GetProperty("start_seqid").GetUInt32());
        Assert.Equal(
            trace.GetProperty("paws").GetUInt32(), FecHeader.SequenceLimit(encoder.DataShards + encoder.ParityShards));
        foreach (JsonElement step in trace.GetProperty("steps").EnumerateArray())
        {
            // Out-of-band datagrams are not to be sent (docs/wire/kcptun.md 4.3); the trace shows that they leave the
            // encoder alone.
            JsonElement expected = step.GetProperty("out_hex");
            if (FecHeader.Read(expected[0].Hex()).Kind != FecPacketKind.OutOfBand)
            {
                List<byte[]> actual = Encode(
                    encoder, pool, step.Hex("kcp_packet_hex"), Timestamp.FromMilliseconds(step.GetProperty("t_ms").GetInt64()));
                Assert.Equal(expected.EnumerateArray().Select(static packet => packet.Hex()), actual);
            }

            Assert.Equal(step.GetProperty("next_seqid_after").GetUInt32(), encoder.NextSequence);
        }

        encoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AGroupThatIsInterruptedForSecondsGivesItsParityUp()
    {
        PacketPool pool = new(track: true);
        using FecEncoder encoder = new(3, 2, pool);
        Assert.Equal([0, 0, 2], EncodeAt(encoder, pool, 0, 100, 200));
        Release(encoder, 2);
        uint next = encoder.NextSequence;

        // Held until the next datagram shows how long the pause was; with less it goes on.
        Assert.Equal([0, 0], EncodeAt(encoder, pool, 1_000, 5_999));
        Assert.Equal(2, pool.Outstanding);
        Assert.Equal([2], EncodeAt(encoder, pool, 6_000));
        Release(encoder, 2);
        Assert.Equal([0, 0], EncodeAt(encoder, pool, 7_000, 12_000));
        Assert.Equal(0, pool.Outstanding);
        Assert.Equal([0], EncodeAt(encoder, pool, 12_001));
        Assert.Equal((1L, next + 10), (encoder.PausedGroups, encoder.NextSequence));

        // A pause between two groups interrupts none.
        Assert.Equal([0, 0, 2], EncodeAt(encoder, pool, 90_000, 90_001, 90_002));
        Release(encoder, 2);
        pool.ThrowIfOutstanding();
    }

    private static int[] EncodeAt(FecEncoder encoder, PacketPool pool, params long[] milliseconds) =>
    [
        .. milliseconds.Select(at =>
        {
            PacketBuffer datagram = pool.Rent();
            datagram.Append(100).Clear();
            int parity = encoder.Encode(datagram, Timestamp.FromMilliseconds(at));
            datagram.Release();
            return parity;
        }),
    ];

    private static void Release(FecEncoder encoder, int parity)
    {
        for (int i = 0; i < parity; i++)
        {
            encoder.TakeParity(i).Release();
        }
    }

    [Fact]
    public void ParityHasHeadroomAndThePathOfTheData()
    {
        PacketPool pool = new(track: true);
        using FecEncoder encoder = new(1, 2, pool);
        DatagramPath path = new(
            PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("192.0.2.7:4000")),
            PeerAddress.FromEndPoint(System.Net.IPEndPoint.Parse("198.51.100.1:29900")));
        for (int i = 0; i < 2; i++)
        {
            PacketBuffer datagram = pool.Rent();
            datagram.Path = path;
            datagram.Append(100).Clear();
            Assert.Equal(i * 2, encoder.Encode(datagram, Timestamp.Zero));
            datagram.Release();
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.TakeParity(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.TakeParity(-1));
        PacketBuffer parity = encoder.TakeParity(1);
        Assert.Equal(PacketPool.DefaultHeadroom - FecEncoder.HeaderSize, parity.Headroom);
        Assert.Equal(path, parity.Path);
        Assert.Equal(FecEncoder.HeaderSize + 100, parity.Length);
        Assert.Throws<InvalidOperationException>(() => encoder.TakeParity(1));
        parity.Release();
    }

    [Fact]
    public void ParityThatIsNotTakenIsDropped()
    {
        PacketPool pool = new(track: true);
        FecEncoder encoder = new(2, 3, pool);
        List<byte[]> taken = [];
        for (int i = 0; i < 9; i++)
        {
            PacketBuffer datagram = pool.Rent();
            GoldenVectors.Pattern(40).CopyTo(datagram.Append(40));
            int ready = encoder.Encode(datagram, Timestamp.FromMilliseconds(i));
            datagram.Release();
            if (ready > 0 && i is 1 or 7)
            {
                PacketBuffer parity = encoder.TakeParity(2);
                taken.Add(parity.Payload[6..].ToArray());
                parity.Release();
            }
        }

        Assert.Equal(2, taken.Count);
        Assert.Equal(taken[0], taken[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.TakeParity(0));
        Assert.Equal(3, pool.Outstanding);
        encoder.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AGroupWithADatagramThatParityCannotHoldGoesWithoutParity()
    {
        PacketPool parityPool = new(512, track: true);
        PacketPool dataPool = new(2048);
        FecEncoder encoder = new(3, 2, parityPool);
        int fits = 512 - PacketPool.DefaultHeadroom;
        int[] lengths = [10, fits + 1, 20, fits, 10, 20];
        List<int> parity = [];
        foreach (int length in lengths)
        {
            PacketBuffer datagram = dataPool.Rent();
            datagram.Append(length).Clear();
            parity.Add(encoder.Encode(datagram, Timestamp.Zero));
            Assert.Equal(FecEncoder.HeaderSize + length, datagram.Length);
            datagram.Release();
        }

        Assert.Equal([0, 0, 0, 0, 0, 2], parity);
        Assert.Equal(1, encoder.OversizedGroups);
        Assert.Equal(10u, encoder.NextSequence);
        PacketBuffer longest = encoder.TakeParity(0);
        Assert.Equal(0, longest.Tailroom);
        longest.Release();
        encoder.Dispose();
        parityPool.ThrowIfOutstanding();
    }

    [Fact]
    public void BadArgumentsAreRefusedBeforeAnythingChanges()
    {
        PacketPool pool = new(131072, track: true);
        Assert.Throws<ArgumentOutOfRangeException>(() => new FecEncoder(0, 3, pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FecEncoder(254, 3, pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FecEncoder(10, 3, pool, firstSequence: 12));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FecEncoder(2, 1, pool, firstSequence: uint.MaxValue));
        using FecEncoder encoder = new(10, 3, pool, firstSequence: 13);
        PacketBuffer tooLong = pool.Rent();
        tooLong.Append(FecEncoder.MaxDatagramLength + 1).Clear();
        Assert.Throws<ArgumentException>(() => encoder.Encode(tooLong, Timestamp.Zero));
        tooLong.Release();
        PacketBuffer noHeadroom = pool.Rent(headroom: FecEncoder.HeaderSize - 1);
        Assert.Throws<InvalidOperationException>(() => encoder.Encode(noHeadroom, Timestamp.Zero));
        noHeadroom.Release();
        Assert.Equal(13u, encoder.NextSequence);
        PacketBuffer longest = pool.Rent();
        longest.Append(FecEncoder.MaxDatagramLength).Clear();
        encoder.Encode(longest, Timestamp.Zero);
        Assert.Equal(new byte[] { 13, 0, 0, 0, 0xF1, 0, 0xFF, 0xFF }, longest.Payload[..8].ToArray());
        longest.Release();
    }

    [Fact]
    public void SteadyStateAllocatesNothing()
    {
        PacketPool pool = new();
        using FecEncoder encoder = new(10, 3, pool);
        using FecDecoder decoder = new(10, 3, pool);
        Run();
        Assert.Equal(0, Allocation.Least(passes: 5, Run));

        void Run()
        {
            const int Count = 2000;
            long recovered = 0;
            for (int i = 0; i < Count; i++)
            {
                PacketBuffer datagram = pool.Rent();
                datagram.Append(1000 + (i % 100)).Fill((byte)i);
                int parity = encoder.Encode(datagram, Timestamp.Zero);
                if (i % 5 != 0)
                {
                    decoder.Add(datagram);
                }

                datagram.Release();
                for (int p = 0; p < parity; p++)
                {
                    PacketBuffer buffer = encoder.TakeParity(p);
                    decoder.Add(buffer);
                    buffer.Release();
                    while (decoder.TryTakeRecovered(out PacketBuffer? rebuilt))
                    {
                        recovered++;
                        rebuilt.Release();
                    }
                }
            }

            Assert.True(recovered >= Count / 5);
        }
    }

    private static List<byte[]> Encode(FecEncoder encoder, PacketPool pool, byte[] payload, Timestamp now)
    {
        PacketBuffer datagram = pool.Rent();
        payload.CopyTo(datagram.Append(payload.Length));
        int parityCount = encoder.Encode(datagram, now);
        List<byte[]> packets = [datagram.Payload.ToArray()];
        datagram.Release();
        for (int i = 0; i < parityCount; i++)
        {
            PacketBuffer parity = encoder.TakeParity(i);
            packets.Add(parity.Payload.ToArray());
            parity.Release();
        }

        return packets;
    }
}
