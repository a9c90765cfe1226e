using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class TunnelRuleTests
{
    [Theory]
    [InlineData("10.0.0.0/8:22", "10.9.8.7:22", true)]
    [InlineData("10.0.0.0/8:22", "10.9.8.7:23", false)]
    [InlineData("10.0.0.0/8:22", "11.0.0.1:22", false)]
    [InlineData("[fd00::/8]:1-9", "[fd12::1]:9", true)]
    [InlineData("[fd00::/8]:1-9", "[fe80::1]:9", false)]
    [InlineData("[fd00::/8]:1-9", "10.0.0.1:9", false)]
    [InlineData("192.0.2.1:80,443", "192.0.2.1:443", true)]
    [InlineData("192.0.2.1:80,443", "192.0.2.2:443", false)]
    [InlineData("[::1]:*", "[::1]:0", true)]
    [InlineData("0.0.0.0/0:*", "[::1]:1", false)]
    [InlineData("db.example:5432", "DB.example.:5432", true)]
    [InlineData("db.example:5432", "xdb.example:5432", false)]
    [InlineData("*.example:443", "a.b.example:443", true)]
    [InlineData("*.example:443", "example:443", false)]
    [InlineData("*.example:443", "anexample:443", false)]
    [InlineData("*.example:443", "192.0.2.1:443", false)]
    [InlineData("*:443", "192.0.2.1:443", true)]
    [InlineData("*:443", "a:443", true)]
    [InlineData("*:443", "a:444", false)]
    [InlineData("*", "a:444", true)]
    [InlineData("*", "[2001:db8::1]:1", true)]
    [InlineData("*", "/run/docker.sock", false)]
    [InlineData("/run/a.sock", "/run/a.sock", true)]
    [InlineData("/run/a.sock", "/run/../run/a.sock", false)]
    [InlineData("@name", "@name", true)]
    [InlineData("localhost:80", "localhost:80", true)]
    [InlineData("localhost:80", "127.0.0.1:80", true)]
    [InlineData("localhost:80", "[::1]:80", true)]
    [InlineData("localhost:80", "0.0.0.0:80", false)]
    [InlineData("udp:*", "a:53", false)]
    [InlineData("tcp:a:53", "a:53", true)]
    public void TargetsAreAllowedAsTheRuleSays(string rule, string target, bool isAllowed) => Assert.Equal(
        isAllowed, TunnelTargetRule.Parse(rule).Allows(ProtocolType.Tcp, ForwardEndPoint.Parse(target).EndPoint));

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData(":80")]
    [InlineData("a:")]
    [InlineData("a:b")]
    [InlineData("a:65536")]
    [InlineData("a:9-1")]
    [InlineData("a:1,,2")]
    [InlineData("10.0.0.1/8:80")]
    [InlineData("::1:80")]
    [InlineData("[::1:80")]
    public void ARuleThatSaysNothingIsRefused(string rule) => Assert.Throws<FormatException>(() => TunnelTargetRule.Parse(rule));

    [Theory]
    [InlineData("8080", "127.0.0.1:8080", true)]
    [InlineData("8080", "[::1]:8080", true)]
    [InlineData("8080", "0.0.0.0:8080", false)]
    [InlineData("8080", "127.0.0.1:8081", false)]
    [InlineData("0,8000-8100", "127.0.0.1:0", true)]
    [InlineData("8000-8100", "127.0.0.1:0", false)]
    [InlineData("*:8080", ":8080", true)]
    [InlineData("*:8080", "192.0.2.1:8080", true)]
    [InlineData("192.0.2.1:8080", "192.0.2.1:8080", true)]
    [InlineData("192.0.2.1:8080", "192.0.2.2:8080", false)]
    [InlineData("0.0.0.0:8080", "192.0.2.2:8080", false)]
    [InlineData("[2001:db8::1]:*", "[2001:db8::1]:1", true)]
    [InlineData("udp:8080", "127.0.0.1:8080", false)]
    [InlineData("/run/a.sock", "/run/a.sock", true)]
    [InlineData("*:*", "/run/a.sock", false)]
    public void ListeningIsAllowedAsTheRuleSays(string rule, string address, bool isAllowed) => Assert.Equal(
        isAllowed, TunnelListenRule.Parse(rule).Allows(ProtocolType.Tcp, ForwardEndPoint.Parse(address).EndPoint));

    [Theory]
    [InlineData("")]
    [InlineData("host:80")]
    [InlineData("x")]
    [InlineData("127.0.0.1:")]
    public void AListeningRuleThatSaysNothingIsRefused(string rule) => Assert.Throws<FormatException>(() => TunnelListenRule.Parse(rule));

    [Theory]
    [InlineData("8080:host:80", "127.0.0.1:8080", "host:80", false)]
    [InlineData(":8080:host:80", "[::]:8080", "host:80", false)]
    [InlineData("*:8080:host:80", "[::]:8080", "host:80", false)]
    [InlineData("localhost:8080:[::1]:80", "127.0.0.1:8080", "[::1]:80", false)]
    [InlineData("[::1]:0:[2001:db8::1]:80", "[::1]:0", "[2001:db8::1]:80", false)]
    [InlineData("udp:53:192.0.2.1:53", "127.0.0.1:53", "192.0.2.1:53", true)]
    [InlineData("tcp:8080:/run/a.sock", "127.0.0.1:8080", "/run/a.sock", false)]
    [InlineData("/tmp/b.sock:host:80", "/tmp/b.sock", "host:80", false)]
    [InlineData("/tmp/b.sock:/run/a.sock", "/tmp/b.sock", "/run/a.sock", false)]
    public void TunnelsAreParsed(string text, string listen, string target, bool isUdp)
    {
        TunnelForward forward = TunnelForward.Parse(text);
        Assert.Equal(listen, TunnelStream.Text(forward.Listen.EndPoint));
        Assert.Equal(target, TunnelStream.Text(forward.Target?.EndPoint));
        Assert.Equal(isUdp, forward.IsUdp);
    }

    [Theory]
    [InlineData("")]
    [InlineData("8080")]
    [InlineData("8080:host")]
    [InlineData("a:b:c:d:e")]
    [InlineData("8080::80")]
    [InlineData("x:host:80")]
    [InlineData("8080:host:x")]
    [InlineData("udp:53:/run/a.sock")]
    public void ATunnelThatLeadsNowhereIsRefused(string text) => Assert.Throws<FormatException>(() => TunnelForward.Parse(text));

    [Fact]
    public void TheDefaultPolicyAllowsNothing()
    {
        TunnelPolicy policy = new();
        Assert.False(policy.Allows(ProtocolType.Tcp, new IPEndPoint(IPAddress.Loopback, 80)));
        Assert.False(policy.AllowsListening(ProtocolType.Tcp, new IPEndPoint(IPAddress.Loopback, 80)));
    }
}
