using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>The bits of short headers that the network sees: the spin bit (RFC 9000, 17.4), and the fixed bit (RFC 9287).</summary>
public sealed class VisibleBitsTests
{
    private const int Seeds = 40;

    [Fact]
    public void TheSpinBitTurnsOnceInARoundTripIfBothWantIt()
    {
        int spinning = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            (List<byte> first, int roundTrips) = Transfer(seed, s => s with { SpinBit = true }, s => s with { SpinBit = true });
            int turns = first.Zip(first.Skip(1)).Count(static pair => ((pair.First ^ pair.Second) & HeaderBits.Spin) != 0);
            Assert.True(turns <= roundTrips + 2, $"seed {seed}: {turns} turns in {roundTrips} round trips");
            spinning += turns >= roundTrips / 2 ? 1 : 0;
        }

        // At each end one path in sixteen does not spin: (15/16)^2 of them do.
        Assert.InRange(spinning, Seeds * 7 / 10, Seeds - 1);
    }

    [Fact]
    public void TheSpinBitStandsStillAsItHappensToBeIfNobodyWantsIt()
    {
        HashSet<int> values = [];
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            (List<byte> first, _) = Transfer(seed, s => s, s => s);
            values.Add(Assert.Single(first.Select(static bits => bits & HeaderBits.Spin).Distinct()));
        }

        Assert.Equal([0, HeaderBits.Spin], values.Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheFixedBitIsSetByChanceWhereThePeerAllowsIt(bool allows)
    {
        int set = 0;
        int all = 0;
        for (ulong seed = 1; seed <= 5; seed++)
        {
            (List<byte> first, _) = Transfer(seed, s => s with { Grease = allows }, s => s);
            set += first.Count(static bits => (bits & HeaderBits.Fixed) != 0);
            all += first.Count;
        }

        Assert.InRange(set, allows ? all / 4 : all, allows ? all * 3 / 4 : all);
    }

    /// <summary>The first bytes of the short headers that the server sent, and how long it went on.</summary>
    private static (List<byte> First, int RoundTrips) Transfer(
        ulong seed, Func<QuicSettings, QuicSettings> client, Func<QuicSettings, QuicSettings> server)
    {
        List<byte> first = [];
        using QuicPair pair = new(
            FaultPlans.Named("Clean", seed), new QuicPeerOptions { Configure = client }, new QuicPeerOptions { Configure = server });
        pair.Client.Filter = datagram =>
        {
            if ((datagram.Payload[0] & HeaderBits.Long) == 0)
            {
                first.Add(datagram.Payload[0]);
            }

            return true;
        };
        pair.Connect();
        long begun = pair.ClientHost.Now.Microseconds;
        pair.Open(1000, 1_000_000);
        pair.Transfer(TimeSpan.FromSeconds(60));
        int roundTrips = (int)((pair.ClientHost.Now.Microseconds - begun) / pair.Client.Session!.Recovery.Rtt.Shortest);
        pair.Close();
        return (first, roundTrips);
    }
}
