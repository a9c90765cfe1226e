namespace Causeway.Tests;

/// <summary>When a connection that could not be made is tried again.</summary>
public sealed class RetryPolicyTests
{
    private static readonly TransportException s_passing = new(TransportError.DeadLink, "");

    [Theory]
    [InlineData(1, 0.1)]
    [InlineData(2, 0.2)]
    [InlineData(7, 6.4)]
    [InlineData(8, 10)]
    [InlineData(1_000_000, 10)]
    public void TheDefaultDoublesTheTimeFromWhichItDraws(int failures, double longest)
    {
        Assert.Equal(TimeSpan.Zero, Delay(RetryPolicy.Default, failures, 0));
        Assert.Equal(TimeSpan.FromSeconds(longest / 2), Delay(RetryPolicy.Default, failures, 0.5));
    }

    [Fact]
    public void WhatCannotHelpIsNotTried()
    {
        TransportException lasting = new(TransportError.ProtocolViolation, "") { ErrorCode = 0x12a };
        Assert.Null(RetryPolicy.Default.NextDelay(new RetryContext { Error = lasting, Failures = 1 }));
        Assert.Null(Delay(RetryPolicy.None, 1, 0));
    }

    [Fact]
    public void ALimitIsKept()
    {
        RetryPolicy twice = RetryPolicy.Exponential(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), limit: 2);
        Assert.Equal(TimeSpan.FromSeconds(1), Delay(twice, 2, 1));
        Assert.Null(Delay(twice, 3, 1));
    }

    [Fact]
    public void ArgumentsAreChecked()
    {
        TimeSpan second = TimeSpan.FromSeconds(1);
        Assert.Throws<ArgumentOutOfRangeException>("first", () => RetryPolicy.Exponential(TimeSpan.Zero, second));
        Assert.Throws<ArgumentOutOfRangeException>("last", () => RetryPolicy.Exponential(second, second / 2));
        Assert.Throws<ArgumentOutOfRangeException>("last", () => RetryPolicy.Exponential(second, TimeSpan.FromDays(2)));
        Assert.Throws<ArgumentOutOfRangeException>("limit", () => RetryPolicy.Exponential(second, second, -1));
    }

    private static TimeSpan? Delay(RetryPolicy policy, int failures, double random) =>
        policy.NextDelay(new RetryContext { Error = s_passing, Failures = failures, Random = random });
}
