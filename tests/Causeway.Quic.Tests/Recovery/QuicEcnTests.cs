using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Recovery;

/// <summary>RFC 9000, 13.4.2 and A.4.</summary>
public sealed class QuicEcnTests
{
    private readonly QuicEcn _ecn = new();

    [Fact]
    public void NothingIsMarkedUnlessSomebodyAsked() => Assert.False(_ecn.IsNextCapable);

    [Fact]
    public void OnlyTheFirstPacketsAreMarkedUntilSomethingIsHeardOfThem()
    {
        Begin(10);
        Assert.False(_ecn.IsNextCapable);
        Ack(new EcnCounts(3, 0, 0), newlyCapable: 3);
        Assert.True(_ecn.IsNextCapable);
        Assert.True(_ecn.IsCapable);
    }

    [Fact]
    public void APeerThatDoesNotCountEndsIt()
    {
        Begin(4);
        Ack(null, newlyCapable: 2);
        Assert.False(_ecn.IsNextCapable);
        Ack(new EcnCounts(9, 0, 0), newlyCapable: 2);
        Assert.False(_ecn.IsNextCapable);
    }

    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(0, 2, 0)]
    [InlineData(2, 2, 0)]
    public void CountsThatDoNotFitEndIt(long ect0, long ect1, long marked)
    {
        Begin(4);
        Ack(new EcnCounts(ect0, ect1, marked), newlyCapable: 2);
        Assert.False(_ecn.IsNextCapable);
    }

    [Fact]
    public void MarksAreReportedOnce()
    {
        Begin(10);
        Assert.Equal(1, Ack(new EcnCounts(3, 0, 1), newlyCapable: 4));
        Assert.Equal(0, Ack(new EcnCounts(5, 0, 1), newlyCapable: 2));
        Assert.Equal(2, Ack(new EcnCounts(5, 0, 3), newlyCapable: 2));
    }

    [Fact]
    public void AnAcknowledgementThatWasOvertakenEndsNothing()
    {
        Begin(10);
        Ack(new EcnCounts(4, 0, 0), newlyCapable: 4);
        Assert.Equal(0, Ack(new EcnCounts(2, 0, 0), newlyCapable: 0));
        Assert.True(_ecn.IsCapable);
    }

    private void Begin(int packets)
    {
        _ecn.Begin();
        for (int i = 0; i < packets; i++)
        {
            Assert.True(_ecn.IsNextCapable);
            _ecn.OnSent();
        }
    }

    private int Ack(EcnCounts? counts, int newlyCapable) => _ecn.OnAck(PacketSpaceId.Application, counts, newlyCapable);
}
