using System.Text.Json;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>
/// The recorded scenarios of smux.json. With the half-close extension on, the session may add NOPs with a stream id,
/// which every reference implementation ignores; everything else must be the same frames in the same order.
/// </summary>
public sealed class SmuxVectorTests
{
    public static TheoryData<string, bool> Scenarios()
    {
        TheoryData<string, bool> data = [];
        foreach (JsonElement scenario in GoldenVectors.Load("smux.json").GetProperty("scenarios").EnumerateArray())
        {
            data.Add(scenario.GetProperty("name").GetString()!, false);
            data.Add(scenario.GetProperty("name").GetString()!, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void BehavesAsRecorded(string name, bool extension)
    {
        JsonElement scenario = GoldenVectors.Load("smux.json").GetProperty("scenarios").EnumerateArray()
            .Single(e => e.GetProperty("name").GetString() == name);
        using Run run = new(scenario, extension);
        foreach (JsonElement step in scenario.GetProperty("steps").EnumerateArray())
        {
            run.Step(step);
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly PacketPool _pool = new(track: true);
        private readonly RecordingOutput _output = new();
        private readonly SmuxSession _session;
        private readonly SmuxOptions _options;
        private Timestamp _now;
        private TransportStream? _stream;
        private int _unread;

        public Run(JsonElement scenario, bool extension)
        {
            _options = new SmuxOptions
            {
                Version = scenario.GetProperty("version").GetInt32(),
                MaxFrameSize = scenario.GetProperty("max_frame_size").GetInt32(),
                ReceiveBuffer = scenario.GetProperty("max_receive_buffer").GetInt32(),
                StreamBuffer = scenario.GetProperty("max_stream_buffer").GetInt32(),
                HalfCloseExtension = extension,
            };
            EndpointRole role = scenario.GetProperty("role").GetString() == "client" ? EndpointRole.Client : EndpointRole.Server;
            _session = new SmuxSession(role, _options, _pool, _now);
        }

        public void Step(JsonElement step)
        {
            if (step.TryGetProperty("peer_sends_hex", out JsonElement bytes))
            {
                _session.Receive(_pool, bytes.Hex(), _now);
                _session.Flush(_output, _now);
            }

            Act(step.GetProperty("op").GetString()!);
            _session.Flush(_output, _now);
            List<SentFrame> sent = _output.Take();
            sent.RemoveAll(static f => f.Header is { Command: SmuxCommand.Nop, StreamId: > 0 });
            if (step.TryGetProperty("frames_summary", out _))
            {
                AssertSummary(step.GetProperty("op").GetString()!, sent);
                return;
            }

            JsonElement[] expected = step.TryGetProperty("frames_sent", out JsonElement frames)
                ? [.. frames.EnumerateArray()]
                : [];
            Assert.Equal(
                expected.Select(static f => f.GetProperty("header_hex").GetString()),
                sent.Select(static f => Convert.ToHexStringLower(MuxTestExtensions.Frame(
                    f.Header.Version, f.Header.Command, f.Header.StreamId, f.Payload)[..SmuxFrame.HeaderSize])));
            int offset = 0;
            foreach ((JsonElement wanted, SentFrame frame) in expected.Zip(sent))
            {
                byte[] payload = wanted.TryGetProperty("payload_hex", out _)
                    ? wanted.Hex("payload_hex")
                    : GoldenVectors.Pattern(offset + frame.Payload.Length)[offset..];
                Assert.Equal(payload, frame.Payload);
                offset += frame.Payload.Length;
            }
        }

        public void Dispose()
        {
            _session.Dispose();
            _pool.ThrowIfOutstanding();
        }

        private static void AssertSummary(string op, List<SentFrame> sent)
        {
            if (op.StartsWith("write 300000", StringComparison.Ordinal))
            {
                Assert.Equal(
                    Enumerable.Repeat(8192, 32),
                    sent.Where(static f => f.Header.Command == SmuxCommand.Psh).Select(static f => f.Payload.Length));
            }
            else
            {
                Assert.Equal([8192, 8192, 8192, 8192, 5088], sent.Select(static f => f.Payload.Length));
            }
        }

        private void Act(string op)
        {
            switch (op)
            {
                case "open stream" or "open another stream":
                    Open();
                    break;
                case "write ASCII hello":
                    _stream!.Send("hello"u8);
                    break;
                case "write of zero bytes sends nothing":
                    _stream!.Send([]);
                    break;
                case "write 20000 pattern bytes":
                    _stream!.Send(GoldenVectors.Pattern(20000));
                    break;
                case "write 300000 bytes":
                    Open();
                    _session.Flush(_output, _now);
                    _stream!.Send(GoldenVectors.Pattern(300000));
                    break;
                case "close" or "local close":
                    _stream!.Close();
                    _session.Flush(_output, _now);
                    Assert.True(_stream.IsClosed);
                    break;
                case "peer sends FIN for stream 5, then the local side writes":
                    Assert.True(_stream!.IsReadFinished);
                    Assert.True(_stream.IsWriteFinished);
                    Assert.Contains(new StreamEvent(StreamEventKind.WritesStopped, _stream), _session.Events());
                    _stream.Send("lost"u8);
                    break;
                case "peer opens stream 3 and sends 100 pattern bytes; local read with a 60-byte buffer":
                    _stream = _session.Events().Single(static e => e.Kind == StreamEventKind.Accepted).Stream!;
                    Assert.Equal(3u, _stream.Id);
                    Read(60);
                    break;
                case "read again":
                    Read(40);
                    break;
                case "peer sends PSH of 459 bytes; read":
                    _session.Receive(_pool, MuxTestExtensions.Frame(2, SmuxCommand.Psh, 3, new byte[459]), _now);
                    Read(459);
                    break;
                case "peer sends PSH of 1 byte; read":
                    _session.Receive(_pool, MuxTestExtensions.Frame(2, SmuxCommand.Psh, 3, new byte[1]), _now);
                    Read(1);
                    break;
                case "peer sends 3 bytes and FIN; two reads":
                    Assert.False(_stream!.IsReadFinished);
                    Assert.Equal("bye"u8, _stream.ReadAll());
                    Assert.True(_stream.IsReadFinished);
                    break;
                case "peer still sends data for the closed stream 3, then opens stream 5":
                    Assert.Equal(4, _session.Statistics.BytesDiscarded);
                    Assert.Equal([5u], Accepted());
                    break;
                case "peer sends UPD consumed=100000 window=200000":
                    break;
                case "peer claims more consumed than sent (300001), then the local side writes":
                    Assert.Equal(StreamResetReason.ConsumedMoreThanSent, _stream!.ResetReason);
                    Assert.True(_stream.IsWriteFinished);
                    Assert.Contains(new StreamEvent(StreamEventKind.Reset, _stream), _session.Events());
                    _stream.Send("lost"u8);

                    // The reference waits with its FIN for the close; here the failed stream is over at once.
                    _session.Flush(_output, _now);
                    Assert.Equal(SmuxCommand.Fin, Assert.Single(_output.Take()).Header.Command);
                    break;
                case "after one interval":
                    _now += _options.KeepAliveInterval;
                    break;
                case "after the timeout without any frame from the peer":
                    // The silence is watched turn by turn: one long step would be a process that was stopped.
                    while (_session.NextDeadline < Timestamp.Zero + _options.KeepAliveTimeout)
                    {
                        _now = _session.NextDeadline;
                        _session.Flush(_output, _now);
                        _output.Take();
                    }

                    _now = Timestamp.Zero + _options.KeepAliveTimeout;
                    _session.Flush(_output, _now);
                    Assert.Equal(StreamFailureKind.KeepAliveTimeout, _session.Failure?.Kind);
                    break;
                case "peer sends":
                    Assert.True(_session.Failure?.Kind is StreamFailureKind.InvalidProtocol or StreamFailureKind.WrongVersion);
                    break;
                case "peer sends SYN with length 4 and no payload, then a normal SYN":
                    // This library sides with smux 1.5.57 here, which the note mentions.
                    Assert.Equal(StreamFailureKind.InvalidProtocol, _session.Failure?.Kind);
                    Assert.Empty(Accepted());
                    break;
                default:
                    Assert.Fail($"The test does not know the step '{op}'.");
                    break;
            }
        }

        private void Open()
        {
            _stream = _session.TryOpen(_now)!;
            _stream.Source = new ArraySource();
        }

        private List<uint> Accepted() =>
            [.. _session.Events().Where(static e => e.Kind == StreamEventKind.Accepted).Select(static e => (uint)e.Stream!.Id)];

        private void Read(int count)
        {
            while (_stream!.TryRead(out PacketSlice slice))
            {
                _unread += slice.Length;
                slice.Release();
            }

            Assert.True(_unread >= count);
            _unread -= count;
            _stream.Consumed(count);
        }
    }
}
