using Causeway.Testing;

namespace Causeway.Interop.Tests.Quic;

/// <summary>Over links that lose, change and hold back datagrams: with each peer, in each role.</summary>
public sealed class QuicBadLinkInteropTests
{
    private static FaultModelOptions Link { get; } = new() { Delay = TimeSpan.FromMilliseconds(5) };

    [QuicTheory, QuicCase("transferloss")]
    public Task AFileArrivesInSpiteOfLoss(QuicPair pair) => QuicInterop.RunAsync(
        pair, new QuicScenario("transferloss") { Files = [2_000_000], Faults = Link with { Loss = 0.02 } }, static run => run.FetchAsync());

    [QuicTheory, QuicCase("transfercorruption")]
    public Task AFileArrivesInSpiteOfFlippedBits(QuicPair pair) => QuicInterop.RunAsync(
        pair, new QuicScenario("transfercorruption") { Files = [2_000_000], Faults = Link with { Corrupt = 0.02 } }, static run => run.FetchAsync());
}

/// <summary>As many connections as the interop runner makes, all at once, over a link that takes nearly a third of what is sent.</summary>
public sealed class QuicLossyHandshakeInteropTests
{
    private const int Connections = 50;

    [QuicTheory, QuicCase("handshakeloss")]
    public Task ConnectionsComeAboutInSpiteOfLoss(QuicPair pair) =>
        FiftyConnectionsAsync(pair, new QuicScenario("handshakeloss") { Faults = new FaultModelOptions { Loss = 0.3 } });

    [QuicTheory, QuicCase("handshakecorruption")]
    public Task ConnectionsComeAboutInSpiteOfFlippedBits(QuicPair pair) =>
        FiftyConnectionsAsync(pair, new QuicScenario("handshakecorruption") { Faults = new FaultModelOptions { Corrupt = 0.3 } });

    private static Task FiftyConnectionsAsync(QuicPair pair, QuicScenario scenario) => QuicInterop.RunAsync(
        pair,
        scenario with { Files = [1000] },
        static run => run.FetchFromManyAsync(Connections));
}

/// <summary>A round trip of a second and a half.</summary>
public sealed class QuicLongDelayInteropTests
{
    [QuicTheory, QuicCase("longrtt")]
    public Task AFileArrivesFromFarAway(QuicPair pair) => QuicInterop.RunAsync(
        pair,
        new QuicScenario("longrtt") { Faults = new FaultModelOptions { Delay = TimeSpan.FromMilliseconds(750) } },
        static run => run.FetchAsync());
}

/// <summary>A link that is dead for two seconds, in the middle of a transfer.</summary>
public sealed class QuicBlackholeInteropTests
{
    [QuicTheory, QuicCase("blackhole")]
    public Task ATransferGoesOnAfterTwoSecondsOfSilence(QuicPair pair)
    {
        FaultPlan plan = new(TimeSpan.FromSeconds(2));
        int seen = 0;
        QuicScenario scenario = new("blackhole")
        {
            Files = [1_500_000],
            Faults = new FaultModelOptions { RateBitsPerSecond = 20_000_000, Delay = TimeSpan.FromMilliseconds(15) },
            Passes = _ => Interlocked.Increment(ref seen) < 300 || plan.IsOver(),
        };
        return QuicInterop.RunAsync(pair, scenario, static run => run.FetchAsync());
    }
}
