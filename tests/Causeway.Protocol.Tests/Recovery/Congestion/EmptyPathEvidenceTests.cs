using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>When the smallest round-trip time passes for that of an empty path.</summary>
public sealed class EmptyPathEvidenceTests
{
    private const long FullQueue = 98_000;
    private const long EmptyPath = 50_000;

    [Fact]
    public void AQueueThatIsAlwaysFullProvesNothing()
    {
        EmptyPathEvidence evidence = new();
        for (int i = 0; i < 100; i++)
        {
            evidence.AddRound(FullQueue + (i * 20));
        }

        Assert.False(evidence.Supports(FullQueue));
    }

    [Theory]
    [InlineData(EmptyPath + (EmptyPath / 4) + 999, false)]
    [InlineData(EmptyPath + (EmptyPath / 4) + 1000, true)]
    public void AQueueThatWasSeenIsEvidence(long longest, bool isProven)
    {
        EmptyPathEvidence evidence = new();
        evidence.AddRound(longest);
        evidence.AddRound(EmptyPath);
        Assert.Equal(isProven, evidence.Supports(EmptyPath));
    }

    [Theory]
    [InlineData(EmptyPath, true)]
    [InlineData(EmptyPath + 2500, true)]
    [InlineData(EmptyPath - 2600, false)]
    [InlineData(EmptyPath + 2600, false)]
    public void APauseThatShowsTheSameIsEvidence(long leastInPause, bool isProven)
    {
        EmptyPathEvidence evidence = new();
        evidence.AddSample(1);
        evidence.BeginPause(EmptyPath);
        evidence.AddSample(leastInPause + 5000);
        evidence.AddSample(leastInPause);
        evidence.EndPause();
        Assert.Equal(isProven, evidence.Supports(EmptyPath));
    }

    [Fact]
    public void APauseWithoutSamplesIsNoEvidence()
    {
        EmptyPathEvidence evidence = new();
        evidence.BeginPause(EmptyPath);
        evidence.EndPause();
        Assert.False(evidence.Supports(EmptyPath));
    }
}
