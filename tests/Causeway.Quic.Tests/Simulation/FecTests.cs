using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Fec;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Testing;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Connections whose ends repair each other's losses (docs/wire/quic-fec.md).</summary>
public sealed class FecTests(ITestOutputHelper output)
{
    private const int Seeds = 3;

    [Fact]
    public void DatagramsArriveForAQuarterMoreBytes()
    {
        long lost = 0;
        long all = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            FecCase one = new() { Loss = "5%", Seed = seed };
            FecResult on = FecRun.Datagrams(one, 10_000, 1000, TimeSpan.FromMilliseconds(5));
            FecResult off = FecRun.Datagrams(one with { Fec = QuicFecOptions.Off }, 10_000, 1000, TimeSpan.FromMilliseconds(5));
            output.WriteLine($"seed {seed}: lost {on.LostShare:P3} of {off.LostShare:P3}, bytes {on.WirePerPayload / off.WirePerPayload:F3}");
            Assert.InRange(off.LostShare, 0.04, 0.06);
            Assert.InRange(on.WirePerPayload / off.WirePerPayload, 1.05, 1.25);
            Assert.Equal(0, on.Doubled);

            // Within 1.2 round trips: what no retransmission could do.
            Assert.InRange(on.Within(1.2 * one.RoundTrip), 0.97, 1);
            lost += on.Lost;
            all += on.Lost + on.Times.Count;
        }

