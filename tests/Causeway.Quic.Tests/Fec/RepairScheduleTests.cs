using Causeway.Protocol;
using Causeway.Quic.Fec;
using Causeway.Quic.Recovery;

namespace Causeway.Quic.Tests.Fec;

/// <summary>How much parity, and when.</summary>
public sealed class RepairScheduleTests
{
    private const int RoundTrip = 40_000;
    private const int Bytes = 1000;

    private Timestamp _now = new(1_000_000);
    private int _repairBytes = Bytes;

    [Theory]
    [InlineData(0, 100_000, false)]
    [InlineData(50, 100_000, false)]
    [InlineData(400, 100_000, true)]
    [InlineData(1, 100, true)]
    public void ParityIsForPathsThatLose(int lost, int packets, bool isOn)
    {
        RepairRate rate = new(0.25, 32);
        Feed(rate, packets, lost);
        Assert.Equal(isOn, rate.IsOn);
        Assert.Equal(isOn, rate.Ratio > 0);
    }

    [Fact]
    public void ABurstBeyondTheWindowCostsNoMoreThanTheWindow()
    {
        RepairRate rate = new(0.25, 32);
        for (int i = 0; i < 100; i++)
        {
            rate.Add(new PacketFates { Judged = 100, Lost = 5, Runs = 5 });
        }

        Assert.InRange(rate.ForBurst(32), 2, 13);
        Assert.Equal(rate.ForBurst(32), rate.ForBurst(3_000));
    }

    [Fact]
    public void ParityEndsSomeTimeAfterTheLossesDo()
    {
        RepairRate rate = new(0.25, 32);
        Feed(rate, 2000, 100);
        Assert.True(rate.IsOn);
        Feed(rate, 1000, 0);
        Assert.True(rate.IsOn);
        Feed(rate, 20_000, 0);
        Assert.False(rate.IsOn);
        Assert.Equal(0, rate.Ratio);
    }

    [Fact]
    public void TheFirstLossCountsAtOnceAndLaterOnesTogether()
    {
        RepairRate rate = new(0.25, 32);
        rate.Add(new PacketFates { Judged = 1 });
        rate.Add(new PacketFates { Judged = 1, Lost = 1, Runs = 1 });
        Assert.True(rate.IsOn);
        double before = rate.LossRate;
        rate.Add(new PacketFates { Judged = 31, Lost = 3, Runs = 3 });
        Assert.Equal(before, rate.LossRate);
        rate.Add(new PacketFates { Judged = 1 });
        Assert.InRange(rate.LossRate, 2 * before, 1);
    }

    [Fact]
    public void LossesThatWereNoneAreTakenBack()
    {
        RepairRate rate = new(0.25, 32);
        Feed(rate, 1000, 10);
        rate.Add(new PacketFates { Judged = 32, Lost = -10 });
        Assert.False(rate.IsOn);
        Assert.Equal(0, rate.LossRate);
    }

