using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Arq;

public sealed class PathExchangeTests
{
    private const long Rtt = 80_000;

    private readonly PathExchange _sender = new() { Announcement = new PathAnnouncement(20, 10) };
    private readonly PathExchange _receiver = new();
    private Timestamp _now = Timestamp.FromMilliseconds(1000);

    [Fact]
    public void NobodyReportsUnlessAskedTo()
    {
        _receiver.OnArrived(EcnCodepoint.CongestionExperienced);
        _receiver.SetShards(100, 5, 5, 5);
        Assert.Equal(PathExtensionKind.None, _receiver.Due(Rtt, _now));
    }

    [Fact]
    public void AnnouncementIsRepeatedLessAndLessOftenAndEnds()
    {
        List<long> waits = [];
        Timestamp last = _now;
        for (int millisecond = 0; millisecond < 120_000; millisecond++, _now = _now.AddMicroseconds(1000))
        {
            if (_sender.Due(Rtt, _now) == PathExtensionKind.Announcement)
            {
                waits.Add(_now.MicrosecondsSince(last) / 1000);
                last = _now;
                _sender.OnSent(PathExtensionKind.Announcement, _now);
            }
        }

        Assert.Equal([0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800], waits);
    }

    [Fact]
    public void AnAnnouncementIsAnsweredAtOnceAndEnds()
    {
        Assert.True(Pass(_sender, _receiver, PathExtensionKind.Announcement));
        Assert.Equal(new PathAnnouncement(20, 10), _receiver.PeerAnnouncement);
        _receiver.OnArrived(EcnCodepoint.NotCapable);
        Assert.True(Pass(_receiver, _sender, PathExtensionKind.Report));
        Assert.True(_sender.HasReport);
        _now = _now.AddMicroseconds(10_000_000);
        Assert.Equal(PathExtensionKind.None, _sender.Due(Rtt, _now));
    }

    [Fact]
    public void ReportsNeedNewsAndKeepTheirDistance()
    {
        Introduce();
        _now = _now.AddMicroseconds(10_000_000);
        _receiver.OnArrived(EcnCodepoint.NotCapable);
        Assert.Equal(PathExtensionKind.None, _receiver.Due(Rtt, _now));

        _receiver.SetShards(40, 2, 1, 2);
        Assert.True(Pass(_receiver, _sender, PathExtensionKind.Report));
        PathReport news = _sender.TakeNews();
        Assert.Equal((40u, 2u, 1u, 2u), (news.Shards, news.Missing, news.Runs, news.Repaired));
        Assert.Equal(default, _sender.TakeNews());

        _receiver.OnArrived(EcnCodepoint.NotCapable);
        _receiver.SetShards(41, 2, 1, 2);
        Assert.Equal(PathExtensionKind.None, _receiver.Due(Rtt, _now.AddMicroseconds(Rtt - 1)));
        Assert.Equal(PathExtensionKind.Report, _receiver.Due(Rtt, _now.AddMicroseconds(Rtt)));
        Assert.Equal(PathExtensionKind.None, _receiver.Due(smoothedRtt: 5_000, _now.AddMicroseconds(49_999)));
        Assert.Equal(PathExtensionKind.Report, _receiver.Due(smoothedRtt: 5_000, _now.AddMicroseconds(50_000)));

        // The first marks go back at once, those that follow a quarter of a round trip later.
        _receiver.OnArrived(EcnCodepoint.CongestionExperienced);
        Assert.True(Pass(_receiver, _sender, PathExtensionKind.Report));
        _receiver.OnArrived(EcnCodepoint.CongestionExperienced);
        Assert.Equal(PathExtensionKind.None, _receiver.Due(Rtt, _now.AddMicroseconds((Rtt / 4) - 1)));
        Assert.Equal(PathExtensionKind.Report, _receiver.Due(Rtt, _now.AddMicroseconds(Rtt / 4)));
        Assert.Equal(PathExtensionKind.None, _receiver.Due(smoothedRtt: 100, _now.AddMicroseconds(999)));
        Assert.Equal(PathExtensionKind.Report, _receiver.Due(smoothedRtt: 100, _now.AddMicroseconds(1000)));
    }

    [Fact]
    public void WithoutErrorCorrectionReportsFollowTheCountOfDatagrams()
    {
        _sender.Announcement = new PathAnnouncement(0, 0);
        Introduce();
        List<uint> told = [];
        for (int i = 0; i < 5000; i++)
        {
            _receiver.OnArrived(EcnCodepoint.NotCapable);
            _now = _now.AddMicroseconds(Rtt);
            if (_receiver.Due(Rtt, _now) == PathExtensionKind.Report)
            {
                _receiver.OnSent(PathExtensionKind.Report, _now);
                told.Add(_receiver.Here.Datagrams);
            }
        }

        Assert.Equal([17, 34, 68, 136, 272, 544, 1088, 2112, 3136, 4160], told);
    }

