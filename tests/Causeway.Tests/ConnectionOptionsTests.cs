using System.Net;
using Causeway.Kcp;

namespace Causeway.Tests;

/// <summary>Options that no connection or listener can have.</summary>
public sealed class ConnectionOptionsTests
{
    private static readonly IPEndPoint s_any = new(IPAddress.Loopback, 0);

    public static TheoryData<string, string, Action> BadOptions => new()
    {
        { "StreamBacklog", "0", static () => Listen(new() { Profile = new KcpProfile(), ListenEndPoint = s_any, StreamBacklog = 0 }) },
        { "StreamBacklog", "65537", static () => Listen(new() { Profile = new KcpProfile(), ListenEndPoint = s_any, StreamBacklog = 65537 }) },
        { "CloseTimeout", "-00:00:01", static () => Listen(new() { Profile = new KcpProfile(), ListenEndPoint = s_any, CloseTimeout = TimeSpan.FromSeconds(-1) }) },
        { "MaxConnections", "0", static () => Listen(new() { Profile = new KcpProfile(), ListenEndPoint = s_any, MaxConnections = 0 }) },
        { "ConnectionBacklog", "-1", static () => Listen(new() { Profile = new KcpProfile(), ListenEndPoint = s_any, ConnectionBacklog = -1 }) },
        { "Mtu", "85", static () => Listen(new() { Profile = new KcpProfile() { Mtu = 85 }, ListenEndPoint = s_any }) },
        { "Mtu", "1501", static () => Listen(new() { Profile = new KcpProfile() { Mtu = 1501 }, ListenEndPoint = s_any }) },
        { "RateLimit", "-1", static () => Listen(new() { Profile = new KcpProfile() { RateLimit = -1 }, ListenEndPoint = s_any }) },
        { "Version", "3", static () => Listen(new() { Profile = new KcpProfile() { Mux = new() { Version = 3 } }, ListenEndPoint = s_any }) },
        { "SendWindow", "0", static () => Listen(new() { Profile = new KcpProfile() { Arq = new() { SendWindow = 0 } }, ListenEndPoint = s_any }) },
        { "ReceiveBuffer", "0", static () => Listen(new() { Profile = new KcpProfile() { Mux = new() { ReceiveBuffer = 0 } }, ListenEndPoint = s_any }) },
        { "DataShards", "300", static () => Listen(new() { Profile = new KcpProfile() { Fec = new() { DataShards = 300 } }, ListenEndPoint = s_any }) },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void BadOptionIsNamedWithItsValueAndRange(string option, string value, Action listen)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(listen);
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
        Assert.Contains(value, error.Message, StringComparison.Ordinal);
        Assert.Matches("must (not )?(be|lie) ", error.Message);
    }

    private static void Listen(CausewayListenerOptions options) => CausewayListener.ListenAsync(options).AsTask().GetAwaiter().GetResult();
}
