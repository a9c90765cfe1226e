using System.Net;

namespace Causeway.Forwarding.Tests;

public sealed class ProxyHeaderTests
{
    private const string Signature = "0D0A0D0A000D0A515549540A";

    [Theory]
    [InlineData("192.0.2.1:4660", "198.51.100.2:80", Signature + "2111000C" + "C0000201C6336402" + "12340050")]
    [InlineData("[::ffff:192.0.2.1]:4660", "[::]:80", Signature + "2111000C" + "C000020100000000" + "12340050")]
    [InlineData("[2001:db8::1]:4660", "[2001:db8::2]:80", Signature + "21210024" + "20010DB800000000000000000000000120010DB8000000000000000000000002" + "12340050")]
    [InlineData("[2001:db8::1]:4660", "198.51.100.2:80", Signature + "21210024" + "20010DB800000000000000000000000100000000000000000000000000000000" + "12340050")]
    public void HasTheBytesOfTheSpecification(string source, string destination, string header) =>
        Assert.Equal(header, Convert.ToHexString(ProxyHeader.For(IPEndPoint.Parse(source), IPEndPoint.Parse(destination))));

    [Fact]
    public void WhoHasNoAddressIsUnspecified() => Assert.Equal(Signature + "21000000", Convert.ToHexString(ProxyHeader.For(null, null)));
}