    [Fact]
    public void TheOutcomeOfTheTestIsToldAtOnce()
    {
        _sender.Announcement = new PathAnnouncement(0, 0);
        Introduce();
        _receiver.OnArrived(EcnCodepoint.Capable0);
        Assert.True(Pass(_receiver, _sender, PathExtensionKind.Report));
        _receiver.OnArrived(EcnCodepoint.Capable0);
        Assert.Equal(PathExtensionKind.None, _receiver.Due(Rtt, _now.AddMicroseconds(10 * Rtt)));
    }

    [Fact]
    public void AnOvertakenReportChangesNothingAndAnImpossibleOneIsRefused()
    {
        Introduce();
        byte[] older = Write(new PathReport { Datagrams = 10, Shards = 5 });
        byte[] newer = Write(new PathReport { Datagrams = 20, Shards = 9 });
        Assert.True(_sender.TryTake(newer));
        Assert.True(_sender.TryTake(older));
        Assert.Equal(9u, _sender.There.Shards);
        Assert.False(_sender.TryTake(Write(new PathReport { Datagrams = 30, Shards = 8 })));
        Assert.False(_sender.TryTake(Write(new PathReport { Datagrams = 30, Shards = 10, Missing = 2 })));
        Assert.False(_sender.TryTake(Write(new PathReport { Datagrams = 30, Shards = 10, Marked = 11 })));
        Assert.Equal(9u, _sender.There.Shards);
    }

    [Fact]
    public void CountsOnceAnnouncedStayAndReportsNeedAnAnnouncement()
    {
        Introduce();
        byte[] other = new byte[PathAnnouncement.Size];
        new PathAnnouncement(10, 3).Write(other);
        Assert.False(_receiver.TryTake(other));
        Assert.Equal(new PathAnnouncement(20, 10), _receiver.PeerAnnouncement);
        Assert.False(_receiver.TryTake(Write(new PathReport { Datagrams = 1 })));
    }

    [Fact]
    public void AnyPayloadOfAWindowReportIsSkippedAndCounted()
    {
        PacketPool pool = new(track: true);
        using ArqSession session = new(7, new ArqOptions { Ecn = true }, new CubicController(1000), pool);
        byte[] announcement = new byte[PathAnnouncement.Size];
        new PathAnnouncement(20, 10).Write(announcement);
        byte[] report = Write(new PathReport { Datagrams = 20, Shards = 9, Missing = 1, Runs = 1 });
        long inputs = 0;
        Mutator.Run(
            [announcement, report],
            20_000,
            seed: 11,
            payload =>
            {
                PacketBuffer datagram = pool.Rent();
                SegmentHeader header = new()
                {
                    Conversation = 7,
                    Command = SegmentCommand.WindowReport,
                    Window = 100,
                    Time = 0,
                    Sequence = 0,
                    Unacknowledged = 0,
                    Length = (uint)payload.Length,
                };
                header.Write(datagram.Append(SegmentHeader.Size));
                payload.CopyTo(datagram.Append(payload.Length));
                Assert.Equal(ArqInputResult.Ok, session.Input(datagram, recovered: false, _now));
                inputs++;
                datagram.Release();
            },
            new FuzzOptions { MaxLength = 300 });
        Assert.InRange(session.Statistics.InvalidPathReports, inputs / 10, inputs - 2);
        session.Dispose();
        pool.ThrowIfOutstanding();
    }

    private static byte[] Write(PathReport report)
    {
        byte[] bytes = new byte[PathReport.Size];
        report.Write(bytes);
        return bytes;
    }

    private void Introduce()
    {
        Assert.True(Pass(_sender, _receiver, PathExtensionKind.Announcement));
        _receiver.OnArrived(EcnCodepoint.NotCapable);
        Assert.True(Pass(_receiver, _sender, PathExtensionKind.Report));
    }

    private bool Pass(PathExchange from, PathExchange to, PathExtensionKind expected)
    {
        Assert.Equal(expected, from.Due(Rtt, _now));
        byte[] bytes = new byte[PathExchange.SizeOf(expected)];
        from.Write(expected, bytes);
        from.OnSent(expected, _now);
        return to.TryTake(bytes);
    }
}
