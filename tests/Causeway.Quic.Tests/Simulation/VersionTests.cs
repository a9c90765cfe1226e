using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Versions 1 and 2, and how ends agree on one (RFC 9368, RFC 9369).</summary>
public sealed class VersionTests
{
    private const QuicVersion V1 = QuicVersion.V1;
    private const QuicVersion V2 = QuicVersion.V2;

    public static TheoryData<string, string, string, bool, bool> Cases => new()
    {
        { "1", "1", "1", false, false },
        { "2", "2", "2", false, false },
        { "12", "12", "1", false, false },
        { "12", "21", "2", false, false },
        { "21", "12", "1", false, false },
        { "12", "21", "2", true, false },
        { "12", "2", "2", false, true },
        { "21", "1", "1", false, true },
        { "12", "2", "2", true, true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void EndsAgreeOnAVersion(string client, string server, string expected, bool retries, bool negotiates)
    {
        string[] plans = ["Clean", "Lossy5", "Reordering", "Duplicating"];
        foreach (string plan in plans)
        {
            for (ulong seed = 1; seed <= 4; seed++)
            {
                using QuicPair pair = new(
                    FaultPlans.Named(plan, seed),
                    new QuicPeerOptions { Configure = s => s with { Versions = Parse(client) } },
                    new QuicPeerOptions
                    {
                        Configure = s => s with { Versions = Parse(server), Retry = retries ? AddressValidationMode.Always : AddressValidationMode.Never },
                    });
                pair.Connect();
                Assert.Equal(Parse(expected)[0], pair.Client.Session!.Version);
                Assert.Equal(Parse(expected)[0], pair.Server.Session!.Version);
                Assert.Equal(negotiates ? 1 : 0, pair.Client.Session.Statistics.VersionsNegotiated);
                pair.Open(20_000, 50_000);
                pair.Transfer(TimeSpan.FromSeconds(60));
                pair.Close();
            }
        }
    }

    [Fact]
    public void EndsWithoutACommonVersionSaySo()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            new QuicPeerOptions { Configure = s => s with { Versions = [V1] } },
            new QuicPeerOptions { Configure = s => s with { Versions = [V2] } });
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(5));
        Assert.Equal((long)TransportErrorCode.VersionNegotiationError, pair.Client.Failure!.ErrorCode);
        Assert.Equal(TransportFailureKind.Protocol, pair.Client.Failure.Kind);
        pair.Close();
    }

    [Fact]
    public void AForgedVersionNegotiationIsFoundOut()
    {
        // Somebody on the path answers the first packet before the server does, and lists only the version that he can break.
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        bool isDone = false;
        pair.Forward.OnDatagram = (_, datagram, _) =>
        {
            if (isDone)
            {
                return DatagramVerdict.Pass;
            }

            isDone = true;
            PacketBuffer forged = pair.Pool.Rent();
            InvariantHeader.TryRead(datagram.Payload, 8, out InvariantHeader header);
            int length = VersionNegotiationPacket.Write(forged.Append(200), in header, [V2], 7);
            forged.Truncate(length);
            pair.Client.Receive(forged, pair.ClientHost.Now);
            forged.Release();
            return DatagramVerdict.Drop;
        };
        pair.RunUntil(() => pair.HasFailed, TimeSpan.FromSeconds(10));
        Assert.Equal((long)TransportErrorCode.VersionNegotiationError, pair.Client.Failure!.ErrorCode);
        pair.Close();
    }

    [Fact]
    public void AForgedPacketOfAnotherVersionChangesNothing()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        bool isDone = false;
        pair.Forward.OnDatagram = (_, datagram, _) =>
        {
            if (!isDone)
            {
                isDone = true;
                InvariantHeader.TryRead(datagram.Payload, 8, out InvariantHeader header);
                PacketBuffer forged = pair.Pool.Rent();
                Span<byte> room = forged.Append(1200);
                room.Clear();
                int offset = PacketHeaderWriter.WriteLong(
                    room, PacketType.Initial, V2, true, new ConnectionId(header.SourceId), default, default, 0, 1);
                PacketHeaderWriter.SetLength(room, offset);
                pair.Client.Receive(forged, pair.ClientHost.Now);
                forged.Release();
            }

            return DatagramVerdict.Pass;
        };
        pair.Connect();
        Assert.Equal(V1, pair.Client.Session!.Version);
        Assert.Equal(1, pair.Client.Session.Statistics.PacketsUnopened);
        pair.Close();
    }

    private static QuicVersion[] Parse(string versions) => [.. versions.Select(digit => digit == '1' ? V1 : V2)];
}