        Assert.InRange((double)lost / all, 0, 0.001);
    }

    [Theory]
    [InlineData(160, 20, 1)]
    [InlineData(400, 20, 1)]
    [InlineData(1000, 33, 8)]
    public void SoDoThinAndBurstyOnes(int size, int interval, int burst)
    {
        FecCase one = new() { Loss = "5%" };
        TimeSpan every = TimeSpan.FromMilliseconds(interval);
        FecResult on = FecRun.Datagrams(one, 4000, size, every, burst: burst);
        FecResult off = FecRun.Datagrams(one with { Fec = QuicFecOptions.Off }, 4000, size, every, burst: burst);
        Assert.InRange(on.LostShare, 0, 0.001);
        Assert.InRange(on.WirePerPayload / off.WirePerPayload, 1.05, 1.25);
        Assert.Equal(0, on.Doubled);
    }

    [Theory]
    [InlineData("1%", 1.1)]
    [InlineData("5%", 1.2)]
    [InlineData("10%", 1.3)]
    public void RequestsDoNotWaitForWhatGotLost(string loss, double roundTrips)
    {
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            FecCase one = new() { Loss = loss, Seed = seed };
            FecResult on = FecRun.Requests(one, 2000);
            output.WriteLine($"seed {seed}: p99 {on.Percentile(99)}, p99.9 {on.Percentile(99.9)}, {on.WirePerPayload:F2} bytes");
            Assert.Equal(0, on.Lost);
            Assert.InRange(on.Percentile(99), one.RoundTrip, roundTrips * one.RoundTrip);
            Assert.InRange(on.Percentile(99.9), one.RoundTrip, 100);
        }
    }

    [Fact]
    public void RequestsCostAboutTwiceTheirBytesAtFivePercent()
    {
        FecCase one = new() { Loss = "5%" };
        FecResult on = FecRun.Requests(one, 2000);
        FecResult off = FecRun.Requests(one with { Fec = QuicFecOptions.Off }, 2000);
        Assert.InRange(on.WirePerPayload / off.WirePerPayload, 1.5, 2.1);
    }

    [Theory]
    [InlineData("1%")]
    [InlineData("5%")]
    public void RequestsBesideBulkAreRepairedAsWell(string loss)
    {
        FecCase one = new() { Loss = loss };
        double alone = FecRun.Requests(one, 1000).Percentile(99);
        double beside = FecRun.Requests(one, 1000, besideBulk: true).Percentile(99);
        double unprotected = FecRun.Requests(one with { Fec = QuicFecOptions.Off }, 1000, besideBulk: true).Percentile(99);
        Assert.True(beside <= 1.5 * alone, $"{beside} ms beside bulk, {alone} alone");
        Assert.True(beside <= 0.85 * unprotected, $"{beside} ms, {unprotected} without FEC");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1%")]
    [InlineData("5%")]
    [InlineData("10%")]
    public void BulkPaysNothing(string loss)
    {
        double on = 0;
        double off = 0;
        for (ulong seed = 1; seed <= 4; seed++)
        {
            FecCase one = new() { Loss = loss, Seed = seed };
            FecResult result = FecRun.Bulk(one, TimeSpan.FromSeconds(3));
            on += result.Goodput;
            off += FecRun.Bulk(one with { Fec = QuicFecOptions.Off }, TimeSpan.FromSeconds(3)).Goodput;

            // Beyond the start no packet is as much as marked.
            Assert.InRange(result.Client.SourcesSent + result.Client.RepairsSent, 0, 100);
        }

        output.WriteLine($"{on / 4:F2} Mbit/s with FEC, {off / 4:F2} without");
        Assert.InRange(on, 0.997 * off, double.MaxValue);
    }

    [Fact]
    public void ACleanPathCarriesNothingOfIt()
    {
        FecResult result = FecRun.Datagrams(new FecCase { Loss = "0" }, 2000, 1000, TimeSpan.FromMilliseconds(5));
        Assert.Equal((0, 0, 0, 0), (result.Lost, result.Client.SourcesSent, result.Client.RepairsSent, result.Server.RepairsReceived));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void APeerThatDoesNotKnowItNoticesNothing(bool client, bool server)
    {
        using QuicPair pair = new(FaultPlans.Named("Lossy5", 1), Peer(client), Peer(server));
        pair.Connect();
        for (int i = 0; i < 50; i++)
        {
            pair.Network.Schedule(TimeSpan.FromMilliseconds(20 * i), "datagram", () =>
            {
                pair.Open(200, 200);
                pair.Client.Session!.TrySendDatagram("datagram"u8, Timestamp.Never);
                pair.ClientHost.Wake();
            });
        }

        pair.Network.Run(TimeSpan.FromSeconds(1));
        pair.Transfer(TimeSpan.FromSeconds(20));
        foreach (QuicPeer peer in (QuicPeer[])[pair.Client, pair.Server])
        {
            QuicStatistics statistics = peer.Session!.Statistics;
            Assert.False(peer.Session.UsesFec);
            Assert.Equal((0, 0, 0), (statistics.SourcesSent, statistics.RepairsSent, statistics.PacketsRebuilt));
        }

        pair.Close();
    }

    [Fact]
    public void CongestionControlSeesTheLossesThatAreRepaired()
    {
        FecResult result = FecRun.Datagrams(new FecCase { Loss = "5%" }, 5000, 1000, TimeSpan.FromMilliseconds(5));
        Assert.InRange(result.Server.PacketsRebuilt, 200, 1000);

        // The peer's reports arrive three times, and are counted once.
        Assert.InRange(result.Client.PacketsRebuiltByPeer, result.Server.PacketsRebuilt * 95 / 100, result.Server.PacketsRebuilt);
        Assert.InRange(result.Client.PacketsLost, result.Server.PacketsRebuilt, long.MaxValue);
    }

    /// <summary>What was rebuilt does not go again: the loss costs no more bytes than the repair.</summary>
    [Fact]
    public void WhatWasRebuiltIsNotSentAgain()
    {
        using QuicPair pair = Lossy();
        SessionStream stream = Warm(pair);
        long sent = pair.Client.Session!.Streams.Statistics.BytesSent;
        (long rebuilt, long reported) = (pair.Server.Session!.Statistics.PacketsRebuilt, pair.Client.Session.Statistics.PacketsRebuiltByPeer);
        DropSources(pair, 1);
        stream.Write(300);
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromSeconds(1));
        SessionStream other = pair.Server.Streams[stream.Mux.Id];
        Assert.Equal(other.Read, stream.ToWrite);
        Assert.Equal(1, pair.Server.Session.Statistics.PacketsRebuilt - rebuilt);
        Assert.Equal(1, pair.Client.Session.Statistics.PacketsRebuiltByPeer - reported);
        Assert.Equal(300, pair.Client.Session.Streams.Statistics.BytesSent - sent);
        pair.Close();
    }

    /// <summary>A packet that was only late: it was rebuilt, its frames are not handled twice, and it is acknowledged.</summary>
    [Fact]
    public void APacketThatComesAfterItWasRebuiltIsNotHandledTwice()
    {
        using QuicPair pair = Lossy();
        Warm(pair);
        Hold(pair, TimeSpan.FromMilliseconds(30));
        long rebuilt = pair.Server.Session!.Statistics.PacketsRebuilt;
        pair.Client.Session!.TrySendDatagram("once"u8, pair.ClientHost.Now.AddMicroseconds(500_000));
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(1, pair.Server.Session.Statistics.PacketsRebuilt - rebuilt);
        Assert.Equal(1, pair.Server.Session.Statistics.DatagramsReceived);
        Assert.True(pair.Server.Session.TryReceiveDatagram(out PacketSlice slice));
        Assert.Equal("once"u8, slice.Span);
        slice.Release();
        Assert.Equal(0, pair.Client.Session.Recovery[PacketSpaceId.Application].ElicitingInFlight);
        pair.Close();
    }

    [Fact]
    public void DatagramsThatCannotBeInTimeAreNeitherSentNorRepeated()
    {
        using QuicPair pair = Lossy();
        Warm(pair);
        QuicSession session = pair.Client.Session!;

        // A round trip of 40 ms: one way takes 20.
        session.TrySendDatagram("hopeless"u8, pair.ClientHost.Now.AddMicroseconds(19_000));
        session.TrySendDatagram("possible"u8, pair.ClientHost.Now.AddMicroseconds(21_000));
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromMilliseconds(200));
        Assert.Equal((1, 0), (session.DatagramsLate, session.DatagramsRepeated));
        Assert.Equal(1, pair.Server.Session!.Statistics.DatagramsReceived);

        // Lost with its repairs: too late to be repeated when that is known, or in time.
        DropSources(pair, int.MaxValue);
        session.TrySendDatagram("lost"u8, pair.ClientHost.Now.AddMicroseconds(60_000));
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromMilliseconds(20));
        pair.Forward.OnDatagram = null;
        session.Probe();
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromMilliseconds(500));
        Assert.Equal((2, 0), (session.DatagramsLate, session.DatagramsRepeated));
        DropSources(pair, int.MaxValue);
        session.TrySendDatagram("repeated"u8, pair.ClientHost.Now.AddMicroseconds(300_000));
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromMilliseconds(20));
        pair.Forward.OnDatagram = null;
        session.Probe();
        pair.ClientHost.Wake();
        pair.Network.Run(TimeSpan.FromMilliseconds(500));
        Assert.Equal((2, 1), (session.DatagramsLate, session.DatagramsRepeated));
        Assert.Equal(2, pair.Server.Session.Statistics.DatagramsReceived);
        pair.Close();
    }

    /// <summary>Towards other peers a datagram with a deadline goes again as it is.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LostDatagramsAreRepeatedTowardsAnyPeer(bool usesFec)
    {
        FecCase one = new() { Loss = "5%", Fec = usesFec ? new QuicFecOptions() : QuicFecOptions.Off };
        FecResult result = FecRun.Datagrams(one, 4000, 1000, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(200));
        Assert.InRange(result.LostShare, 0, 0.001);
        Assert.InRange(result.Client.DatagramsRepeated, 1, 1000);
    }

    [Fact]
    public void BuffersAreGivenBackAfterAPause()
    {
        using QuicPair pair = Lossy();
        Warm(pair);
        FecReceiver receiver = pair.Server.Session!.FecReceiver!;
        Assert.True(receiver.Buffers > 0);
        pair.Network.Run(TimeSpan.FromSeconds(3));
        Assert.Equal(0, receiver.Buffers);
        pair.Close();
    }

    private static QuicPeerOptions Peer(bool usesFec) =>
        new() { Configure = s => s with { Fec = usesFec ? new QuicFecOptions() : QuicFecOptions.Off } };

    /// <summary>A link of 40 ms, without losses of its own.</summary>
    private static QuicPair Lossy()
    {
        FaultModelOptions link = new() { Delay = TimeSpan.FromMilliseconds(20) };
        QuicPair pair = new(new FaultPlan { Name = "losses by hand", Seed = 1, Forward = link, Backward = link });
        return pair.Connect();
    }

    /// <summary>Loses enough for the client to take parity for worth it.</summary>
    private static SessionStream Warm(QuicPair pair)
    {
        SessionStream stream = pair.Open(100, 0);
        for (int i = 0; i < 40; i++)
        {
            bool isLost = i is 10 or 20 or 25;
            pair.Forward.OnDatagram = (_, _, _) => isLost ? DatagramVerdict.Drop : DatagramVerdict.Pass;
            stream.Write(100);
            pair.ClientHost.Wake();
            pair.Network.Run(TimeSpan.FromMilliseconds(5));
        }

        pair.Forward.OnDatagram = null;
        pair.Network.Run(TimeSpan.FromMilliseconds(500));
        Assert.True(pair.Client.Session!.RepairRate!.IsOn);
        return stream;
    }

    private static void DropSources(QuicPair pair, int count)
    {
        int dropped = 0;
        pair.Forward.OnDatagram = (_, _, _) => dropped++ < count ? DatagramVerdict.Drop : DatagramVerdict.Pass;
    }

    /// <summary>The next datagram arrives later than it should.</summary>
    private static void Hold(QuicPair pair, TimeSpan by)
    {
        bool isFirst = true;
        pair.Forward.OnDatagram = (_, datagram, _) =>
        {
            if (!isFirst)
            {
                return DatagramVerdict.Pass;
            }

            isFirst = false;
            byte[] bytes = datagram.Payload.ToArray();
            pair.Network.Schedule(by, "late", () =>
            {
                PacketBuffer copy = pair.Pool.Rent();
                bytes.CopyTo(copy.Append(bytes.Length));
                copy.Peer = pair.ClientHost.Address;
                pair.Server.Receive(copy, pair.ServerHost.Now);
                copy.Release();
                pair.ServerHost.Wake();
            });
            return DatagramVerdict.Drop;
        };
    }
}
