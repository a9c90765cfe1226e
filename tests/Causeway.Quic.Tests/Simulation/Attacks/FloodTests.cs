using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Tests.Handshake;
using Causeway.Quic.Wire;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Simulation.Attacks;

/// <summary>Floods beside a transfer, and peers that use up what they may.</summary>
public sealed class FloodTests(ITestOutputHelper output)
{
    private const int PerSecond = 10_000;

    [Theory]
    [InlineData(AddressValidationMode.UnderLoad, false)]
    [InlineData(AddressValidationMode.Always, false)]
    [InlineData(AddressValidationMode.Never, false)]
    [InlineData(AddressValidationMode.UnderLoad, true)]
    internal void FirstPacketsByTheThousandCostATransferLittle(AddressValidationMode policy, bool isOneAddress)
    {
        TimeSpan quiet = Transfer(policy, flood: false, isOneAddress);
        TimeSpan flooded = Transfer(policy, flood: true, isOneAddress);
        output.WriteLine($"{policy}: {quiet.TotalSeconds:F2} s without, {flooded.TotalSeconds:F2} s with");
        Assert.True(flooded.TotalSeconds <= quiet.TotalSeconds / 0.9, $"{quiet} without, {flooded} with");
    }

    [Fact]
    public void AServerThatIsFloodedTakesHonestClients()
    {
        // The address of the honest client is proved by a Retry, while thousands of others are not answered with more than one.
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), server: Options(AddressValidationMode.UnderLoad));
        List<byte[]> hellos = Hellos(200);
        for (int i = 0; i < 2000; i++)
        {
            Inject(pair, hellos[i % hellos.Count], i, isOneAddress: false);
        }

        pair.Connect();
        Assert.Equal(1, pair.Client.Session!.Statistics.Retries);
        Assert.InRange(pair.Server.Endpoint.HandshakeCount, 1, pair.Server.Settings.RetryThreshold + 1);
        pair.Network.Run(TimeSpan.FromSeconds(15));
        Assert.Equal(0, pair.Server.Endpoint.HandshakeCount);
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Single(pair.Server.Sessions);
        pair.Close();
    }

    [Fact]
    public void AnAddressHasItsShareOfHandshakes()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            server: new QuicPeerOptions { Configure = s => s with { Retry = AddressValidationMode.Never, MaxHandshakesPerAddress = 10 } });
        pair.Client.Filter = static _ => false;
        pair.Forward.OnDatagram = static (_, _, _) => DatagramVerdict.Drop;
        List<byte[]> hellos = Hellos(30);
        for (int i = 0; i < 30; i++)
        {
            // Of one network of 64 bits.
            byte[] address = new byte[16];
            address[0] = 0x20;
            address[15] = (byte)i;
            Inject(pair, hellos[i], PeerAddress.FromBytes(address, 1000 + i));
        }

        Assert.Equal(10, pair.Server.Endpoint.HandshakeCount);
        Assert.Equal(20, pair.Server.Endpoint.Counters.HandshakesRefused);
        Inject(pair, hellos[0], PeerAddress.FromBytes([10, 9, 9, 9], 1));
        pair.Close();
    }

    [Fact]
    public void NobodyUsesUpTheShareOfAnotherByForgingItsAddress()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            server: new QuicPeerOptions { Configure = s => s with { Retry = AddressValidationMode.UnderLoad, MaxHandshakesPerAddress = 10 } });
        foreach (byte[] hello in Hellos(50))
        {
            Inject(pair, hello, pair.ClientHost.Address);
        }

        Assert.Equal(10, pair.Server.Endpoint.HandshakeCount);
        pair.Connect();
        Assert.Equal(1, pair.Client.Session!.Statistics.Retries);
        Assert.Equal(0, pair.Server.Endpoint.Counters.HandshakesRefused);
        pair.Close();
    }

    [Fact]
    public void ThingsThatAreNoPacketsLeaveNothing()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        SeededRandom random = new(5);
        int ids = pair.Server.Endpoint.IdCount;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = new byte[1 + random.Next(1400)];
            random.Fill(bytes);
            if (i % 3 == 0)
            {
                // A first packet of version 1 by its header.
                bytes[0] = 0xc0;
                new byte[] { 0, 0, 0, 1, 8 }.AsSpan(0, Math.Min(5, bytes.Length - 1)).CopyTo(bytes.AsSpan(1));
            }

            Inject(pair, bytes, i, isOneAddress: false);
        }

        Assert.Equal(ids, pair.Server.Endpoint.IdCount);
        Assert.Equal(1, pair.Server.Endpoint.SessionCount);
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(10));
        pair.Close();
    }

    [Fact]
    public void APeerThatNeverReadsHoldsNoMoreThanTheBudget()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1), new QuicPeerOptions { Configure = s => s with { MemoryBudget = 2 << 20 } });
        pair.Connect();
        SessionStream[] streams = [.. Enumerable.Range(0, 20).Select(_ => pair.Open(10, 3_000_000))];
        foreach (SessionStream stream in streams)
        {
            stream.IsReading = false;
        }

        pair.Network.Run(TimeSpan.FromSeconds(20));
        Assert.False(pair.HasFailed);
        Assert.True(pair.Client.Session!.Streams.BufferedBytes <= 2 << 20);
        foreach (SessionStream stream in streams)
        {
            stream.IsReading = true;
        }

        pair.Transfer(TimeSpan.FromSeconds(60));
        pair.Close();
    }

    [Fact]
    public void APeerThatNeverAcknowledgesIsGivenUp()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        pair.Open(10, 100_000_000);
        pair.Network.Run(TimeSpan.FromMilliseconds(100));
        pair.Forward.OnDatagram = static (_, _, _) => DatagramVerdict.Drop;
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(60));
        Assert.Equal(TransportFailureKind.IdleTimeout, pair.Server.Failure!.Kind);
        pair.Close();
    }

    [Fact]
    public void APeerThatSpeaksAndNeverAcknowledgesHoldsNoMoreThanAWindow()
    {
        using Forger forger = Forger.Create();
        forger.Pair.Connect();
        forger.Pair.Open(10, 100_000_000);
        forger.Pair.Network.Run(TimeSpan.FromMilliseconds(100));
        forger.TakeOver();
        for (int i = 0; i < 100; i++)
        {
            forger.Send(FrameWriter.Ping);
            forger.Pair.Network.Run(TimeSpan.FromMilliseconds(500));
        }

        Assert.Null(forger.Victim.Failure);
        Assert.True(forger.Victim.Recovery.BytesInFlight < 1 << 20);
        forger.Pair.Close();
    }

    [Fact]
    public void StreamsThatAreOpenedForEverStopAtTheLimit()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1), server: new QuicPeerOptions { Configure = s => s with { BidirectionalStreams = 50 } });
        pair.Connect();
        int opened = 0;
        while (pair.Client.Session!.Streams.TryOpen(pair.ClientHost.Now) is { } stream)
        {
            opened++;
            stream.NotifyWritable();
        }

        Assert.Equal(50, opened);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(50, pair.Server.Streams.Count);
        Assert.False(pair.HasFailed);
        pair.Close();
    }

    [Fact]
    public void AByteNowAndThenKeepsAConnectionButNotItsMemory()
    {
        // Slow-loris: a thousand streams, a byte each, for ever.
        using Forger forger = Forger.Create().Connect().TakeOver();
        byte[] one = [1];
        long held = forger.Pair.Pool.Outstanding;
        for (int round = 0; round < 4; round++)
        {
            for (int i = 1; i < 1000; i++)
            {
                long id = 4 * i;
                long offset = 1000 + (2 * round);
                forger.Send(room => FrameWriter.Stream(room, id, offset, one, false, false));
            }

            forger.Pair.Network.Run(TimeSpan.FromSeconds(5));
        }

        Assert.Null(forger.Victim.Failure);
        Assert.True(forger.Pair.Pool.Outstanding - held < 1100, $"{forger.Pair.Pool.Outstanding - held} buffers");
        forger.Pair.Close();
    }

    private TimeSpan Transfer(AddressValidationMode policy, bool flood, bool isOneAddress)
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1), server: Options(policy));
        pair.Connect();
        pair.Open(10, 4_000_000);
        List<byte[]> hellos = Hellos(300);
        int sent = 0;
        if (flood)
        {
            // Every millisecond ten, each from elsewhere.
            void Next()
            {
                for (int i = 0; i < PerSecond / 1000; i++)
                {
                    Inject(pair, hellos[sent % hellos.Count], sent++, isOneAddress);
                }

                pair.Network.Schedule(TimeSpan.FromMilliseconds(1), "flood", Next);
            }

            Next();
        }

        TimeSpan taken = pair.Transfer(TimeSpan.FromSeconds(60));
        QuicEndpoint endpoint = pair.Server.Endpoint;
        output.WriteLine(
            $"{sent} first packets, {endpoint.HandshakeCount} handshakes, {endpoint.Counters.RetriesSent} retries, "
            + $"{endpoint.Counters.HandshakesRefused} refused, {endpoint.IdCount} ids, {pair.Pool.Outstanding} buffers");
        Assert.True(endpoint.HandshakeCount <= (policy == AddressValidationMode.Never ? pair.Server.Settings.MaxHandshakes : pair.Server.Settings.RetryThreshold));
        return taken;
    }

    private static QuicPeerOptions Options(AddressValidationMode policy) => new()
    {
        Configure = s => s with { Retry = policy, RetryThreshold = 20, MaxHandshakes = 60, MaxHandshakesPerAddress = 60 },
    };

    /// <summary>First datagrams of real clients.</summary>
    private static List<byte[]> Hellos(int count)
    {
        List<byte[]> hellos = [];
        for (int i = 0; i < count; i++)
        {
            using PacketPoolScope scope = new((ulong)i + 1000);
            hellos.Add(scope.FirstDatagram());
        }

        return hellos;
    }

    private static void Inject(QuicPair pair, byte[] bytes, int number, bool isOneAddress)
    {
        byte[] address = [172, (byte)(isOneAddress ? 0 : number >> 16), (byte)(isOneAddress ? 0 : number >> 8), (byte)(isOneAddress ? 1 : number)];
        Inject(pair, bytes, PeerAddress.FromBytes(address, 1024 + (number % 50_000)));
    }

    private static void Inject(QuicPair pair, byte[] bytes, PeerAddress from)
    {
        PacketBuffer datagram = pair.Pool.Rent();
        bytes.CopyTo(datagram.Append(bytes.Length));
        datagram.Peer = from;
        pair.Server.Receive(datagram, pair.ServerHost.Now);
        datagram.Release();
        pair.ServerHost.Wake();
    }

    private sealed class PacketPoolScope(ulong seed) : IDisposable
    {
        private readonly QuicPair _pair = new(FaultPlans.Named("Clean", seed));

        public byte[] FirstDatagram()
        {
            byte[]? first = null;
            _pair.Forward.OnDatagram = (_, datagram, _) =>
            {
                first ??= datagram.Payload.ToArray();
                return DatagramVerdict.Drop;
            };
            _pair.RunUntil(() => first is not null, TimeSpan.FromSeconds(1));
            return first!;
        }

        public void Dispose() => _pair.Dispose();
    }
}
