using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic.Recovery;

namespace Causeway.Quic.Tests.Recovery;

/// <summary>A <see cref="LossRecovery"/> with a clock, a controller that lets everything leave, and a note of what it says.</summary>
internal sealed class RecoveryBench : ISentFrameOwner
{
    public RecoveryBench(EndpointRole role = EndpointRole.Server)
    {
        Recovery = new LossRecovery(role, Controller, this, 1200) { IsConfirmed = true, IsAddressValidatedByPeer = true };
    }

    public LossRecovery Recovery { get; }

    public NotingController Controller { get; } = new();

    public Timestamp Now { get; set; } = new(1_000_000);

    /// <summary>The numbers of packets whose frames were acknowledged, lost, or to be repeated by a probe.</summary>
    public List<long> Acknowledged { get; } = [];

    public List<long> Lost { get; } = [];

    public List<long> Unanswered { get; } = [];

    public void Send(int packets, PacketSpaceId id = PacketSpaceId.Application, int size = 1200, bool isEliciting = true)
    {
        for (int i = 0; i < packets; i++)
        {
            PacketNumberSpace space = Recovery[id];
            QuicSentPacket packet = Recovery.Rent();
            packet.Number = space.NextNumber;
            packet.Space = id;
            packet.Size = size;
            packet.IsAckEliciting = isEliciting;
            packet.IsInFlight = isEliciting;
            packet.Add(new SentFrame { Kind = SentFrameKind.Stream, Value = packet.Number });
            Recovery.OnSent(packet, Now);
        }
    }

    public bool Ack(params (long Low, long High)[] ranges) => Ack(PacketSpaceId.Application, 0, ranges);

    public bool Ack(PacketSpaceId id, long delay, params (long Low, long High)[] ranges)
    {
        long largest = ranges[0].High;
        if (!Recovery.BeginAck(id, largest, Now))
        {
            return false;
        }

        foreach ((long low, long high) in ranges)
        {
            Recovery.AckRange(low, high);
        }

        Recovery.EndAck(largest, delay);
        return true;
    }

    public void Wait(long microseconds) => Now = Now.AddMicroseconds(microseconds);

    /// <summary>Goes to the next deadline and lets it pass; questions for a sign of life count for nothing.</summary>
    /// <returns>How long it was until then.</returns>
    public long TimeOut()
    {
        Timestamp start = Now;
        do
        {
            if (Recovery.IsSilenceProbeDue)
            {
                SilenceProbes++;
                Recovery.OnSilenceProbeSent(Now);
            }

            Now = Recovery.Deadline;
        }
        while (!Recovery.OnTimeout(Now) && Recovery.IsSilenceProbeDue);
        return Now.MicrosecondsSince(start);
    }

    /// <summary>Questions for a sign of life that left.</summary>
    public int SilenceProbes { get; private set; }

    /// <summary>One round trip of so long, so that there is a sample.</summary>
    public RecoveryBench Measured(long rtt)
    {
        Send(1);
        Wait(rtt);
        long number = Recovery[PacketSpaceId.Application].NextNumber - 1;
        Ack((number, number));
        Acknowledged.Clear();
        return this;
    }

    void ISentFrameOwner.OnAcknowledged(in SentFrame frame) => Acknowledged.Add(frame.Value);

    void ISentFrameOwner.OnLost(in SentFrame frame) => Lost.Add(frame.Value);

    void ISentFrameOwner.OnUnanswered(in SentFrame frame) => Unanswered.Add(frame.Value);

    internal sealed class NotingController : CongestionController
    {
        public List<LossEvent> Losses { get; } = [];

        public List<AckEvent> Acks { get; } = [];

        public int Undone { get; private set; }

        public override long Window => 1 << 30;

        public override void OnLoss(in LossEvent e) => Losses.Add(e);

        public override void OnAck(in AckEvent e) => Acks.Add(e);

        public override void OnSpuriousLoss(Timestamp now) => Undone++;
    }
}
