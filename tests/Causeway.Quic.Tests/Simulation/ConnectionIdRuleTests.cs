using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Tests.Simulation.Attacks;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Connection ids of all lengths, and what is done with those that a peer issues (RFC 9000, 5.1).</summary>
public sealed class ConnectionIdRuleTests
{
    [Theory]
    [InlineData(0, 8, false)]
    [InlineData(0, 20, true)]
    [InlineData(20, 20, false)]
    [InlineData(4, 5, true)]
    public void IdsHaveAnyLength(int client, int server, bool retries)
    {
        foreach (string plan in new[] { "Clean", "Lossy5", "Reordering" })
        {
            using QuicPair pair = new(
                FaultPlans.Named(plan, 3),
                new QuicPeerOptions { Configure = s => s with { IdLength = client } },
                new QuicPeerOptions { Configure = s => s with { IdLength = server, Retry = retries ? AddressValidationMode.Always : AddressValidationMode.Never } });
            pair.Connect();
            Assert.Equal(client, pair.Client.Session!.SourceId.Length);
            pair.Open(200_000, 200_000);
            pair.Network.Schedule(TimeSpan.FromMilliseconds(60), "rebind", () => pair.ClientHost.Rebind());
            pair.Transfer(TimeSpan.FromSeconds(30));
            Assert.Equal(pair.ClientHost.Address, pair.Server.Session!.CurrentPath.Remote);
            pair.Close();
        }
    }

    [Fact]
    public void APeerWithIdsOfNoLengthMustNotIssueMore()
    {
        using Forger forger = Forger.Create(ownIdLength: 0).Connect().TakeOver();
        forger.Send(room => FrameWriter.NewConnectionId(room, 1, 0, new ConnectionId([1, 2, 3]), new StatelessResetToken(new byte[16])));
        forger.ExpectClose(TransportErrorCode.ProtocolViolation);
    }

    [Fact]
    public void EachEndGivesTheOtherSpareIds()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        pair.Network.Run(TimeSpan.FromMilliseconds(200));

        // Four of each session, and the one that the client began with.
        Assert.Equal(5, pair.Server.Endpoint.IdCount);
        Assert.Equal(4, pair.Client.Endpoint.IdCount);
        pair.Client.Dispose();
        pair.Server.Dispose();
        Assert.Equal(0, pair.Server.Endpoint.IdCount);
        Assert.Equal(0, pair.Client.Endpoint.IdCount);
    }

    [Fact]
    public void AMoveChangesTheIdAndTheOldOneIsRetired()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(5));
        List<string> before = [];
        List<string> after = [];
        List<string> current = before;
        pair.Backward.OnDatagram = (_, datagram, _) =>
        {
            if ((datagram.Payload[0] & HeaderBits.Long) == 0)
            {
                current.Add(Convert.ToHexString(datagram.Payload.Slice(1, 8)));
            }

            return DatagramVerdict.Pass;
        };
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(5));
        pair.ClientHost.Rebind();
        current = after;
        pair.Open(1000, 100_000);
        pair.Transfer(TimeSpan.FromSeconds(5));
        Assert.NotEmpty(before);
        Assert.NotEmpty(after);
        Assert.DoesNotContain(before[0], after.TakeLast(5));
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(1, pair.Client.Session!.Statistics.ConnectionIdsRetired);
        Assert.Equal(4, pair.Client.Endpoint.IdCount);
        pair.Close();
    }

    [Fact]
    public void AReasonOfAPeerBreaksNoLog()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        byte[] reason = [.. "a\r\nb\u001b[2Jc"u8, .. new byte[1000]];
        forger.Send(room => FrameWriter.ApplicationClose(room, 5, reason));
        Assert.Equal(5, forger.Victim.Failure!.ErrorCode);
        Assert.True(forger.Victim.Failure.IsApplicationError);
        Assert.DoesNotContain(forger.Victim.Failure.Reason, static c => char.IsControl(c));
        Assert.True(forger.Victim.Failure.Reason.Length <= 256);
        forger.Pair.Close();
    }

    [Fact]
    public void AnEarlyHandshakeDoneIsDropped()
    {
        // A server's Finished is lost, and HANDSHAKE_DONE comes in its place: nothing can be opened yet.
        using Forger forger = Forger.Create(EndpointRole.Server);
        forger.Pair.Connect();
        forger.TakeOver();
        forger.Send(EncryptionLevel.Handshake, [FrameWriter.HandshakeDone, static room => FrameWriter.Padding(room, 10)]);
        Assert.Null(forger.Victim.Failure);
        forger.Pair.Close();
    }
}
