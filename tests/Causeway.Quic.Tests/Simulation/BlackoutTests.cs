using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>How soon a stream goes on after the path was dead for a while, and what is sent meanwhile.</summary>
public sealed class BlackoutTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(300);

    public static TheoryData<double, int> Outages
    {
        get
        {
            TheoryData<double, int> outages = [];
            foreach (double seconds in (double[])[1.3, 5, 5.7, 10, 14.9, 20])
            {
                foreach (int roundTrip in (int[])[2, 50, 200, 300])
                {
                    outages.Add(seconds, roundTrip);
                }
            }

            return outages;
        }
    }

    [Theory]
    [MemberData(nameof(Outages))]
    public void ABulkTransferGoesOnARoundTripAnd300MillisecondsAfterAnOutage(double seconds, int roundTrip)
    {
        using QuicPair pair = Make(roundTrip);
        SessionStream stream = pair.Open(1L << 40, 0);
        pair.Network.Run(TimeSpan.FromSeconds(2));
        Outage(pair, stream, seconds, roundTrip);
    }

    [Theory]
    [MemberData(nameof(Outages))]
    public void AThinStreamGoesOnARoundTripAnd300MillisecondsAfterAnOutage(double seconds, int roundTrip)
    {
        using QuicPair pair = Make(roundTrip);
        SessionStream stream = pair.Open(20_000, 0);
        pair.Transfer(TimeSpan.FromSeconds(20));
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;
        stream.Write(300);
        Outage(pair, stream, seconds, roundTrip);
    }

    [Fact]
    public void SilenceIsProbedWithSmallDatagramsAndSeldom()
    {
        using QuicPair pair = Make(50);
        pair.Open(1L << 40, 0);
        pair.Network.Run(TimeSpan.FromSeconds(3));
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;
        pair.Network.Run(TimeSpan.FromSeconds(2));
        long datagrams = pair.Forward.Sent;
        long bytes = pair.Forward.SentBytes;
        pair.Network.Run(TimeSpan.FromSeconds(20));
        Assert.InRange(pair.Forward.Sent - datagrams, 60, 120);
        Assert.InRange(pair.Forward.SentBytes - bytes, 60 * 24, 60_000);
        Assert.Null(pair.Client.Failure);
    }

    private static QuicPair Make(int roundTrip)
    {
        FaultModelOptions link = new()
        {
            RateBitsPerSecond = 20_000_000,
            Delay = TimeSpan.FromMilliseconds(roundTrip / 2.0),
            QueueBytes = Math.Max(4096, 2_500 * roundTrip),
        };
        return new QuicPair(new FaultPlan { Name = "Outage", Seed = 1, Forward = link, Backward = link }).Connect();
    }

    private static void Outage(QuicPair pair, SessionStream stream, double seconds, int roundTrip)
    {
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;

        // What is under way still arrives.
        pair.Network.Run(TimeSpan.FromSeconds(seconds));
        SessionStream reader = pair.Server.Streams[stream.Mux.Id];
        long read = reader.Read;
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = false;
        Timestamp back = pair.Network.Clock.Now;
        pair.RunUntil(() => reader.Read > read || pair.HasFailed, TimeSpan.FromSeconds(10));
        TimeSpan waited = pair.Network.Clock.Now - back;
        Assert.True(
            waited <= TimeSpan.FromMilliseconds(roundTrip + 10) + s_patience && !pair.HasFailed,
            pair.Network.Failure($"{waited.TotalMilliseconds} ms after {seconds} s with a round trip of {roundTrip} ms").Message);
    }
}
