using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Quic.Recovery;

/// <content>What the peer acknowledges (RFC 9002, A.7).</content>
internal sealed partial class LossRecovery
{
    private PacketNumberSpace? _acked;
    private long _ackedBytes;
    private int _ackedPackets;
    private int _ackedEcnCapable;
    private bool _hasNewEliciting;
    private bool _hasOldestMoved;
    private QuicSentPacket? _largestNew;
    private Timestamp _ackedAt;

    /// <summary>
    /// Whether the peer acknowledged a number that was left out on purpose: it acknowledges what it did not get (RFC 9000, 21.4).
    /// </summary>
    public bool HasAckedSkipped { get; private set; }

    /// <summary>Begins to read an ACK frame.</summary>
    /// <returns>False if it acknowledges a packet that was never sent: PROTOCOL_VIOLATION (RFC 9000, 13.1).</returns>
    public bool BeginAck(PacketSpaceId id, long largest, Timestamp now)
    {
        _acked = _spaces[(int)id];
        if (largest >= _acked.NextNumber)
        {
            return false;
        }

        _ackedBytes = 0;
        _ackedPackets = 0;
        _ackedEcnCapable = 0;
        _hasNewEliciting = false;
        _hasOldestMoved = false;
        _largestNew = null;
        _ackedAt = now;
        _heardAt = now;
        _silence.OnHeard();
        IsSilenceProbeDue = false;
        _acked.LargestAcknowledged = Math.Max(_acked.LargestAcknowledged, largest);
        return true;
    }

    /// <summary>The ACK frame's next range, both ends included. Ranges come in descending order.</summary>
    public void AckRange(long low, long high)
    {
        PacketNumberSpace space = _acked!;
        HasAckedSkipped |= space.HasSkipped(low, high);
        while (space.Sent.FindHighest(low, high) is { } packet)
        {
            high = packet.Number - 1;
            Acknowledge(space, packet);
        }
    }

    /// <summary>The ACK frame is over.</summary>
    /// <param name="largest">The largest number that it acknowledged.</param>
    /// <param name="ackDelay">How long the peer says it held it back, in microseconds.</param>
    /// <returns>Packets newly acknowledged that had left capable of ECN marks.</returns>
    public int EndAck(long largest, long ackDelay)
    {
        PacketNumberSpace space = _acked!;
        Timestamp now = _ackedAt;
        QuicSentPacket? newest = _largestNew;
        if (newest is null)
        {
            return 0;
        }

        // RFC 9002, 5.1: only from the largest number, if it is new and something in the frame had to be acknowledged.
        long rtt = -1;
        if (newest.Number == largest && _hasNewEliciting && newest.Transmission > _pathBegan)
        {
            rtt = Math.Max(1, now.MicrosecondsSince(newest.SentAt));
            long counted = space.Id == PacketSpaceId.Initial ? 0 : IsConfirmed ? Math.Min(ackDelay, PeerMaxAckDelay) : ackDelay;
            Rtt.Add(rtt, counted);
        }

        // RFC 9002, 6.2.1: not while the server may still be waiting for a proof of the address.
        if (Role == EndpointRole.Server || IsAddressValidatedByPeer || space.Id != PacketSpaceId.Initial)
        {
            _backOff = 0;
        }

        Return(newest);
        _largestNew = null;
        DetectLosses(space, now);
        ReportAck(rtt, now);
        Qlog?.RecoveryChanged(this, now);
        return _ackedEcnCapable;
    }

    /// <summary>The peer reports newly marked packets, in an ACK frame that was validated (RFC 9000, 13.4.2).</summary>
    public void OnEcnMarks(int marked, int received, Timestamp now)
    {
        EcnEvent e = new()
        {
            Now = now,
            Marked = marked,
            Received = received,
            BytesInFlight = BytesInFlight,
            SmoothedRttMicroseconds = Rtt.HasSample ? Rtt.Smoothed : 0,
            SegmentSize = DatagramSize,
        };
        _controller.OnEcnMarks(in e);
    }

    private void Acknowledge(PacketNumberSpace space, QuicSentPacket packet)
    {
        bool wasLost = packet.State == SentPacketState.Lost;
        if (packet.IsInFlight)
        {
            if (wasLost)
            {
                OnSpurious(space, packet);
            }
            else
            {
                BytesInFlight -= packet.Size;
                _hasOldestMoved |= packet.Previous is null;
                space.Unlink(packet);
                space.ElicitingInFlight -= packet.IsAckEliciting ? 1 : 0;
                _lossMeter.Add(wasLost: false);
                _fates.Judged++;
            }

            if (packet.Transmission > _pathBegan)
            {
                _sampler.OnAcknowledged(packet, isNewest: true, isTimely: !wasLost, _ackedAt);
                _ackedBytes += packet.Size;
                _ackedPackets++;
            }

            _ackedEcnCapable += packet.IsEcnCapable ? 1 : 0;
            _hasNewEliciting |= packet.IsAckEliciting;
        }

        foreach (ref readonly SentFrame frame in packet.Frames)
        {
            _frames.OnAcknowledged(in frame);
        }

        space.Sent.Remove(packet);

        // Ranges come in descending order, so that the first one is the largest.
        if (_largestNew is null)
        {
            _largestNew = packet;
        }
        else
        {
            Return(packet);
        }
    }

    private void OnSpurious(PacketNumberSpace space, QuicSentPacket packet)
    {
        SpuriousLosses++;
        _fates.Lost--;
        long distance = space.LargestAcknowledged - packet.Number;
        _reordering = (int)Math.Clamp(distance + 1, _reordering, MostReordering);
        long late = _ackedAt.MicrosecondsSince(packet.SentAt);
        while (_patience < MostPatience && Rtt.LossDelay(_patience) < late)
        {
            _patience++;
        }

        if (_episode.OnResolved(wasSpurious: true))
        {
            _controller.OnSpuriousLoss(_ackedAt);
        }
    }

    private void ReportAck(long rtt, Timestamp now)
    {
        if (_ackedPackets == 0)
        {
            return;
        }

        AckEvent e = new()
        {
            Now = now,
            Bytes = _ackedBytes,
            Segments = _ackedPackets,
            IsCumulativeAdvance = _hasOldestMoved,
            Delivered = _sampler.Delivered,
            Lost = _sampler.Lost,
            Rate = _sampler.Take(),
            IsCongestionLimited = _isCongestionLimited,
            BytesInFlight = BytesInFlight,
            RttMicroseconds = rtt,
            SmoothedRttMicroseconds = Rtt.HasSample ? Rtt.Smoothed : 0,
            PeerWindowSegments = int.MaxValue,
            SegmentSize = DatagramSize,
        };
        _isAckReported = true;
        _controller.OnAck(in e);
    }
}