    /// <summary>A single packet is copied once up to some seven percent, a burst of ten costs a part of that.</summary>
    [Theory]
    [InlineData(0.01, 1, 1)]
    [InlineData(0.05, 1, 1)]
    [InlineData(0.10, 1, 2)]
    [InlineData(0.20, 1, 3)]
    [InlineData(0.01, 10, 1)]
    [InlineData(0.05, 10, 3)]
    public void BurstsGetWhatTheLossesCallFor(double loss, int sources, int repairs)
    {
        RepairRate rate = new(0.25, 32);
        Feed(rate, 10_000, (int)(10_000 * loss));
        Assert.Equal(repairs, rate.ForBurst(sources));
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.20)]
    public void SteadyDatagramsStayWithinTheirShare(double loss)
    {
        RepairSchedule schedule = NewSchedule(loss);
        long repairs = 0;
        for (int i = 0; i < 10_000; i++)
        {
            schedule.OnSource(Bytes, 6, Bytes + 14, hasStreams: false, Timestamp.Never, RoundTrip, _now);
            repairs += Run(schedule, 5_000).Count;
        }

        Assert.InRange(repairs * (Bytes + 14.0) / (10_000.0 * Bytes), 0.15, 0.25);
    }

    /// <summary>Also where they are so far between that each of them looks like the last.</summary>
    [Fact]
    public void ThinDatagramsWithoutADeadlineStayWithinTheirShare()
    {
        RepairSchedule schedule = NewSchedule(0.05);
        _repairBytes = 214;
        long repairs = 0;
        for (int i = 0; i < 1000; i++)
        {
            schedule.OnSource(200, 6, 214, hasStreams: false, Timestamp.Never, RoundTrip, _now);
            repairs += Run(schedule, 60_000).Count;
        }

        Assert.InRange(repairs * 214.0 / (1000 * 200.0), 0.1, 0.25);
    }

    [Fact]
    public void ThePauseAfterSteadyDatagramsBringsARepair()
    {
        RepairSchedule schedule = NewSchedule(0.05);
        for (int i = 0; i < 2; i++)
        {
            schedule.OnSource(Bytes, 6, Bytes + 14, hasStreams: false, Timestamp.Never, RoundTrip, _now);
            _now = _now.AddMicroseconds(1000);
        }

        Timestamp last = _now;
        Timestamp[] repairs = [.. Run(schedule, 100_000)];
        Assert.Single(repairs);
        Assert.InRange(repairs[0].MicrosecondsSince(last), 0, RoundTrip / 2);
    }

    [Fact]
    public void WhatSomebodyWaitsForIsRepairedAtOnceAndSpread()
    {
        RepairSchedule schedule = NewSchedule(0.20);
        schedule.OnSource(200, 6, 214, hasStreams: true, Timestamp.Never, RoundTrip, _now);
        Timestamp start = _now;
        Timestamp[] repairs = [.. Run(schedule, 50_000)];
        Assert.Equal([2500, 5000, 7500], repairs.Select(at => at.MicrosecondsSince(start)));
    }

    [Fact]
    public void ADeadlineMakesADatagramUrgentAndBringsItsRepairForward()
    {
        RepairSchedule schedule = NewSchedule(0.05);
        schedule.OnSource(200, 6, 214, hasStreams: false, _now.AddMicroseconds(1000), RoundTrip, _now);
        Timestamp start = _now;
        Assert.Equal([1000], Run(schedule, 50_000).Select(at => at.MicrosecondsSince(start)));
    }

    [Fact]
    public void BurstsCostNoMoreThanAThinFlowMay()
    {
        RepairSchedule schedule = NewSchedule(0.20);
        long bytes = 0;
        for (int i = 0; i < 2000; i++)
        {
            if (schedule.CanAfford(_now))
            {
                schedule.OnSource(Bytes, 6, Bytes, hasStreams: true, Timestamp.Never, RoundTrip, _now);
            }

            bytes += Run(schedule, 10_000).Count * Bytes;
        }

        // 20 seconds.
        Assert.InRange(bytes, 60_000 * 20, 70_000 * 20);
    }

    [Fact]
    public void NothingIsDueAfterACancellation()
    {
        RepairSchedule schedule = NewSchedule(0.10);
        schedule.OnSource(200, 6, 214, hasStreams: true, Timestamp.Never, RoundTrip, _now);
        Assert.False(schedule.DueAt.IsNever);
        schedule.Cancel();
        Assert.True(schedule.DueAt.IsNever);
        Assert.Empty(Run(schedule, 100_000));
    }

    [Fact]
    public void WhatWasRebuiltIsToldThreeTimesInRuns()
    {
        RebuiltReports reports = new();
        foreach (long id in (long[])[7, 5, 6, 20])
        {
            reports.Add(id);
        }

        byte[] room = new byte[100];
        Assert.Equal("64ef0502" + "64ef1400", Convert.ToHexStringLower(room[..reports.Write(room)]));

        // What there was no room for goes as often as the rest.
        Assert.Equal("64ef0502", Convert.ToHexStringLower(room[..reports.Write(room.AsSpan(0, 5))]));
        Assert.Equal("64ef0502" + "64ef1400", Convert.ToHexStringLower(room[..reports.Write(room)]));
        Assert.Equal("64ef1400", Convert.ToHexStringLower(room[..reports.Write(room)]));
        Assert.Equal(0, reports.Write(room));
    }

    private static RepairSchedule NewSchedule(double loss)
    {
        RepairRate rate = new(0.25, 32);
        Feed(rate, 10_000, (int)(10_000 * loss));
        return new RepairSchedule(rate);
    }

    private static void Feed(RepairRate rate, int packets, int lost)
    {
        int batches = Math.Min(packets, 100);
        for (int i = 0; i < batches; i++)
        {
            int losses = (lost * (i + 1) / batches) - (lost * i / batches);
            rate.Add(new PacketFates { Judged = packets / batches, Lost = losses, Runs = losses });
        }
    }

    // Goes on for a while; the times of the repairs that leave.
    private List<Timestamp> Run(RepairSchedule schedule, long microseconds)
    {
        List<Timestamp> repairs = [];
        Timestamp end = _now.AddMicroseconds(microseconds);
        while (schedule.DueAt < end)
        {
            _now = Timestamp.Max(_now, schedule.DueAt);
            if (schedule.IsDue(_now))
            {
                repairs.Add(_now);
                schedule.OnRepair(_repairBytes, _now);
            }
        }

        _now = end;
        return repairs;
    }
}
