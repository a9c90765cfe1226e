using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

public sealed class CongestionControllersTests
{
    [Theory]
    [InlineData("cubic", typeof(CubicController))]
    [InlineData("newreno", typeof(NewRenoController))]
    [InlineData("fixed", typeof(FixedController))]
    [InlineData("classic", typeof(ClassicController))]
    public void NamesMakeControllers(string name, Type type)
    {
        Func<int, CongestionController> factory = CongestionControllers.ByName(name);
        CongestionController controller = factory(1000);
        Assert.IsType(type, controller);
        Assert.NotSame(controller, factory(1000));
        Assert.Contains(name, CongestionControllers.Names);
    }

    [Fact]
    public void EveryNameMakesAControllerThatLetsSomethingLeave()
    {
        Assert.Equal(CongestionControllers.Names.Count, CongestionControllers.Names.Distinct().Count());
        Assert.All(CongestionControllers.Names, name => Assert.True(CongestionControllers.ByName(name)(1000).Window >= 1000));
    }

    [Theory]
    [InlineData("vegas")]
    [InlineData("Cubic")]
    [InlineData("")]
    public void AnUnknownNameIsAnsweredWithTheKnownOnes(string name)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => CongestionControllers.ByName(name));
        Assert.Contains($"\"{name}\"", error.Message, StringComparison.Ordinal);
        Assert.All(CongestionControllers.Names, known => Assert.Contains(known, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void ClassicKnowsTheSessionsFastResend()
    {
        Assert.Equal(2, new ArqOptions().FastResend);
        Assert.Equal(17 * 1000, AfterLoss(CongestionControllers.ByName("classic")));
        Assert.Equal(14 * 1000, AfterLoss(CongestionControllers.ByName("classic", fastResend: 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => CongestionControllers.ByName("classic", fastResend: -1));

        static long AfterLoss(Func<int, CongestionController> factory)
        {
            CongestionController controller = factory(1000);
            controller.OnLoss(new LossEvent
            {
                Now = Timestamp.Zero,
                Bytes = 1000,
                Segments = 1,
                PriorBytesInFlight = 30_000,
                IsTimeout = false,
                IsPersistentCongestion = false,
                NewestSentAt = Timestamp.Zero,
                SegmentSize = 1000,
                OutstandingSegments = 30,
                WindowSegments = 128,
            });
            return controller.Window;
        }
    }
}
