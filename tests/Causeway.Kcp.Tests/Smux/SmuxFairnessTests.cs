using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

public sealed class SmuxFairnessTests
{
    private static readonly SmuxOptions s_options = new() { Version = 1, MaxFrameSize = 1000, HalfCloseExtension = false };

    [Theory]
    [InlineData(1000, 1000, 16, 16, 1.0)]
    [InlineData(65535, 10, 16, 16, 1.0)]
    [InlineData(333, 1000, 16, 16, 1.0)]
    [InlineData(1000, 1000, 32, 16, 2.0)]
    [InlineData(50, 1000, 256, 16, 16.0)]
    [InlineData(1000, 1000, 1, 16, 1 / 16.0)]
    public void CapacityIsSharedByWeightWhateverThePieces(int piece, int otherPiece, int weight, int otherWeight, double ratio)
    {
        using SmuxSession session = new(EndpointRole.Client, s_options, PacketPool.Shared, default);
        TransportStream[] streams = [session.TryOpen(default)!, session.TryOpen(default)!];
        streams[0].Source = new EndlessSource(piece);
        streams[0].Weight = weight;
        streams[1].Source = new EndlessSource(otherPiece);
        streams[1].Weight = otherWeight;
        streams[0].NotifyWritable();
        streams[1].NotifyWritable();
        RecordingOutput output = new() { Capacity = 0 };

        // Capacity comes in crumbs, as congestion windows open.
        for (int i = 0; i < 3000; i++)
        {
            output.Capacity = Math.Min(output.Capacity + 600, 600);
            session.Flush(output, default);
        }

        double[] bytes =
        [
            .. streams.Select(s => (double)output.Frames
                .Where(f => f.Header.StreamId == s.Id).Sum(static f => f.Payload.Length + SmuxFrame.HeaderSize)),
        ];
        Assert.InRange(bytes[0] / bytes[1] / ratio, 0.95, 1.05);
    }

    [Fact]
    public void ASmallMessageWaitsForOneFrameOfEachBulkStream()
    {
        using SmuxSession session = new(EndpointRole.Client, s_options, PacketPool.Shared, default);
        for (int i = 0; i < 10; i++)
        {
            TransportStream bulk = session.TryOpen(default)!;
            bulk.Source = new EndlessSource(100000);
            bulk.NotifyWritable();
        }

        TransportStream small = session.TryOpen(default)!;
        small.Source = new ArraySource();
        RecordingOutput output = new() { Capacity = 50000 };
        session.Flush(output, default);
        output.Take();
        small.Send("hello"u8);
        output.Capacity = 50000;
        session.Flush(output, default);
        Assert.InRange(output.Frames.FindIndex(f => f.Header.StreamId == small.Id), 0, 10);
    }

    [Fact]
    public void ControlFramesPassData()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { HalfCloseExtension = false };
        using SmuxSession session = new(EndpointRole.Client, options, pool, default);
        TransportStream bulk = session.TryOpen(default)!;
        bulk.Source = new EndlessSource(100000);
        bulk.NotifyWritable();
        RecordingOutput output = new() { Capacity = 50000 };
        session.Flush(output, default);
        output.Take();
        session.TryOpen(default);
        session.Receive(pool, MuxTestExtensions.Frame(2, SmuxCommand.Psh, (uint)bulk.Id, "x"u8));
        bulk.ReadAll();
        output.Capacity = 5000;
        session.Flush(output, Timestamp.Zero + options.KeepAliveInterval);
        Assert.Equal(
            [SmuxCommand.Nop, SmuxCommand.Syn, SmuxCommand.Upd, SmuxCommand.Psh],
            output.Take().Select(static f => f.Header.Command));
    }

    [Fact]
    public void FinFollowsTheStreamsDataAndWaitsForNoOther()
    {
        using SmuxSession session = new(EndpointRole.Client, s_options, PacketPool.Shared, default);
        TransportStream bulk = session.TryOpen(default)!;
        bulk.Source = new EndlessSource(100000);
        bulk.NotifyWritable();
        TransportStream ending = session.TryOpen(default)!;
        ending.Source = new ArraySource();
        ending.Send(new byte[2500]);
        ending.FinishWrites();
        ending.FinishWrites();
        ending.NotifyWritable();
        RecordingOutput output = new() { Capacity = 20000 };
        session.Flush(output, default);
        Assert.Equal(
            [(SmuxCommand.Syn, 0), (SmuxCommand.Psh, 1000), (SmuxCommand.Psh, 1000), (SmuxCommand.Psh, 500), (SmuxCommand.Fin, 0)],
            output.Frames.Where(f => f.Header.StreamId == ending.Id).Select(static f => (f.Header.Command, f.Payload.Length)));
        Assert.True(ending.IsWriteFinished);
        Assert.False(ending.IsReadFinished);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(257)]
    public void WeightsOutOfRangeAreRefused(int weight)
    {
        using SmuxSession session = new(EndpointRole.Client, s_options, PacketPool.Shared, default);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.TryOpen(default)!.Weight = weight);
    }
}
