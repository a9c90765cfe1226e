using System.Text.Json;
using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>
/// Replays the traces of <c>kcp.json</c>, flushing where kcptun flushed, and compares every datagram and the whole
/// state after each step. Where this ARQ means to differ, <see cref="Differences"/> says where and why.
/// </summary>
public sealed class KcpVectorTests
{
    public enum Deviation
    {
        /// <summary>Outgoing segments always have frg 0.</summary>
        NoFragmentNumbers,

        /// <summary>A read gives what is there instead of a whole message.</summary>
        NoMessageBoundaries,

        /// <summary>kcptun's flush does nothing here.</summary>
        NoIdleFirstFlush,

        /// <summary>Retransmissions leave at other times, with otherwise the same bytes.</summary>
        OtherBackOff,

        /// <summary>The session fails later, and then for good.</summary>
        DeadLinkByTime,

        /// <summary>Something more is sent again.</summary>
        MoreLossFound,
    }

    /// <summary>
    /// Every place where a trace and this ARQ part, with the reason. A test checks that each is needed.
    /// </summary>
    public static IReadOnlyList<(string Scenario, int TimeMs, Deviation Kind, string Reason)> Differences { get; } =
    [
        ("message-fragments", 0, Deviation.NoFragmentNumbers, "only stream mode is spoken: kcptun never sends fragments"),
        ("message-receive", 100, Deviation.NoMessageBoundaries, "fragments of a message are delivered as plain bytes"),
        ("rto-backoff-nodelay0", 610, Deviation.OtherBackOff, "back-off doubles up to 2 s; kcptun adds one RTO each time"),
        ("rto-backoff-nodelay1", 510, Deviation.OtherBackOff, "back-off grows by half up to 2 s; kcptun adds half an RTO"),
        ("dead-link", 20900, Deviation.DeadLinkByTime, "silence for 30 s kills a link; kcptun counts 20 and ignores it"),
        ("fast-retransmit", 95, Deviation.MoreLossFound,
            "the retransmission of 0 was acknowledged, and 4 and 5 were sent before it; kcptun looks at later sn only"),
        ("congestion-window", 10, Deviation.NoIdleFirstFlush, "the window starts at 1, where kcptun gets by its first flush"),
    ];

    // A tick of kcptun's clock in microseconds.
    private const long Tick = 1000;

    public static TheoryData<string> Scenarios => [.. GoldenVectors.Load("kcp.json").GetProperty("scenarios").EnumerateArray()
        .Select(scenario => scenario.GetProperty("name").GetString()!)];

    [Fact]
    public void AllTracesAreThere()
    {
        Assert.Equal(21, Scenarios.Count);
        Assert.All(Differences, difference => Assert.Contains(difference.Scenario, (IEnumerable<string>)Scenarios));
    }

