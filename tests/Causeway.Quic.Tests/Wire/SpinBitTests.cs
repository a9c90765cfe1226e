using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class SpinBitTests
{
    [Fact]
    public void TurnsOnceInEachRoundTrip()
    {
        SpinBit client = new(EndpointRole.Client, isEnabled: true, random: false);
        SpinBit server = new(EndpointRole.Server, isEnabled: true, random: false);
        byte expected = 0;
        for (int round = 0; round < 10; round++)
        {
            Assert.Equal(expected, client.Bit);
            server.OnOpened((byte)(HeaderBits.Fixed | client.Bit), round);
            Assert.Equal(expected, server.Bit);
            client.OnOpened((byte)(HeaderBits.Fixed | server.Bit), round);
            expected ^= HeaderBits.Spin;
        }
    }

    [Fact]
    public void LatePacketsDoNotTurnIt()
    {
        SpinBit server = new(EndpointRole.Server, isEnabled: true, random: true);
        Assert.Equal(0, server.Bit);
        server.OnOpened(HeaderBits.Spin, 5);
        server.OnOpened(0, 4);
        Assert.Equal(HeaderBits.Spin, server.Bit);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void StandsStillWhereItIsDisabled(bool random)
    {
        SpinBit client = new(EndpointRole.Client, isEnabled: false, random);
        for (int number = 0; number < 3; number++)
        {
            Assert.Equal(random ? HeaderBits.Spin : 0, client.Bit);
            client.OnOpened(0, number);
        }
    }
}
