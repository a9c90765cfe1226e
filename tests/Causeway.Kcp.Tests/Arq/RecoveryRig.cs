using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>The sending classes of a session, without the session. Segments have 100 bytes; ticks are microseconds.</summary>
internal sealed class RecoveryRig : IDisposable
{
    public const int SegmentSize = 100;

    public RecoveryRig(ArqOptions? options = null, int window = 64)
    {
        Options = options ?? new ArqOptions { MaxDatagramSize = SegmentSize + SegmentHeader.Size, CopyThinStreams = false };
        Window = new SendWindow(new SendRing(Pool, Options.SegmentSize, initialSequence: 0), window) { Peer = window };
        Recovery = new ArqRecovery(Options, Window, Controller, Statistics, new WireClock(resolution: 1));
        Peer = new PeerWatch(Options, Recovery.Rtt, initialSequence: 0);
        Sender = new ArqSender(Options, Window, Controller, Recovery, Peer, Statistics);
    }

    public ArqOptions Options { get; }

    public PacketPool Pool { get; } = new(track: true, stackTraces: false);

    public RecordingController Controller { get; } = new();

    public ArqStatistics Statistics { get; } = new();

    public SendWindow Window { get; }

    public ArqRecovery Recovery { get; }

    public PeerWatch Peer { get; }

    public ArqSender Sender { get; }

    public ListSink Sink { get; } = new();

    public static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    public void Write(int segments) => Sender.Write(new byte[segments * SegmentSize]);

    /// <summary>Sends what may leave, and gives the sequence numbers of the segments.</summary>
    public uint[] Send(Timestamp now)
    {
        ListSink sink = Sink;
        SegmentWriter writer = new(
            conversation: 1, unacknowledged: 0, window: 1, ackMark: 0, dataMark: 0, (uint)now.Microseconds, Options.MaxDatagramSize);
        Sender.TrySend(ref sink, ref writer, now);
        writer.Complete(ref sink);
        return [.. sink.Take().Select(static datagram => SegmentHeader.Read(datagram).Sequence)];
    }

    /// <summary>Takes acknowledgements that echo the time at which their segments left, as those of one datagram.</summary>
    public AckRun Acknowledge(Timestamp now, uint una, params ReadOnlySpan<uint> sequences)
    {
        AckRun run = default;
        run.Begin(now, (uint)now.Microseconds, recovered: false);
        foreach (uint sequence in sequences)
        {
            Recovery.OnAck(ref run, sequence, Window.Ring[sequence].SentTicks);
        }

        Recovery.AdvanceTo(ref run, una);
        if (run.Segments > 0)
        {
            Recovery.OnProgress();
        }

        if (run.RttMicroseconds >= 0)
        {
            Recovery.AddSample(run.RttMicroseconds);
        }

        return run;
    }

    public void Dispose()
    {
        Recovery.Clear();
        Window.Ring.Clear();
        Pool.ThrowIfOutstanding();
    }

    /// <summary>Lets anything leave unless told otherwise, and keeps what it is told.</summary>
    public sealed class RecordingController : CongestionController
    {
        public List<LossEvent> Losses { get; } = [];

        public long Limit { get; set; } = long.MaxValue;

        public override long Window => Limit;

        public override void OnLoss(in LossEvent e) => Losses.Add(e);
    }
}
