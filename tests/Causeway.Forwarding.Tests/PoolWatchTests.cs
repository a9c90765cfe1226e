using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.TestKit;

namespace Causeway.Forwarding.Tests;

/// <summary>What a forwarder logs of its pool, in the words of the reference.</summary>
public sealed class PoolWatchTests
{
    private static readonly EndPoint s_local = new IPEndPoint(IPAddress.Loopback, 1234);
    private readonly ListLogger _logger = new();

    [Fact]
    public void FailuresToConnectAreLogged()
    {
        PoolWatch watch = new(_logger);
        watch.OnEvent(new ConnectionPoolEvent
        {
            Kind = ConnectionPoolEventKind.ConnectFailed,
            Error = new TransportException(TransportError.ConnectFailed, "no such name"),
            RetryDelay = TimeSpan.Zero,
        });
        watch.OnEvent(new ConnectionPoolEvent
        {
            Kind = ConnectionPoolEventKind.GaveUp,
            Error = new TransportException(TransportError.ProtocolViolation, "another key"),
        });
        Assert.Equal(["re-connecting: no such name", "cannot connect, and trying again would not help: another key"], _logger.Lines);
    }

    [Theory]
    [InlineData(false, false, false, "session ended: {0}: gone")]
    [InlineData(true, false, false, "session ended: {0}: gone", "scavenger: session normally closed: 127.0.0.1:1234")]
    [InlineData(true, true, false, "scavenger: session normally closed: 127.0.0.1:1234")]
    [InlineData(false, true, false)]
    [InlineData(true, false, true, "scavenger: session closed due to ttl: 127.0.0.1:1234")]
    public async Task EndsAreLoggedAsTheReferenceDoes(bool logsEnds, bool isReplaced, bool hasExpired, params string[] lines)
    {
        VirtualTimeProvider time = new();
        CausewayConnection connection = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
            CreateLink = static _ => InMemoryLink.CreatePair().First,
            TimeProvider = time,
        });
        List<CausewayConnection> expiring = [];
        new PoolWatch(_logger) { LogsEnds = logsEnds, Expiring = expiring.Add }.OnEvent(new ConnectionPoolEvent
        {
            Kind = hasExpired ? ConnectionPoolEventKind.Expired : ConnectionPoolEventKind.Ended,
            Connection = connection,
            LocalEndPoint = s_local,
            Error = hasExpired ? null : new TransportException(TransportError.DeadLink, "gone"),
            IsReplaced = isReplaced,
        });
        Assert.Equal(lines.Select(line => line.Replace("{0}", connection.ToString(), StringComparison.Ordinal)), _logger.Lines);
        Assert.Equal(hasExpired ? [connection] : [], expiring);
        await connection.CloseAsync().Guarded();
    }

    [Fact]
    public void LimitsOfThePoolHaveTheForwardersNames()
    {
        ForwardClientOptions options = new() { Listen = ForwardEndPoint.From(new IPEndPoint(IPAddress.Loopback, 0)), Connection = static () => null! };
        foreach ((ForwardClientOptions wrong, string said) in new[]
        {
            (options with { Connections = 0 }, "Connections must be from 1 to 65535."),
            (options with { AutoExpire = TimeSpan.FromSeconds(-1) }, "AutoExpire must be from 0 to 365 days."),
            (options with { ScavengeTtl = TimeSpan.FromSeconds(-1) }, "ScavengeTtl must be from 0 to 365 days."),
        })
        {
            ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => ForwardClient.Start(wrong));
            Assert.StartsWith(said, error.Message, StringComparison.Ordinal);
        }
    }
}
