using Causeway.Kcptun.Configuration;

namespace Causeway.Kcptun.Tests.Configuration;

public sealed class EndpointTests
{
    [Theory]
    [InlineData("vps:29900", "vps", 29900, 29900)]
    [InlineData("203.0.113.1:3000-4000", "203.0.113.1", 3000, 4000)]
    [InlineData(":29900", "", 29900, 29900)]
    [InlineData("[::1]:29900", "::1", 29900, 29900)]
    [InlineData("[fe80::1%eth0]:1-65535", "fe80::1%eth0", 1, 65535)]
    [InlineData("host:5-5", "host", 5, 5)]
    public void ReadsHostsWithPorts(string value, string host, int min, int max)
    {
        EndpointRange range = EndpointRange.Parse(value, "remoteaddr");
        Assert.Equal(new EndpointRange(host, min, max), range);
        Assert.Equal(max - min + 1, range.PortCount);
        Assert.Equal(range, EndpointRange.Parse(range.ToString(), "remoteaddr"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:4000-3000")]
    [InlineData("host:3000-")]
    [InlineData("host:-4000")]
    [InlineData("host:3000 - 4000")]
    [InlineData("host:30004000")]
    [InlineData("host:000080")]
    [InlineData("host:+80")]
    [InlineData("host:3000-4000-5000")]
    [InlineData("host:80 ")]
    [InlineData("::1:29900")]
    [InlineData("[::1]29900")]
    [InlineData("[]:29900")]
    [InlineData("a b:29900")]
    [InlineData("[[::1]]:29900")]
    public void RefusesEverythingElseAndNamesIt(string value)
    {
        KcptunConfigException thrown = Assert.Throws<KcptunConfigException>(() => EndpointRange.Parse(value, "remoteaddr"));
        Assert.StartsWith($"remoteaddr is \"{value}\"; expected ", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PicksEveryPortOfTheRange()
    {
        EndpointRange range = EndpointRange.Parse("host:65530-65535", "remoteaddr");
        Random random = new(12);
        int[] picks = new int[range.PortCount];
        for (int i = 0; i < 6000; i++)
        {
            picks[range.PickPort(random) - range.MinPort]++;
        }

        Assert.All(picks, static count => Assert.InRange(count, 800, 1200));
    }

    [Theory]
    [InlineData(":12948", "", 12948)]
    [InlineData("localhost:80", "localhost", 80)]
    [InlineData("[::]:0", "::", 0)]
    public void ReadsTcpAddresses(string value, string host, int port)
    {
        StreamAddress address = StreamAddress.Parse(value, "localaddr");
        Assert.Null(address.Path);
        Assert.Equal((host, port), (address.Host, address.Port));
        Assert.Equal(value, address.ToString());
    }

    [Theory]
    [InlineData("/run/kcptun.sock")]
    [InlineData("kcptun.sock")]
    [InlineData("/run/with:80")]
    [InlineData("::1:80")]
    [InlineData("./a b:1")]
    public void TakesWhatIsNoHostAndPortForAPath(string value)
    {
        StreamAddress address = StreamAddress.Parse(value, "target");
        Assert.Equal(value, address.Path);
        Assert.Equal(value, address.ToString());
    }

    [Theory]
    [InlineData("", "target is empty; expected host:port or the path of a Unix domain socket")]
    [InlineData("localhost:http", "target is \"localhost:http\"; expected a port from 0 to 65535 behind the colon")]
    [InlineData("localhost:65536", "target is \"localhost:65536\"; expected a port from 0 to 65535 behind the colon")]
    public void RefusesPortsThatAreNone(string value, string message) =>
        Assert.Equal(message, Assert.Throws<KcptunConfigException>(() => StreamAddress.Parse(value, "target")).Message);
}
