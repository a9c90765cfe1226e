using Causeway.Protocol;
using Causeway.Quic.Fec;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Fec;

/// <summary>A <see cref="FecSender"/> and a <see cref="FecReceiver"/> with what is lost between them.</summary>
public sealed class FecCodecTests : IDisposable
{
    private static readonly Timestamp s_now = new(1_000_000);

    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly List<FecReceiver> _receivers = [];
    private readonly List<FecSender> _senders = [];

    public void Dispose()
    {
        _receivers.ForEach(static receiver => receiver.Dispose());
        _senders.ForEach(static sender => sender.Dispose());
        _pool.ThrowIfOutstanding();
    }

    /// <summary>The example of docs/wire/quic-fec.md, section 8: bytes that another implementation can be held against.</summary>
    [Fact]
    public void TheExampleOfTheDocumentComesOut()
    {
        FecSender sender = NewSender(32);
        Add(sender, "hello"u8);
        Add(sender, "forward error"u8);
        Add(sender, "!"u8);
        Assert.Equal("64ee000002" + "00553a630a13f277bb52ef7777dd77", Convert.ToHexStringLower(Parity(sender)));
        Assert.Equal("64ee010002" + "00ab65bf73040f52a547be52525052", Convert.ToHexStringLower(Parity(sender)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(10)]
    public void AsManyRepairsAsLossesAreEnoughWhicheverTheyAre(int losses)
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            SeededRandom random = new((ulong)seed);
            FecSender sender = NewSender(32);
            FecReceiver receiver = NewReceiver(32);
            int count = random.Between(losses, 32);
            byte[][] sources = [.. Enumerable.Range(0, count).Select(_ => Bytes(random))];
            int[] lost = [.. Enumerable.Range(0, count).OrderBy(_ => random.Next(int.MaxValue)).Take(losses)];
            for (int i = 0; i < count; i++)
            {
                Add(sender, sources[i]);
                if (!lost.Contains(i))
                {
                    receiver.Add(i, sources[i]);
                }
            }

            Dictionary<long, byte[]> rebuilt = [];
            for (int i = 0; i < losses; i++)
            {
                Assert.Empty(rebuilt);
                Deliver(Parity(sender), receiver);
                Take(receiver, rebuilt);
            }

            Assert.Equal(lost.Order().Select(static id => (long)id), rebuilt.Keys.Order());
            Assert.All(rebuilt, pair => Assert.Equal(sources[pair.Key], pair.Value));
            Assert.All(lost, id => Assert.Equal(SourceFate.Rebuilt, receiver.FateOf(id)));
        }
    }

    /// <summary>
    /// Sources and repairs over a window that slides, in any order, twice, or not at all: whatever is rebuilt is right, and is
    /// rebuilt once; and where no more get lost than repairs arrive, nothing is missing.
    /// </summary>
    [Fact]
    public void WhatIsRebuiltIsRightWhateverHappens()
    {
        int all = 0;
        for (int seed = 1; seed <= 300; seed++)
        {
            SeededRandom random = new(SeededRandom.Derive((ulong)seed, 0xFEC));
            int window = 1 << random.Between(0, 6);
            FecSender sender = NewSender(window);
            FecReceiver receiver = NewReceiver(Math.Min(FecLimits.MostWindow, window + random.Next(40)));
            double loss = random.Between(0, 40) / 100.0;
            List<byte[]> sources = [];
            HashSet<long> arrived = [];
            Dictionary<long, byte[]> rebuilt = [];
            List<Action> held = [];
            for (int step = 0; step < 300; step++)
            {
                byte[] source = Bytes(random);
                long id = sources.Count;
                sources.Add(source);
                Add(sender, source);
                Pass(() =>
                {
                    if (receiver.FateOf(id) == SourceFate.New)
                    {
                        arrived.Add(id);
                    }

                    receiver.Add(id, source);
                });
                if (random.Next(3) == 0)
                {
                    byte[] parity = Parity(sender);
                    Pass(() => Deliver(parity, receiver));
                }

                if (random.Next(10) == 0)
                {
                    sender.OnArrived(random.Between(0, sources.Count - 1));
                }

                if (random.Next(50) == 0)
                {
                    receiver.ReleaseBuffers();
                }

                while (held.Count > 0 && random.Next(2) == 0)
                {
                    int at = random.Next(held.Count);
                    Action late = held[at];
                    held.RemoveAt(at);
                    late();
                }

                int before = rebuilt.Count;
                Take(receiver, rebuilt);
                all += rebuilt.Count - before;
            }

            foreach ((long id, byte[] bytes) in rebuilt)
            {
                Assert.True(sources[(int)id].AsSpan().SequenceEqual(bytes), $"seed {seed}, source {id}");
                Assert.False(arrived.Contains(id), $"seed {seed}, source {id} had arrived");
            }

            Assert.InRange(receiver.Buffers, 0, receiver.Window + FecReceiver.MostRows);
            Assert.Equal(0, receiver.Invalid);

            void Pass(Action arrive)
            {
                if (random.Chance(loss))
                {
                    return;
                }

                if (random.Next(5) == 0)
                {
                    held.Add(arrive);
                    return;
                }

                arrive();
                if (random.Next(10) == 0)
                {
                    arrive();
                }
            }
        }

        Assert.InRange(all, 1000, int.MaxValue);
    }

