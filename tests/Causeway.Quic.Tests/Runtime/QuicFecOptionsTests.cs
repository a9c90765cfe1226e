namespace Causeway.Quic.Tests.Runtime;

public sealed class QuicFecOptionsTests
{
    [Theory]
    [InlineData(0, 0.25, "Window", "from 1 to 128")]
    [InlineData(129, 0.25, "Window", "from 1 to 128")]
    [InlineData(32, 0.0, "MaxOverhead", "more than 0 and at most 1")]
    [InlineData(32, 1.01, "MaxOverhead", "more than 0 and at most 1")]
    [InlineData(32, double.NaN, "MaxOverhead", "more than 0 and at most 1")]
    public void WhatIsOutOfRangeIsNamed(int window, double overhead, string name, string range)
    {
        QuicFecOptions options = new() { Window = window, MaxOverhead = overhead };
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(options.Validate);
        Assert.Equal(name, error.ParamName);
        Assert.Contains(range, error.Message, StringComparison.Ordinal);

        // A profile asks, too.
        QuicProfile profile = new() { ClientAuthentication = ClientAuthentication.Shared("name", "a secret that is long enough"), Fec = options };
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(profile.Validate).ParamName);
    }

    [Theory]
    [InlineData(1, 0.01)]
    [InlineData(128, 1.0)]
    public void WhatIsJustRightIsTaken(int window, double overhead) =>
        new QuicFecOptions { Window = window, MaxOverhead = overhead }.Validate();

    [Fact]
    public void ItIsOnUnlessItIsSwitchedOff()
    {
        Assert.True(new QuicProfile().Fec.IsEnabled);
        Assert.False(QuicFecOptions.Off.IsEnabled);
        QuicFecOptions.Off.Validate();
    }
}
