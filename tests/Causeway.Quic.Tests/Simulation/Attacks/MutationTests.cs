using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Tests.Handshake;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation.Attacks;

/// <summary>
/// Somebody on the path changes, cuts and repeats packets: nothing throws, nothing of it is taken, and the connection goes on.
/// </summary>
public sealed class MutationTests
{
    // Each run changes a byte of so many; together they change all.
    private const int Runs = 79;

    // A handshake and what follows it: every type of packet there is.
    private const int MostChanged = 8;

    /// <summary>Each datagram of a handshake and a short transfer, which together have every type of packet.</summary>
    public static TheoryData<bool, bool> Ways => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Ways))]
    public void ABitFlippedAnywhereIsNoticed(bool byServer, bool retries)
    {
        for (int run = 0; run < Runs; run++)
        {
            Run(run, byServer, retries, static (datagram, position) => datagram.Payload[position] ^= (byte)(1 << (position % 8)));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void ADatagramCutAnywhereIsNoticed(bool byServer, bool retries)
    {
        for (int run = 0; run < Runs; run++)
        {
            Run(run, byServer, retries, static (datagram, position) => datagram.Truncate(position));
        }
    }

    [Fact]
    public void EveryByteOfA1RttPacketCounts()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        pair.Open(2000, 2000);
        pair.Transfer(TimeSpan.FromSeconds(5));
        byte[]? sample = null;
        pair.Forward.OnDatagram = (_, datagram, _) =>
        {
            sample ??= datagram.Length > 500 ? datagram.Payload.ToArray() : null;
            return sample is null ? DatagramVerdict.Pass : DatagramVerdict.Drop;
        };
        pair.Open(2000, 10);
        pair.RunUntil(() => sample is not null, TimeSpan.FromSeconds(5));
        long received = pair.Server.Session!.Statistics.PacketsReceived;
        for (int bit = 0; bit < sample!.Length * 8; bit++)
        {
            byte[] changed = [.. sample];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Inject(pair, pair.Server, changed);
        }

        for (int length = 0; length < sample.Length; length++)
        {
            Inject(pair, pair.Server, sample.AsSpan(0, length));
        }

        Assert.Equal(received, pair.Server.Session.Statistics.PacketsReceived);
        Assert.Null(pair.Server.Failure);
        Inject(pair, pair.Server, sample);
        Assert.Equal(received + 1, pair.Server.Session.Statistics.PacketsReceived);
        pair.Forward.OnDatagram = null;
        pair.Transfer(TimeSpan.FromSeconds(10));
        pair.Close();
    }

    [Theory]
    [InlineData("Clean", false)]
    [InlineData("Reordering", false)]
    [InlineData("Lossy5", false)]
    [InlineData("Clean", true)]
    public void OldPacketsComeAgainAtAnyTime(string plan, bool retries)
    {
        for (ulong seed = 1; seed <= 4; seed++)
        {
            using QuicPair pair = new(
                FaultPlans.Named(plan, seed),
                server: new QuicPeerOptions { Configure = s => s with { Retry = retries ? AddressValidationMode.Always : AddressValidationMode.UnderLoad } });
            SeededRandom random = new(seed);
            List<(QuicPeer To, byte[] Bytes)> seen = [];
            foreach ((SimulatedPath path, QuicPeer to) in new[] { (pair.Forward, pair.Server), (pair.Backward, pair.Client) })
            {
                path.OnDatagram = (_, datagram, _) =>
                {
                    byte[] bytes = datagram.Payload.ToArray();
                    seen.Add((to, bytes));
                    if (seen.Count < 30 || random.Next(8) == 0)
                    {
                        pair.Network.Schedule(TimeSpan.FromMilliseconds(random.Next(1500)), "again", () => Inject(pair, to, bytes));
                    }

                    return DatagramVerdict.Pass;
                };
            }

            pair.Connect();
            pair.Open(500_000, 500_000);
            pair.Server.Session!.UpdateKeys();
            pair.Transfer(TimeSpan.FromSeconds(60));

            // All of them again, long after.
            pair.Network.Run(TimeSpan.FromSeconds(3));
            foreach ((QuicPeer to, byte[] bytes) in seen)
            {
                Inject(pair, to, bytes);
            }

            Assert.False(pair.HasFailed);
            pair.Forward.OnDatagram = null;
            pair.Backward.OnDatagram = null;
            pair.Open(1000, 1000);
            pair.Transfer(TimeSpan.FromSeconds(30));
            pair.Close();
        }
    }

    /// <summary>
    /// Completes a connection while changed copies go before each of its first datagrams: by all runs together, at every byte.
    /// </summary>
    private static void Run(int run, bool byServer, bool retries, Action<PacketBuffer, int> change)
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            server: new QuicPeerOptions { Configure = s => s with { Retry = retries ? AddressValidationMode.Always : AddressValidationMode.Never } });
        int count = 0;
        (SimulatedPath path, QuicPeer to) = byServer ? (pair.Backward, pair.Client) : (pair.Forward, pair.Server);
        path.OnDatagram = (_, datagram, _) =>
        {
            for (int position = run; position < datagram.Length && count < MostChanged; position += Runs)
            {
                PacketBuffer copy = pair.Pool.Rent();
                datagram.Payload.CopyTo(copy.Append(datagram.Length));
                copy.Peer = byServer ? pair.ServerHost.Address : pair.ClientHost.Address;
                change(copy, position);
                to.Receive(copy, byServer ? pair.ClientHost.Now : pair.ServerHost.Now);
                (byServer ? pair.ClientHost : pair.ServerHost).Wake();
                copy.Release();
            }

            count++;
            return DatagramVerdict.Pass;
        };
        pair.Connect();
        Assert.False(pair.HasFailed, $"run {run}: {pair.Client} {pair.Server}");
        pair.Open(1500, 1500);
        pair.Transfer(TimeSpan.FromSeconds(20));
        pair.Close();
    }

    private static void Inject(QuicPair pair, QuicPeer to, ReadOnlySpan<byte> bytes)
    {
        bool toServer = ReferenceEquals(to, pair.Server);
        PacketBuffer copy = pair.Pool.Rent();
        bytes.CopyTo(copy.Append(bytes.Length));
        copy.Peer = toServer ? pair.ClientHost.Address : pair.ServerHost.Address;
        to.Receive(copy, toServer ? pair.ServerHost.Now : pair.ClientHost.Now);
        copy.Release();
        (toServer ? pair.ServerHost : pair.ClientHost).Wake();
    }
}