    [Fact]
    public void NonsenseNeitherThrowsNorHoldsMoreThanTheWindow()
    {
        Random random = new(5);
        FecReceiver receiver = NewReceiver(16);
        Dictionary<long, byte[]> rebuilt = [];
        byte[] bytes = new byte[1400];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            long id = random.Next(4) switch
            {
                0 => random.NextInt64(1L << 61),
                1 => random.Next(),
                _ => random.Next(100),
            };
            if (random.Next(2) == 0)
            {
                receiver.Add(id, bytes.AsSpan(0, random.Next(1, bytes.Length)));
            }
            else
            {
                receiver.AddRepair(random.NextInt64(1L << 61), id, random.Next(1, 17), bytes.AsSpan(0, random.Next(3, bytes.Length)));
            }

            while (receiver.TryTakeRebuilt(out _, out PacketBuffer? buffer, out int length))
            {
                Assert.InRange(length, 0, buffer.Length - FecLimits.LengthSize);
            }

            Assert.InRange(receiver.Buffers, 0, 16 + FecReceiver.MostRows);
        }

        receiver.ReleaseBuffers();
        Assert.Equal(0, receiver.Buffers);
        Assert.False(receiver.HoldsBuffers);
    }

    [Fact]
    public void MutatedSourcesAndRepairsNeitherThrowNorGrow()
    {
        FecSender sender = NewSender(8);
        List<byte[]> frames = [];
        byte[] room = new byte[400];
        for (int i = 0; i < 8; i++)
        {
            byte[] source = [.. Enumerable.Range(0, 20 + i).Select(b => (byte)(b * i))];
            int header = FrameWriter.FecSource(room, i);
            frames.Add([.. room.AsSpan(0, header), .. source]);
            Add(sender, source);
            frames.Add(Parity(sender));
        }

        FecReceiver receiver = NewReceiver(8);
        long rebuilt = 0;
        Mutator.Run([.. frames], 20_000, 31, input =>
        {
            FrameReader reader = new(input, takesFec: true);
            if (reader.TryRead(out Frame frame) && frame.Kind == FrameKind.FecSource)
            {
                receiver.Add(frame.FecSource.SourceId, frame.FecSource.Source);
            }
            else if (frame.Kind == FrameKind.FecRepair && frame.FecRepair.Count <= receiver.Window)
            {
                FecRepairFrame repair = frame.FecRepair;
                receiver.AddRepair(repair.RepairId, repair.FirstSourceId, repair.Count, repair.Symbol);
            }

            while (receiver.TryTakeRebuilt(out _, out PacketBuffer? buffer, out int length))
            {
                rebuilt++;
                Assert.InRange(length, 0, buffer.Length - FecLimits.LengthSize);
            }

            Assert.InRange(receiver.Buffers, 0, 8 + FecReceiver.MostRows);
        });
        Assert.InRange(rebuilt, 1, long.MaxValue);
    }

    [Fact]
    public void ASumThatIsNoSourceIsToldAndCounted()
    {
        FecReceiver receiver = NewReceiver(8);
        receiver.AddRepair(0, 0, 1, [0xff, 0xff, 0xff, 0xff]);
        Assert.True(receiver.TryTakeRebuilt(out long id, out _, out int length));
        Assert.Equal((0, 0), (id, length));
        Assert.Equal(1, receiver.Invalid);
    }

    [Fact]
    public void BuffersAreLetGoAsSourcesArrive()
    {
        FecSender sender = NewSender(8);
        for (int i = 0; i < 20; i++)
        {
            Add(sender, [(byte)i, 1, 2]);
        }

        Assert.Equal(8, sender.Open);
        Assert.Equal(12, sender.FirstRemembered);
        for (int i = 12; i < 20; i++)
        {
            sender.OnArrived(i);
        }

        Assert.Equal(0, sender.Open);
        Assert.True(sender.DueAt.IsNever);
        Assert.Equal(0, sender.WriteRepair(new byte[1200], 0, s_now, s_now, out _));

        // Its packet is still known, for a report that comes after it was deemed lost, once.
        Assert.Equal(1015, sender.OnRebuilt(15));
        Assert.Equal(-1, sender.OnRebuilt(15));
    }

    [Fact]
    public void ALostDatagramIsRepeatedAsLongAsItCanArriveInTime()
    {
        FecSender sender = NewSender(8);
        FecReceiver receiver = NewReceiver(8);
        sender.Add("urgent"u8, 7, hasDatagrams: true, s_now.AddMicroseconds(50_000));
        sender.Add("whenever"u8, 8, hasDatagrams: true, Timestamp.Never);
        sender.Add("stream"u8, 9, hasDatagrams: false, Timestamp.Never);

        Assert.Equal([0], Lose(0, 20_000));
        Assert.Equal([0], Lose(0, 40_000));
        Assert.Equal([], Lose(0, 50_001));
        Assert.Equal((2, 1), (sender.Repeated, sender.Late));

        // Without a deadline once: it is no stream.
        Assert.Equal([1], Lose(1, 20_000));
        Assert.Equal([], Lose(1, 20_000));
        Assert.Equal([], Lose(2, 20_000));
        Assert.Equal((3, 1), (sender.Repeated, sender.Late));

        // It became late while it waited for the window.
        sender.Add("later"u8, 10, hasDatagrams: true, s_now.AddMicroseconds(50_000));
        sender.OnLost(3, s_now);
        Assert.Equal(0, sender.WriteRepair(new byte[1200], 0, s_now.AddMicroseconds(60_000), s_now, out _));
        Assert.Equal((3, 2), (sender.Repeated, sender.Late));

        Dictionary<long, byte[]> rebuilt = [];
        Take(receiver, rebuilt);
        Assert.Equal("urgent"u8, rebuilt[0]);
        Assert.Equal("whenever"u8, rebuilt[1]);

        List<long> Lose(long id, int microseconds)
        {
            Timestamp arrivesAt = s_now.AddMicroseconds(microseconds);
            sender.OnLost(id, arrivesAt);
            List<long> repeats = [];
            byte[] room = new byte[1200];
            while (sender.WriteRepair(room, 0, arrivesAt, s_now, out long repeated) is > 0 and var length)
            {
                repeats.Add(repeated);
                Deliver(room.AsSpan(0, length), receiver);
            }

            return repeats;
        }
    }

    [Fact]
    public void ARepairThatDoesNotFitIsNotWritten()
    {
        FecSender sender = NewSender(8);
        Add(sender, new byte[1000]);
        sender.OnLost(0, s_now);
        Assert.Equal(0, sender.WriteRepair(new byte[1006], 0, s_now, s_now, out _));
        Assert.False(sender.DueAt.IsNever);
        Assert.Equal(1007, sender.WriteRepair(new byte[1007], 0, s_now, s_now, out _));
        sender.OnLost(0, s_now);
        sender.GiveUp();
        Assert.True(sender.DueAt.IsNever);
    }

    [Fact]
    public void NothingIsAllocatedForAPacket()
    {
        PacketPool pool = new();
        using FecSender sender = new(32, On(), pool);
        using FecReceiver receiver = new(32, pool);
        byte[] source = new byte[1000];
        byte[] room = new byte[1200];
        Run(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(10_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);

        void Run(int packets)
        {
            for (int i = 0; i < packets; i++)
            {
                long id = sender.NextSource;
                sender.Add(source, id, hasDatagrams: true, Timestamp.Never);
                sender.Schedule.OnSource(1000, 6, 1020, false, Timestamp.Never, 40_000, s_now);
                if (i % 10 != 3)
                {
                    receiver.Add(id, source);
                    sender.OnArrived(id);
                }
                else
                {
                    sender.OnLost(id, s_now);
                }

                while (sender.WriteRepair(room, 50, s_now, s_now, out _) is > 0 and var length)
                {
                    FrameReader reader = new(room.AsSpan(0, length), takesFec: true);
                    reader.TryRead(out Frame frame);
                    FecRepairFrame repair = frame.FecRepair;
                    receiver.AddRepair(repair.RepairId, repair.FirstSourceId, repair.Count, repair.Symbol);
                }

                while (receiver.TryTakeRebuilt(out long rebuilt, out _, out _))
                {
                    sender.OnArrived(rebuilt);
                }
            }
        }
    }

    private static RepairRate On()
    {
        RepairRate rate = new(0.25, 32);
        rate.Add(new Quic.Recovery.PacketFates { Judged = 1000, Lost = 100, Runs = 100 });
        return rate;
    }

    private static byte[] Bytes(SeededRandom random)
    {
        byte[] bytes = new byte[random.Between(1, 300)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)random.Next(256);
        }

        return bytes;
    }

    private static void Add(FecSender sender, ReadOnlySpan<byte> source) =>
        sender.Add(source, 1000 + sender.NextSource, hasDatagrams: true, Timestamp.Never);

    /// <summary>A repair over the whole window, whatever the schedule is.</summary>
    private static byte[] Parity(FecSender sender)
    {
        byte[] room = new byte[1500];
        Timestamp due = s_now.AddMicroseconds(10_000_000);
        sender.Schedule.Cancel();
        sender.Schedule.OnSource(1, 0, 1, hasStreams: true, Timestamp.Never, 40_000, due.AddMicroseconds(-1_000_000));
        int length = sender.WriteRepair(room, 0, due, due, out _);
        return room[..length];
    }

    private static void Deliver(ReadOnlySpan<byte> frame, FecReceiver receiver)
    {
        if (frame.IsEmpty)
        {
            return;
        }

        FrameReader reader = new(frame, takesFec: true);
        Assert.True(reader.TryRead(out Frame read), reader.Reason);
        FecRepairFrame repair = read.FecRepair;
        receiver.AddRepair(repair.RepairId, repair.FirstSourceId, repair.Count, repair.Symbol);
    }

    private static void Take(FecReceiver receiver, Dictionary<long, byte[]> rebuilt)
    {
        while (receiver.TryTakeRebuilt(out long id, out PacketBuffer? buffer, out int length))
        {
            rebuilt.Add(id, buffer.Payload.Slice(FecLimits.LengthSize, length).ToArray());
        }
    }

    private FecSender NewSender(int window)
    {
        FecSender sender = new(window, On(), _pool);
        _senders.Add(sender);
        return sender;
    }

    private FecReceiver NewReceiver(int window)
    {
        FecReceiver receiver = new(window, _pool);
        _receivers.Add(receiver);
        return receiver;
    }
}
