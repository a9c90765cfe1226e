using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Retry, tokens, limits on handshakes (RFC 9000, 8.1).</summary>
public sealed class AddressTests
{
    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    public void AServerThatAlwaysAsksGetsAProofOfTheAddress(string plan)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named(plan, seed), server: Server(s => s with { Retry = AddressValidationMode.Always }));
            pair.Connect();
            Assert.Equal(1, pair.Client.Session!.Statistics.Retries);
            Assert.True(pair.Server.Endpoint.Counters.RetriesSent >= 1);
            Assert.Equal(0, pair.Server.Endpoint.HandshakeCount);
            pair.Open(10_000, 100_000);
            pair.Transfer(TimeSpan.FromSeconds(60));
            pair.Close();
        }
    }

    [Fact]
    public void ATokenOfAnEarlierConnectionSparesTheRetry()
    {
        byte[] key = new byte[32];
        QuicPeerOptions server = Server(s => s with { Retry = AddressValidationMode.Always, TokenKey = key });
        ReadOnlyMemory<byte> token;
        using (QuicPair first = new(FaultPlans.Named("Clean", 1), server: server))
        {
            first.Connect();
            first.RunUntil(() => first.Client.Session!.LatestToken.Length > 0, TimeSpan.FromSeconds(5));
            token = first.Client.Session!.LatestToken.ToArray();
        }

        using QuicPair pair = new(
            FaultPlans.Named("Clean", 2), new QuicPeerOptions { Configure = s => s with { AddressToken = token } }, server);
        pair.Connect();
        Assert.Equal(0, pair.Client.Session!.Statistics.Retries);
        Assert.Equal(1, pair.Server.Endpoint.Counters.TokensAccepted);
        Assert.True(pair.Server.Session!.IsPathValidated);
        pair.Close();
    }

    [Fact]
    public void ATokenOfAnotherAddressIsWorthNothing()
    {
        byte[] key = new byte[32];
        using AddressTokenKeys keys = new(key);
        byte[] token = new byte[AddressTokenKeys.TokenLength];
        keys.WriteNewToken(token, QuicVersion.V1, PeerAddress.FromBytes([192, 0, 2, 1], 1), 0, span => span.Clear());
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 2),
            new QuicPeerOptions { Configure = s => s with { AddressToken = token } },
            Server(s => s with { Retry = AddressValidationMode.Always, TokenKey = key }));
        pair.Connect();
        Assert.Equal(1, pair.Client.Session!.Statistics.Retries);
        Assert.Equal(1, pair.Server.Endpoint.Counters.TokensRefused);
        pair.Close();
    }

    [Fact]
    public void ARetryTokenOfAnotherAddressEndsTheAttempt()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 3), server: Server(s => s with { Retry = AddressValidationMode.Always }));

        // The client's address changes between the Retry and the packet that brings the token.
        pair.Client.Filter = _ =>
        {
            if (pair.Client.Session!.Statistics.Retries == 0)
            {
                pair.ClientHost.Rebind();
            }

            return true;
        };
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(5));
        Assert.Equal((long)TransportErrorCode.InvalidToken, pair.Client.Failure!.ErrorCode);
        Assert.True(pair.Client.Failure.IsByPeer);
        Assert.Equal(0, pair.Server.Endpoint.SessionCount);
        pair.Close();
    }

    [Fact]
    public void AFullServerRefusesByCode()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 4), server: Server(s => s with { MaxHandshakes = 0, Retry = AddressValidationMode.Never }));
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(5));
        Assert.Equal(TransportFailureKind.Refused, pair.Client.Failure!.Kind);
        Assert.Equal((long)TransportErrorCode.ConnectionRefused, pair.Client.Failure.ErrorCode);
        Assert.Equal(0, pair.Server.Endpoint.SessionCount);
        Assert.Equal(0, pair.Server.Endpoint.IdCount);
        pair.Close();
    }

    [Fact]
    public void AHandshakeThatIsNotCompletedEndsAtItsDeadline()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 5));

        // Nothing of the server arrives.
        pair.Client.Filter = static _ => false;
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(20));
        Assert.Equal(TransportFailureKind.DeadLink, pair.Client.Failure!.Kind);
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(20));
        Assert.True(pair.Server.Session!.Statistics.OutBytes <= 3 * pair.Server.Session.Statistics.InBytes);
        pair.Close();
    }

    [Fact]
    public void AnAddressThatIsNotProvedGetsThreeTimesWhatItSent()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 6));
        int sent = 0;
        pair.Forward.OnDatagram = (_, _, _) => sent++ == 0 ? DatagramVerdict.Pass : DatagramVerdict.Drop;
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(20));
        Assert.InRange(pair.Server.Session!.Statistics.OutBytes, 1200, 3 * pair.Server.Session.Statistics.InBytes);
        pair.Close();
    }

    private static QuicPeerOptions Server(Func<QuicSettings, QuicSettings> configure) => new() { Configure = configure };
}
