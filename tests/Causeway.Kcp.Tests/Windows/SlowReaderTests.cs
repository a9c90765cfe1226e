using Causeway.Kcp.Smux;
using Causeway.Kcp.Tests.Simulation;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Kcp.Tests.Windows;

/// <summary>
/// Readers that are slow or stop, and the others of the same session: at least half of the rate that they have alone, at
/// most twice the delay, and streams that open as ever.
/// </summary>
public sealed class SlowReaderTests(ITestOutputHelper output)
{
    private const long Endless = 1L << 40;
    private const int RequestSize = 200;
    private const int SlowRate = 20_000;

    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly PacketPool _pool = new();

    /// <summary>Who is slow, from when on, and who the other end is.</summary>
    public enum Reader
    {
        /// <summary>Nobody ever reads a byte.</summary>
        Never,

        /// <summary>20 kB/s.</summary>
        Slow,

        /// <summary>Reads at full speed for half a megabyte, as a socket takes it, and then stops.</summary>
        Stops,
    }

    [Theory]
    [InlineData(5, Reader.Never, 100, false)]
    [InlineData(20, Reader.Never, 100, false)]
    [InlineData(200, Reader.Never, 100, false)]
    [InlineData(1000, Reader.Never, 100, false)]
    [InlineData(5, Reader.Never, 100, true)]
    [InlineData(20, Reader.Never, 100, true)]
    [InlineData(200, Reader.Never, 100, true)]
    [InlineData(1000, Reader.Never, 100, true)]
    [InlineData(5, Reader.Slow, 100, false)]
    [InlineData(20, Reader.Slow, 100, true)]
    [InlineData(200, Reader.Slow, 100, false)]
    [InlineData(1000, Reader.Slow, 400, true)]
    [InlineData(20, Reader.Stops, 200, false)]
    [InlineData(200, Reader.Stops, 200, true)]
    public void OthersKeepTheirRateAndDelay(int readers, Reader kind, double megabits, bool peerIsKcptun)
    {
        (double aloneRate, long aloneDelay) = Measure(0, kind, megabits, peerIsKcptun, out _);
        (double rate, long delay) = Measure(readers, kind, megabits, peerIsKcptun, out long granted);
        string figures = $"{readers} {kind}: {rate / 1e6 * 8:F1} of {aloneRate / 1e6 * 8:F1} Mbit/s, first answer after "
            + $"{delay / 1e3:F1} ms, {aloneDelay / 1e3:F1} alone, {granted / 1e6:F1} MB granted";
        output.WriteLine(figures);
        Assert.True(rate >= aloneRate / 2, figures);
        Assert.True(delay <= 2 * aloneDelay, figures);
    }

    /// <summary>smux 1 has no windows: a reader that stops stops all, no sooner than in kcptun, and none once it is gone.</summary>
    [Fact]
    public void InVersionOneTheOthersGoOnWhenTheReaderThatStoppedIsGone()
    {
        FaultModelOptions link = SimulatedLinks.Make(100, 50, queue: 1);
        FaultPlan plan = new() { Name = "SlowReaders", Seed = 1, Forward = link, Backward = link };
        KcpProfile profile = new() { Mux = new SmuxOptions { Version = 1 } };
        using SessionPair pair = new(plan, new SessionEndpointOptions { Profile = profile }, pool: _pool);
        SessionStream stopped = pair.Open(pair.Client, RequestSize, Endless);
        stopped.IsReading = false;
        pair.Network.Run(s_patience);
        Assert.InRange(pair.Client.Session.Streams.BufferedBytes, 4 << 20, 5 << 20);
        SessionStream other = pair.Open(pair.Client, RequestSize, 1_000_000);
        pair.Network.Run(s_patience);
        Assert.Equal(0, other.Read);
        Assert.False(pair.HasFailed);

        stopped.Mux.Abort();
        pair.RunUntil(() => other.Read == 1_000_000, s_patience);
    }

