using Causeway.Forwarding.Tunnels;
using Causeway.PortForwarder.Forward;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class RstunMappingTests
{
    [Theory]
    [InlineData("OUT^8080^10.0.0.1:80", false, "127.0.0.1:8080", "10.0.0.1:80")]
    [InlineData("OUT^0.0.0.0:8080^80", false, "0.0.0.0:8080", "127.0.0.1:80")]
    [InlineData("OUT^[::1]:8080^ANY", false, "[::1]:8080", null)]
    [InlineData("IN^22^0.0.0.0:2222", true, "0.0.0.0:2222", "127.0.0.1:22")]
    public void MappingsAreTunnels(string text, bool isReverse, string listen, string? target)
    {
        (bool actual, TunnelForward forward) = Assert.Single(RstunMapping.ParseAll("tcp-mappings", [text], isUdp: false));
        Assert.Equal(isReverse, actual);
        Assert.Equal(listen, forward.Listen.EndPoint.ToString());
        Assert.Equal(target, forward.Target?.EndPoint.ToString());
        Assert.False(forward.IsUdp);
    }

    [Fact]
    public void SeveralStandInOneValue()
    {
        (bool IsReverse, TunnelForward Forward)[] all = [.. RstunMapping.ParseAll("udp-mappings", ["OUT^1^ANY,IN^2^3", "OUT^4^5"], isUdp: true)];
        Assert.Equal([false, true, false], all.Select(static each => each.IsReverse));
        Assert.All(all, static each => Assert.True(each.Forward.IsUdp));
    }

    [Theory]
    [InlineData("out^1^2")]
    [InlineData("OUT^1")]
    [InlineData("OUT^1^host:2")]
    [InlineData("OUT^ANY^2")]
    [InlineData("IN^1^ANY")]
    [InlineData("OUT^^2")]
    [InlineData("OUT^:1^2")]
    [InlineData("OUT^/a/path^2")]
    public void WhatIsNoMappingIsRefused(string text) =>
        Assert.Throws<UsageException>(() => RstunMapping.ParseAll("tcp-mappings", [text], isUdp: false).ToArray());
}
