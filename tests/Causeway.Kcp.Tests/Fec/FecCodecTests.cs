using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecCodecTests
{
    [Fact]
    public void OffMeansNoHeaderAndNoParityButThePeersIsUnderstood()
    {
        PacketPool pool = new(track: true);
        using FecCodec sender = new(new FecOptions { DataShards = 3, ParityShards = 2 }, pool);
        FecCodec receiver = new(FecOptions.Off, pool);
        Assert.Equal((FecEncoder.HeaderSize, 0), (sender.Overhead, receiver.Overhead));
        Assert.Null(receiver.Encoder);
        Assert.Null(receiver.Decoder);

        PacketBuffer plain = Datagram(pool, 24);
        Assert.Equal(0, receiver.Encode(plain, Timestamp.Zero));
        Assert.Equal(24, plain.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => receiver.TakeParity(0));
        Assert.Equal(FecPacketKind.None, receiver.Add(plain));
        Assert.Null(receiver.Decoder);
        Assert.False(receiver.TryTakeRecovered(out _));
        plain.Release();

        int recovered = 0;
        for (int i = 0; i < 30; i++)
        {
            PacketBuffer datagram = Datagram(pool, 24 + i);
            int parityCount = sender.Encode(datagram, Timestamp.Zero);
            if (i % 3 != 0 || i < 12)
            {
                Assert.Equal(FecPacketKind.Data, receiver.Add(datagram));
            }

            datagram.Release();
            for (int p = 0; p < parityCount; p++)
            {
                PacketBuffer parity = sender.TakeParity(p);
                Assert.Equal(FecPacketKind.Parity, receiver.Add(parity));
                parity.Release();
                while (receiver.TryTakeRecovered(out PacketBuffer? rebuilt))
                {
                    Assert.Equal(GoldenVectors.Pattern(24 + (i / 3 * 3)), rebuilt.Payload.ToArray());
                    rebuilt.Release();
                    recovered++;
                }
            }
        }

        Assert.Equal((3, 2, 6), (receiver.Decoder!.DataShards, receiver.Decoder.ParityShards, recovered));
        Assert.Same(receiver.Statistics, receiver.Decoder.Statistics);
        sender.Dispose();
        receiver.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void WithOwnFecOffNothingIsRebuiltFromCountsThatNobodyTold()
    {
        PacketPool pool = new(track: true);
        FecCodec sender = new(new FecOptions { DataShards = 2, ParityShards = 2 }, pool);
        FecCodec receiver = new(FecOptions.Off, pool);
        for (int i = 0; i < 2; i++)
        {
            PacketBuffer datagram = Datagram(pool, 40);
            int parityCount = sender.Encode(datagram, Timestamp.Zero);
            datagram.Release();
            for (int p = 0; p < parityCount; p++)
            {
                PacketBuffer parity = sender.TakeParity(p);

                // Of the group of four only its last datagram arrives: as one of two, it would be a copy of the third.
                if (p == 1)
                {
                    Assert.Equal(FecPacketKind.Parity, receiver.Add(parity));
                    Assert.False(receiver.TryTakeRecovered(out _));
                    Assert.True(receiver.Decoder!.IsTuning);
                }

                parity.Release();
            }
        }

        Assert.NotNull(receiver.Decoder);
        sender.Dispose();
        receiver.Dispose();
        pool.ThrowIfOutstanding();
    }

    /// <summary>
    /// Datagrams of one size, so that the size of what is rebuilt by wrong counts can be believed: the worst case.
    /// </summary>
    [Theory]
    [InlineData(1, 0.0)]
    [InlineData(2, 0.02)]
    [InlineData(3, 0.1)]
    [InlineData(4, 0.3)]
    public void WhateverTheCountsAtBothEndsNothingIsRebuiltThatWasNeverSent(int seed, double loss)
    {
        Random random = new(seed);
        PacketPool pool = new(track: true, stackTraces: false);
        int rebuilt = 0;
        for (int run = 0; run < 150; run++)
        {
            FecOptions theirs = RandomCounts(random);

            // Off, the same, neighbours, or anything.
            FecOptions ours = random.Next(5) switch
            {
                0 => FecOptions.Off,
                1 => theirs,
                2 => new FecOptions { DataShards = theirs.DataShards, ParityShards = theirs.ParityShards + 1 },
                3 => new FecOptions { DataShards = theirs.DataShards + 1, ParityShards = theirs.ParityShards },
                _ => RandomCounts(random),
            };
            string what = $"seed {seed}, run {run}: {theirs.DataShards}+{theirs.ParityShards} "
                + $"to {ours.DataShards}+{ours.ParityShards}";
            using FecTestTraffic traffic = new(
                theirs.DataShards, theirs.ParityShards, random, minLength: 40, maxLength: 40);
            using FecCodec receiver = new(ours, pool);
            HashSet<string> sent = [];
            List<byte[]> flight = [];
            for (int group = 0; group < 12; group++)
            {
                List<byte[]> packets = traffic.NextGroup();
                sent.UnionWith(packets.Where(static p => !FecTestTraffic.IsParity(p)).Select(static p => Convert.ToHexString(p.AsSpan(8))));
                flight.AddRange(packets.Where(_ => random.NextDouble() >= loss));
            }

            // Some come late.
            for (int i = 0; i + 4 < flight.Count; i += 17)
            {
                (flight[i], flight[i + 4]) = (flight[i + 4], flight[i]);
            }

            foreach (byte[] packet in flight)
            {
                PacketBuffer buffer = pool.Rent();
                packet.CopyTo(buffer.Append(packet.Length));
                receiver.Add(buffer);
                buffer.Release();
                while (receiver.TryTakeRecovered(out PacketBuffer? datagram))
                {
                    rebuilt++;
                    Assert.True(sent.Contains(Convert.ToHexString(datagram.Payload)), what);
                    datagram.Release();
                }
            }

            Assert.Equal(0, receiver.Statistics.MalformedRebuiltSize);
            if (loss == 0)
            {
                Assert.Equal((theirs.DataShards, theirs.ParityShards), (receiver.Decoder!.DataShards, receiver.Decoder.ParityShards));
                Assert.False(receiver.Decoder.IsTuning, what);
            }
        }

        pool.ThrowIfOutstanding();
        Assert.True(loss == 0 || rebuilt > 100, $"seed {seed}: only {rebuilt} were rebuilt");
    }

    [Fact]
    public void OwnCountsAreAGuessUntilThePeersDatagramsConfirmThem()
    {
        PacketPool pool = new(track: true);
        FecStatistics shared = new();
        FecCodec codec = new(new FecOptions(), pool, shared);
        int group = 0;
        for (; group == 0 || codec.Decoder!.IsTuning; group++)
        {
            for (int i = 0; i < 10; i++)
            {
                PacketBuffer datagram = Datagram(pool, 24);
                int parityCount = codec.Encode(datagram, Timestamp.Zero);
                Assert.Equal(FecPacketKind.Data, codec.Add(datagram));
                datagram.Release();
                for (int p = 0; p < parityCount; p++)
                {
                    PacketBuffer parity = codec.TakeParity(p);
                    codec.Add(parity);
                    parity.Release();
                }
            }

            Assert.Equal((10, 3), (codec.Decoder!.DataShards, codec.Decoder.ParityShards));
        }

        Assert.Equal((2, 0), (group, shared.Retunes));
        codec.Dispose();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void NothingIsTakenInAfterDisposal()
    {
        PacketPool pool = new(track: true);
        FecCodec codec = new(new FecOptions { DataShards = 3, ParityShards = 2 }, pool);
        PacketBuffer datagram = Datagram(pool, 24);
        codec.Encode(datagram, Timestamp.Zero);
        codec.Add(datagram);
        codec.Dispose();
        codec.Dispose();
        Assert.Throws<ObjectDisposedException>(() => codec.Encode(datagram, Timestamp.Zero));
        Assert.Throws<ObjectDisposedException>(() => codec.Add(datagram));
        datagram.Release();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(10, 3, true)]
    [InlineData(0, 0, false)]
    [InlineData(10, 0, false)]
    [InlineData(0, 3, false)]
    [InlineData(128, 128, true)]
    [InlineData(255, 1, true)]
    public void BothCountsAboveZeroSwitchItOn(int dataShards, int parityShards, bool enabled)
    {
        FecOptions options = new() { DataShards = dataShards, ParityShards = parityShards };
        options.Validate();
        Assert.Equal(enabled, options.IsEnabled);
    }

    [Theory]
    [InlineData(-1, 3, "DataShards is -1; it must be from 0 to 255.")]
    [InlineData(10, -3, "ParityShards is -3; it must be from 0 to 255.")]
    [InlineData(300, 0, "DataShards is 300; it must be from 0 to 255.")]
    [InlineData(200, 57, "DataShards + ParityShards is 200 + 57; it must be from 0 to 256.")]
    public void BadOptionsAreNamedWithValueAndRange(int dataShards, int parityShards, string message)
    {
        FecOptions options = new() { DataShards = dataShards, ParityShards = parityShards };
        ArgumentOutOfRangeException failure =
            Assert.Throws<ArgumentOutOfRangeException>(() => new FecCodec(options, PacketPool.Shared));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    private static FecOptions RandomCounts(Random random) =>
        new() { DataShards = random.Next(1, 24), ParityShards = random.Next(1, 12) };

    private static PacketBuffer Datagram(PacketPool pool, int length)
    {
        PacketBuffer datagram = pool.Rent();
        GoldenVectors.Pattern(length).CopyTo(datagram.Append(length));
        return datagram;
    }
}