    [Fact]
    public void RttEstimatorGivesKcptunsValuesInMilliseconds()
    {
        int rows = 0;
        foreach (JsonElement table in GoldenVectors.Load("kcp.json").GetProperty("rtt_estimator").EnumerateArray())
        {
            RttEstimator estimator = new(
                Tick, Int(table, "min_rto") * Tick, Int(table, "interval") * Tick, initialRto: 200 * Tick, mostRto: 60_000 * Tick);
            foreach (JsonElement row in table.GetProperty("rows").EnumerateArray())
            {
                estimator.Add(Int(row, "rtt") * Tick);
                Assert.Equal(
                    (Int(row, "srtt") * Tick, Int(row, "rttvar") * Tick, Int(row, "rto") * Tick),
                    (estimator.Smoothed, estimator.Variance, estimator.Rto));
                rows++;
            }
        }

        Assert.Equal(60, rows);
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void TraceMatches(string name)
    {
        JsonElement scenario = GoldenVectors.Load("kcp.json").GetProperty("scenarios").EnumerateArray()
            .Single(element => element.GetProperty("name").GetString() == name);
        using Replay replay = new(scenario);
        replay.Run();
        Assert.Equal(
            Differences.Where(difference => difference.Scenario == name)
                .Select(difference => (difference.TimeMs, difference.Kind)),
            replay.DifferencesMet);
    }

    private static long ToTicks(long microseconds)
    {
        Assert.Equal(0, microseconds % Tick);
        return microseconds / Tick;
    }

    private static long Int(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? value.GetInt64() : 0;

    private sealed class Replay : IDisposable
    {
        private readonly string _name;
        private readonly JsonElement _scenario;
        private readonly JsonElement _config;
        private readonly ArqHarness _harness;
        private readonly ClassicController? _classic;
        private readonly List<(int TimeMs, Deviation Kind)> _met = [];
        private long _flushedAt;

        public Replay(JsonElement scenario)
        {
            _scenario = scenario;
            _name = scenario.GetProperty("name").GetString()!;
            _config = scenario.GetProperty("config");
            bool ackNoDelay = scenario.GetProperty("steps").EnumerateArray()
                .Any(step => step.TryGetProperty("acknodelay", out JsonElement value) && value.GetBoolean());
            ArqOptions options = new()
            {
                Recovery = LossRecovery.Kcp,
                CopyThinStreams = false,
                MaxDatagramSize = (int)Int(_config, "kcp_mtu"),
                NoDelay = Int(_config, "nodelay") != 0,
                Interval = TimeSpan.FromMilliseconds(Int(_config, "interval")),
                FastResend = (int)Int(_config, "resend"),
                SendWindow = (int)Int(_config, "snd_wnd"),
                ReceiveWindow = (int)Int(_config, "rcv_wnd"),
                AckNoDelay = ackNoDelay,
                TimestampResolutionMicroseconds = 1000,
            };
            _classic = Int(_config, "nc") == 0 ? new ClassicController(options.MaxDatagramSize - 24, options.FastResend) : null;
            _harness = new ArqHarness(
                options,
                _classic,
                (uint)Int(_config, "initial_snd_nxt"),
                (uint)Int(_config, "initial_rcv_nxt"));
        }

        public IEnumerable<(int TimeMs, Deviation Kind)> DifferencesMet => _met.Distinct();

        private ArqSession Session => _harness.Session;

        public void Run()
        {
            foreach (JsonElement step in _scenario.GetProperty("steps").EnumerateArray())
            {
                if (!Step(step, (int)Int(step, "t_ms"), step.GetProperty("op").GetString()!))
                {
                    return;
                }

                CheckState(step);
            }
        }

        public void Dispose() => _harness.Dispose();

        // False ends the replay early, after a difference that changes all that follows.
        private bool Step(JsonElement step, int time, string operation)
        {
            // Between the steps of these the trace flushed every interval and sent nothing.
            bool isTicked = _name is "window-probe" or "rto-backoff-nodelay0" or "rto-backoff-nodelay1";
            for (long at = _flushedAt + 30; isTicked && _flushedAt > 0 && at < time; at += 30)
            {
                Assert.Empty(Flush(at));
            }

            switch (operation)
            {
                case "send":
                    Session.Write(step.TryGetProperty("arg_hex", out JsonElement data) ? data.Hex() : []);
                    return true;
                case "recv":
                    Receive(step, time);
                    return true;
                case "input":
                    Input(step, time);
                    return true;
                case "flush_full":
                    return FlushFull(step, time);
                default:
                    Assert.StartsWith("note: 40 segments of 76 bytes", operation, StringComparison.Ordinal);
                    for (int k = 0; k < 40; k++)
                    {
                        Session.Write([.. Enumerable.Range(0, 76).Select(i => unchecked((byte)((7 * i) + 3 + k)))]);
                    }

                    return true;
            }
        }

        private void Receive(JsonElement step, int time)
        {
            long result = Int(step, "ret");
            if (result < 0)
            {
                if (!Differs(time, Deviation.NoMessageBoundaries))
                {
                    Assert.False(Session.TryRead(out _));
                }

                return;
            }

            List<byte> bytes = [];
            while (bytes.Count < result)
            {
                Assert.True(Session.TryRead(out PacketSlice slice));
                bytes.AddRange(slice.Span);
                slice.Release();
            }

            Assert.Equal(step.Hex("data_hex"), bytes);
        }

        private void Input(JsonElement step, int time)
        {
            uint una = Session.SendUnacknowledged;
            bool recovered = step.GetProperty("packet_kind").GetString() == "fec";
            ArqInputResult result = _harness.Input(Timestamp.FromMilliseconds(time), recovered, step.Hex("arg_hex"));
            Assert.Equal(
                Int(step, "ret"),
                result switch
                {
                    ArqInputResult.Ok => 0,
                    ArqInputResult.TooShort or ArqInputResult.WrongConversation => -1,
                    ArqInputResult.BadLength => -2,
                    _ => -3,
                });

            // Where kcptun flushes from inside input(): una moved, or it sent something (docs/wire/kcptun.md 5.6.9).
            if (Session.SendUnacknowledged != una || step.TryGetProperty("out_hex", out _))
            {
                CheckOutput(step, time, Flush(time));
            }
        }

        private bool FlushFull(JsonElement step, int time)
        {
            if (Differs(time, Deviation.NoIdleFirstFlush))
            {
                return true;
            }

            if (Differs(time, Deviation.OtherBackOff))
            {
                CheckBackOff(step);
                return false;
            }

            if (_name == "dead-link")
            {
                // Only its last two transmissions are listed, and their times follow from the back-off.
                RunSilent(step, Timestamp.FromMilliseconds(time));
                if (Differs(time, Deviation.DeadLinkByTime))
                {
                    Assert.Null(Session.Failure);
                    RunSilent(step, Timestamp.Never);
                    Assert.Equal((30_000, ArqFailure.PeerSilent), (_flushedAt, Session.Failure));
                    Assert.True(Session.NextDeadline.IsNever);
                    return false;
                }

                return true;
            }

            CheckOutput(step, time, Flush(time));
            return true;
        }

        private byte[][] Flush(long time)
        {
            _flushedAt = time;
            return _harness.Flush(Timestamp.FromMilliseconds(time));
        }

        private void CheckOutput(JsonElement step, int time, byte[][] output)
        {
            if (_classic is not null)
            {
                return; // The file leaves the bytes of that scenario out.
            }

            string[] expected = step.TryGetProperty("out_hex", out JsonElement list)
                ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
                : [];
            if (Differs(time, Deviation.NoFragmentNumbers))
            {
                // The sixth byte is frg.
                expected = [.. expected.Select(hex => string.Concat(hex.AsSpan(0, 10), "00", hex.AsSpan(12)))];
            }

            if (Differs(time, Deviation.MoreLossFound))
            {
                Assert.Empty(expected);
                Assert.Equal([4u, 5u], ArqHarness.Parse(output).Select(segment => segment.Header.Sequence));
                return;
            }

            Assert.Equal(expected, output.Select(bytes => Convert.ToHexStringLower(bytes)));
        }

        private void CheckBackOff(JsonElement step)
        {
            // The first timeout was kcptun's; from here on by deadlines, with the same bytes but for the timestamp.
            long[] waits = _name.EndsWith('0')
                ? [400, 800, 1600, 2000, 2000]
                : [300, 450, 675, 1012, 1518, 2000, 2000];
            long at = 210_000;
            foreach (long wait in waits)
            {
                Timestamp deadline = Session.NextDeadline;
                Assert.Equal(wait, deadline.MicrosecondsSince(new Timestamp(at)) / 1000);
                Assert.Empty(_harness.Flush(deadline.AddMicroseconds(-1)));
                byte[] datagram = Assert.Single(_harness.Flush(deadline));
                byte[] expected = step.GetProperty("out_hex")[0].Hex();
                Assert.Equal(expected[..8], datagram[..8]);
                Assert.Equal((uint)(deadline.Microseconds / 1000), BitConverter.ToUInt32(datagram, 8));
                Assert.Equal(expected[12..], datagram[12..]);
                at = deadline.Microseconds;
            }
        }

        private void RunSilent(JsonElement step, Timestamp until)
        {
            byte[] expected = step.GetProperty("out_hex")[0].Hex();
            Timestamp now = Timestamp.FromMilliseconds(_flushedAt);
            while (now < until)
            {
                _flushedAt = (now.Microseconds + 999) / 1000;
                foreach (byte[] datagram in Flush(_flushedAt))
                {
                    Assert.Equal(expected[..8], datagram[..8]);
                    Assert.Equal(expected[12..], datagram[12..]);
                }

                now = Session.NextDeadline;
            }
        }

        private void CheckState(JsonElement step)
        {
            JsonElement state = step.GetProperty("state");
            Dictionary<string, long> expected = new()
            {
                ["snd_una"] = Session.SendUnacknowledged,
                ["snd_nxt"] = Session.SendNext,
                ["rcv_nxt"] = Session.ReceiveNext,
                ["rmt_wnd"] = Session.PeerWindow,
                ["srtt"] = ToTicks(Session.Rtt.Smoothed),
                ["rttvar"] = ToTicks(Session.Rtt.Variance),
                ["rto"] = ToTicks(Session.Rtt.Rto),
                ["n_snd_queue"] = Session.SendQueueLength,
                ["n_snd_buf"] = Session.SendBufferLength,
                ["n_rcv_queue"] = Session.ReceiveQueueLength,
                ["n_rcv_buf"] = Session.ReceiveBufferLength,
                ["n_acklist"] = Session.PendingAcks,
            };
            foreach ((string field, long value) in expected)
            {
                Assert.Equal((field, Int(state, field)), (field, value));
            }

            // kcptun's window starts at 0 and is 1 after the first flush.
            if (_classic is not null && Int(state, "cwnd") > 0)
            {
                Assert.Equal(
                    (Int(state, "cwnd"), Int(state, "ssthresh"), Int(state, "incr")),
                    (_classic.Segments, _classic.SlowStartThreshold, _classic.Incremented));
            }
        }

        private bool Differs(int time, Deviation kind)
        {
            bool differs = Differences.Any(entry =>
                entry.Scenario == _name && entry.TimeMs == time && entry.Kind == kind);
            if (differs)
            {
                _met.Add((time, kind));
            }

            return differs;
        }
    }
}
