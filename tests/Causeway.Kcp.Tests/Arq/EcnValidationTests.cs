using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class EcnValidationTests
{
    private const int TestDatagrams = 10;
    private const long Rtt = 50_000;

    private readonly EcnValidation _ecn = new();
    private PathReport _there;
    private PathReport _told;
    private Timestamp _now = Timestamp.FromMilliseconds(1000);

    [Fact]
    public void NothingIsCapableBeforeThePeerHasReported()
    {
        Assert.All(Send(1000), static mark => Assert.Equal(EcnCodepoint.NotCapable, mark));
        Assert.Equal(EcnState.Off, _ecn.State);
    }

    [Fact]
    public void TenAreTheTestAndTheRestWaitsForItsOutcome()
    {
        Pass(20);
        Assert.False(Report());
        Assert.Equal(EcnState.Testing, _ecn.State);
        EcnCodepoint[] marks = Send(50);
        Assert.All(marks[..TestDatagrams], static mark => Assert.Equal(EcnCodepoint.Capable0, mark));
        Assert.All(marks[TestDatagrams..], static mark => Assert.Equal(EcnCodepoint.NotCapable, mark));
        Assert.Equal(EcnState.Unconfirmed, _ecn.State);

        Arrive(marks[0]);
        Assert.True(Report());
        Assert.Equal(EcnState.Capable, _ecn.State);
        Assert.All(Send(1000), static mark => Assert.Equal(EcnCodepoint.Capable0, mark));
    }

    [Fact]
    public void ATestThatIsLostFailsWhenLaterOnesHaveArrived()
    {
        Send(20);
        Start();
        Send(TestDatagrams);
        Pass(20 + TestDatagrams + 15);
        Assert.True(Report());
        Assert.Equal(EcnState.Unconfirmed, _ecn.State);
        Pass(1);
        Assert.False(Report());
        Assert.Equal(EcnState.Failed, _ecn.State);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5000)]
    public void ClearedBitsAreFoundSoonerOrLater(int intact)
    {
        Start();
        if (intact > 0)
        {
            Pass(TestDatagrams);
            Report();
            Pass(intact);
        }

        int cleared = 0;
        while (_ecn.State != EcnState.Failed)
        {
            foreach (EcnCodepoint mark in Send(1))
            {
                cleared += mark == EcnCodepoint.Capable0 ? 1 : 0;
                Arrive(EcnCodepoint.NotCapable);
            }

            Report();
            Assert.InRange(cleared, 0, 20);
        }

        Assert.False(_ecn.IsNextCapable);
    }

    [Fact]
    public void WhatWasUnderWayBeforeTheTestIsNotTakenForCleared()
    {
        EcnCodepoint[] early = Send(500);
        Arrive(early[0]);
        Report();
        EcnCodepoint[] test = Send(50);
        Array.ForEach(early[1..], Arrive);
        Report();
        Array.ForEach(test, Arrive);
        Assert.True(Report());
        Assert.Equal(EcnState.Capable, _ecn.State);
    }

    [Fact]
    public void LossReorderingAndCopiesAreNoContradiction()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            EcnValidationTests path = new();
            Random random = new(seed);
            double loss = random.NextDouble() * 0.5;
            double copy = random.NextDouble() * 0.03;
            double mark = random.NextDouble() * 0.9;
            List<EcnCodepoint> underWay = [];
            for (int i = 0; i < 2000; i++)
            {
                underWay.AddRange(path.Send(random.Next(4)));
                while (underWay.Count > 0 && random.Next(3) > 0)
                {
                    int next = random.Next(Math.Min(underWay.Count, 20));
                    EcnCodepoint arriving = underWay[next];
                    underWay.RemoveAt(next);
                    bool isMarked = arriving == EcnCodepoint.Capable0 && random.NextDouble() < mark;
                    int copies = random.NextDouble() < loss ? 0 : random.NextDouble() < copy ? 2 : 1;
                    for (int j = 0; j < copies; j++)
                    {
                        path.Arrive(isMarked ? EcnCodepoint.CongestionExperienced : arriving);
                    }
                }

                if (random.Next(5) == 0)
                {
                    path.Report();
                }
            }

            Assert.True(path._ecn.State == EcnState.Capable, $"seed {seed}: {path._ecn.State}");
        }
    }

    [Fact]
    public void APathThatMarksEverythingFailsAfterRoundTripsOfIt()
    {
        Start();
        int believed = 0;
        for (; _ecn.State != EcnState.Failed; believed++)
        {
            Array.ForEach(Send(20), mark => Arrive(mark == EcnCodepoint.Capable0 ? EcnCodepoint.CongestionExperienced : mark));
            Report();
            Assert.InRange(believed, 0, 100);

            // Several reports in a round trip are about the same queue.
            _now = _now.AddMicroseconds(Rtt / 4);
        }

        Assert.InRange(believed, 4 * 15, 4 * 17);
    }

    [Fact]
    public void AQueueThatGetsShortBetweenMarksIsAQueue()
    {
        Start();
        for (int i = 0; i < 500; i++)
        {
            Send(20);
            Arrive(i % 15 == 14 ? EcnCodepoint.Capable0 : EcnCodepoint.CongestionExperienced);
            _there.Marked += i == 0 ? 0u : 8u;
            _there.Datagrams += i == 0 ? 0u : 8u;
            Assert.True(Report());
            _now = _now.AddMicroseconds(Rtt);
        }

        Assert.Equal(EcnState.Capable, _ecn.State);
    }

    [Fact]
    public void MarksOfWhatNeverLeftFail()
    {
        Start();
        Pass(100);
        Report();
        for (int i = 0; i < 200; i++)
        {
            Arrive(EcnCodepoint.CongestionExperienced);
        }

        Assert.False(Report());
        Assert.Equal(EcnState.Failed, _ecn.State);
    }

    private void Start()
    {
        Pass(1);
        Report();
        Assert.Equal(EcnState.Testing, _ecn.State);
    }

    private EcnCodepoint[] Send(int count) => [.. Enumerable.Range(0, count).Select(_ => _ecn.OnSent())];

    private void Pass(int count) => Array.ForEach(Send(count), Arrive);

    private void Arrive(EcnCodepoint mark)
    {
        _there.Datagrams++;
        _there.Marked += mark == EcnCodepoint.CongestionExperienced ? 1u : 0;
        _there.Unmarked += mark == EcnCodepoint.Capable0 ? 1u : 0;
    }

    private bool Report()
    {
        PathReport news = _there - _told;
        _told = _there;
        return _ecn.OnReport(in _there, in news, Rtt, _now);
    }
}