    private (double Rate, long Delay) Measure(int readers, Reader kind, double megabits, bool peerIsKcptun, out long granted)
    {
        FaultModelOptions link = SimulatedLinks.Make(megabits, 50, queue: 1);
        FaultPlan plan = new() { Name = "SlowReaders", Seed = 1, Forward = link, Backward = link };
        KcpProfile profile = new();
        SessionEndpointOptions client = new() { Profile = profile };
        SessionEndpointOptions server = new()
        {
            // kcptun's windows and no extension; what it sends obeys the windows that it is told, as ours does.
            Profile = peerIsKcptun
                ? profile with { Mux = new SmuxOptions { ReceiveBuffer = 4 << 20, StreamBuffer = 2 << 20, HalfCloseExtension = false } }
                : profile,
        };
        using SessionPair pair = new(plan, client, server, _pool);
        List<SessionStream> slow = [];
        SessionStream first = pair.Open(pair.Client, RequestSize, RequestSize);
        pair.RunUntil(() => first.Read == RequestSize, s_patience);
        pair.CloseStreams(s_patience);
        for (int i = 0; i < readers; i++)
        {
            SessionStream stream = pair.Open(pair.Client, RequestSize, Endless);
            stream.IsReading = kind == Reader.Stops;
            slow.Add(stream);
        }

        // Long enough for everything that may come to have come.
        for (int i = 0; i < 100; i++)
        {
            Pace(pair, slow, kind);
        }

        SessionStream quick = pair.Open(pair.Client, RequestSize, Endless);
        for (int i = 0; i < 20; i++)
        {
            Pace(pair, slow, kind);
        }

        long before = quick.Read;
        const int Measured = 40;
        for (int i = 0; i < Measured; i++)
        {
            Pace(pair, slow, kind);
        }

        double rate = (quick.Read - before) / (Measured * s_step.TotalSeconds);
        quick.Mux.Abort();
        for (int i = 0; i < 20; i++)
        {
            Pace(pair, slow, kind);
        }

        Timestamp asked = pair.Network.Clock.Now;
        SessionStream fresh = pair.Open(pair.Client, RequestSize, 10_000);
        while (fresh.Read < 10_000 && pair.Network.Clock.Now - asked < s_patience)
        {
            Pace(pair, slow, kind, s_step / 10);
        }

        long delay = pair.Network.Clock.Now.MicrosecondsSince(asked);
        SmuxSession mux = pair.Client.Session.Streams;
        granted = mux.Budget.Granted;
        long stored = mux.BufferedBytes;
        Assert.InRange(stored, 0, profile.MemoryBudget);
        Assert.InRange(granted, 0, profile.MemoryBudget);
        pair.Check();
        Assert.False(pair.HasFailed);

        // All memory comes back when the streams end.
        foreach (SessionStream stream in pair.Client.Streams.Values)
        {
            stream.Mux.Abort();
        }

        Assert.Equal(0, mux.BufferedBytes);
        Assert.Equal(0, mux.Memory.Held);
        pair.CloseStreams(s_patience);
        Assert.Equal(0, mux.Budget.Granted);
        return (rate, delay);
    }

    /// <summary>A step in which each slow reader takes what it takes in that time.</summary>
    private static void Pace(SessionPair pair, List<SessionStream> slow, Reader kind, TimeSpan? time = null)
    {
        TimeSpan step = time ?? s_step;
        foreach (SessionStream stream in slow)
        {
            if (kind == Reader.Slow)
            {
                long until = (long)(SlowRate * pair.Network.Clock.Now.MicrosecondsSince(Timestamp.Zero) / 1e6);
                while (stream.Read < until && stream.ReadOne())
                {
                }
            }
            else if (kind == Reader.Stops)
            {
                stream.IsReading = stream.Read < 500_000;
            }
        }

        pair.WakeBoth();
        pair.Network.Run(step);
    }
}
