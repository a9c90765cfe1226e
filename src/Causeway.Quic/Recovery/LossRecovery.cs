using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Quic.Recovery;

/// <summary>
/// Loss detection and congestion control of a connection (RFC 9002), over its three packet number spaces. It decides what is
/// lost, when to probe and how much may leave; what goes again is up to the <see cref="ISentFrameOwner"/>.
/// </summary>
/// <remarks>
/// Beyond the RFC: a packet that was deemed lost is remembered for a while. If it is acknowledged after all, the loss was none:
/// the window reduction is undone (RFC 4015), and the thresholds grow, as RFC 9002, 6.1 allows and RFC 8985, 6.2 does for time.
/// </remarks>
internal sealed partial class LossRecovery
{
    // RFC 9002, 6.1.1.
    private const int LeastReordering = 3;
    private const int MostReordering = 300;

    // RFC 9002, 6.1.2: 9/8 of a round trip, up to twice when that proved too little.
    private const int LeastPatience = 9;
    private const int MostPatience = 16;

    // RFC 9002, 7.6.1.
    private const int PersistentThreshold = 3;

    // RFC 9002, 6.2.4: two, so that a loss of the first does not cost another, longer timeout.
    private const int ProbesPerTimeout = 2;

    // Packets of nothing but acknowledgements are remembered up to this many: nobody acknowledges them by themselves.
    private const int MostUnacknowledgedAcks = 128;

    // Beyond this the timeout does not double: a path that comes back is noticed soon (docs/design/loss-recovery.md).
    private const int MostBackOff = 16;

    // On long paths it does not double beyond this either, or the idle timeout would pass with a handful of probes, all of which a
    // bad path may lose.
    private const long LongestBackOff = 2_000_000;

    // A client that checks a certificate is not asked for more meanwhile.
    private const long LeastBeforeEndProbe = 100_000;

    private readonly ISentFrameOwner _frames;
    private readonly Pacer _pacer;
    private readonly DeliveryRateSampler _sampler = new();
    private readonly LossMeter _lossMeter = new();
    private readonly SilenceProbe _silence = new();
    private readonly Stack<QuicSentPacket> _free = new();
    private readonly PacketNumberSpace[] _spaces;
    private CongestionController _controller;
    private LossEpisode _episode;
    private long _pathBegan;
    private long _transmissions;
    private PacketFates _fates;
    private long _lastLost = -1;
    private int _reordering = LeastReordering;
    private int _patience = LeastPatience;
    private int _backOff;
    private int _endProbes;
    private Timestamp _probeBase = Timestamp.LongAgo;
    private bool _isCongestionLimited;
    private bool _isAckReported;
    private bool _ranDry;
    private Timestamp _flushedAt;
    private Timestamp _heardAt = Timestamp.LongAgo;
    private Timestamp _waitsSince;

    /// <summary>Makes it, with nothing sent.</summary>
    /// <param name="role">A client probes before the server can (RFC 9002, 6.2.2.1).</param>
    /// <param name="controller">Decides how much may leave.</param>
    /// <param name="frames">Hears what became of frames.</param>
    /// <param name="datagramSize">Bytes of a full datagram.</param>
    public LossRecovery(EndpointRole role, CongestionController controller, ISentFrameOwner frames, int datagramSize)
    {
        Role = role;
        _controller = controller;
        _frames = frames;
        _pacer = new Pacer(datagramSize);
        DatagramSize = datagramSize;
        _spaces = [new(PacketSpaceId.Initial), new(PacketSpaceId.Handshake), new(PacketSpaceId.Application)];
    }

    /// <summary>Which end this is.</summary>
    public EndpointRole Role { get; }

    /// <summary>The round-trip time.</summary>
    public QuicRtt Rtt { get; } = new();

    /// <summary>Bytes of a full datagram.</summary>
    public int DatagramSize { get; set; }

    /// <summary>Bytes in flight (RFC 9002, 2).</summary>
    public long BytesInFlight { get; private set; }

    /// <summary>The longest that the peer says it holds acknowledgements back, in microseconds.</summary>
    public long PeerMaxAckDelay { get; set; } = 25_000;

    /// <summary>Whether the handshake is confirmed (RFC 9001, 4.1.2): only then application data is probed for.</summary>
    public bool IsConfirmed { get; set; }

    /// <summary>
    /// Whether the peer knows that this end's address is real: from then on a client need not probe for the server's sake.
    /// </summary>
    public bool IsAddressValidatedByPeer { get; set; }

    /// <summary>Whether this end has keys to send Handshake packets.</summary>
    public bool HasHandshakeKeys { get; set; }

    /// <summary>Timeouts in a row without an acknowledgement.</summary>
    public int Timeouts => _backOff;

    /// <summary>Packets that were deemed lost.</summary>
    public long PacketsLost { get; private set; }

    /// <summary>Of those, the ones that had arrived.</summary>
    public long SpuriousLosses { get; private set; }

    /// <summary>Probe timeouts.</summary>
    public long ProbeTimeouts { get; private set; }

    /// <summary>The share of packets lost of late, 0 to 1.</summary>
    public double LossRate => _lossMeter.Rate;

    /// <summary>What became of application packets since this was last asked.</summary>
    public PacketFates TakeFates()
    {
        PacketFates fates = _fates;
        _fates = default;
        return fates;
    }

    /// <summary>How much may be in flight.</summary>
    public long CongestionWindow => _controller.Window;

    /// <summary>Whether packets that leave should be capable of congestion marks.</summary>
    public bool AnswersMarks => _controller.AnswersMarks;

    /// <summary>Three probe timeouts, after which what was left of something old is given up (RFC 9000, 10.2).</summary>
    public long ThreeProbeTimeouts => 3 * (Rtt.ProbeTimeout + PeerMaxAckDelay);

    /// <summary>A space.</summary>
    public PacketNumberSpace this[PacketSpaceId id] => _spaces[(int)id];

    /// <summary>Whether a full datagram may leave as far as window and pacing go.</summary>
    public bool CanSend(Timestamp now)
    {
        bool isInWindow = BytesInFlight + DatagramSize <= Math.Max(_controller.Window, DatagramSize);
        IsPaced = isInWindow && !_pacer.CanSend(_controller.PacingRate, now);
        return isInWindow && !IsPaced;
    }

    /// <summary>Whether the pacer alone held back what <see cref="CanSend"/> was last asked for.</summary>
    public bool IsPaced { get; private set; }

    /// <summary>When the pacer lets the next burst out.</summary>
    public Timestamp PacedUntil => _pacer.ReadyAt;

    /// <summary>A packet to fill in.</summary>
    public QuicSentPacket Rent()
    {
        QuicSentPacket packet = _free.TryPop(out QuicSentPacket? free) ? free : new QuicSentPacket();
        return packet;
    }

    /// <summary>Gives back a packet that was not sent, or is forgotten.</summary>
    public void Return(QuicSentPacket packet)
    {
        packet.Clear();
        _free.Push(packet);
    }

    /// <summary>A packet is about to leave.</summary>
    public void OnSent(QuicSentPacket packet, Timestamp now)
    {
        PacketNumberSpace space = _spaces[(int)packet.Space];
        packet.SentAt = now;
        packet.Transmission = ++_transmissions;
        space.NextNumber = packet.Number + 1;
        if (!packet.IsInFlight)
        {
            // Only an acknowledgement: nobody waits for it, and its loss is nobody's matter. Its number is remembered all the
            // same, so that an ACK of it can be told from an ACK of what was never sent.
            space.Sent.Add(packet);
            return;
        }

        // Time went by in which more could have been in flight than there was data for.
        if (_ranDry && now > _flushedAt)
        {
            _sampler.OnIdle(BytesInFlight);
        }

        _sampler.OnSent(packet, BytesInFlight, now);
        BytesInFlight += packet.Size;
        space.Sent.Add(packet);
        space.Link(packet);
        if (packet.IsAckEliciting)
        {
            _waitsSince = space.Id == PacketSpaceId.Application && space.ElicitingInFlight == 0 ? now : _waitsSince;
            space.ElicitingInFlight++;
            space.LastElicitingAt = packet.IsSilenceProbe ? space.LastElicitingAt : now;
        }

        _pacer.OnSent(packet.Size);
        SentEvent e = new()
        {
            Now = now,
            Bytes = packet.Size,
            BytesInFlight = BytesInFlight,
            IsAppLimited = _sampler.IsAppLimited,
            IsRetransmission = false,
        };
        _controller.OnSent(in e);
    }

    /// <summary>A flush is over.</summary>
    /// <param name="hadRoom">It ended for want of data.</param>
    /// <param name="isLimited">It ended because window or pacing held data back.</param>
    /// <param name="now">The time.</param>
    public void OnFlushed(bool hadRoom, bool isLimited, Timestamp now)
    {
        _ranDry = hadRoom && BytesInFlight + DatagramSize <= _controller.Window;
        _isCongestionLimited &= !_isAckReported;
        _isCongestionLimited |= isLimited;
        _isAckReported = false;
        _flushedAt = now;
        Qlog?.RecoveryChanged(this, now);
    }

    /// <summary>The keys of a space are gone: what was in flight there does not count any more (RFC 9002, 6.4).</summary>
    public void Discard(PacketSpaceId id)
    {
        PacketNumberSpace space = _spaces[(int)id];
        if (space.IsDiscarded)
        {
            return;
        }

        space.IsDiscarded = true;
        space.Received.OnAckSent();
        space.Probes = 0;
        space.LossAt = Timestamp.Never;
        for (long number = space.Sent.First; number < space.Sent.End; number++)
        {
            if (space.Sent.Find(number) is { } packet)
            {
                Forget(space, packet);
            }
        }

        space.ElicitingInFlight = 0;
        _backOff = 0;
    }

    /// <summary>
    /// The server refused early data, or asked for a Retry: what was sent in a space never was (RFC 9002, 6.3).
    /// </summary>
    public void ForgetAll(PacketSpaceId id)
    {
        PacketNumberSpace space = _spaces[(int)id];
        for (long number = space.Sent.First; number < space.Sent.End; number++)
        {
            if (space.Sent.Find(number) is { } packet)
            {
                foreach (ref readonly SentFrame frame in packet.Frames)
                {
                    _frames.OnLost(in frame);
                }

                Forget(space, packet);
            }
        }

        space.ElicitingInFlight = 0;
        space.LossAt = Timestamp.Never;
        _backOff = 0;
    }

    /// <summary>
    /// The path is another one (RFC 9000, 9.4): begins anew with another controller. Packets that were sent on the old path count
    /// neither for it nor for the round-trip time.
    /// </summary>
    public void ResetPath(CongestionController controller)
    {
        _controller = controller;
        _pathBegan = _transmissions;
        _reordering = LeastReordering;
        _patience = LeastPatience;
        _episode = default;
        _backOff = 0;
        Rtt.Reset();
    }

    /// <summary>This side did not run for so long: no time passed for what is under way.</summary>
    public void Shift(long microseconds)
    {
        _sampler.Shift(microseconds);
        _silence.Shift(microseconds);
        _heardAt = _heardAt.AddMicroseconds(microseconds);
        _waitsSince = _waitsSince.AddMicroseconds(microseconds);
        _probeBase = _probeBase == Timestamp.LongAgo ? _probeBase : _probeBase.AddMicroseconds(microseconds);
        foreach (PacketNumberSpace space in _spaces)
        {
            space.LastElicitingAt = space.LastElicitingAt.AddMicroseconds(microseconds);
            space.LossAt = space.LossAt.IsNever ? space.LossAt : space.LossAt.AddMicroseconds(microseconds);

            // All that may still be acknowledged: what was deemed lost and mere acknowledgements give samples too.
            for (long number = space.Sent.First; number < space.Sent.End; number++)
            {
                space.Sent.Find(number)?.Shift(microseconds);
            }
        }
    }

    private void Forget(PacketNumberSpace space, QuicSentPacket packet)
    {
        if (packet is { IsInFlight: true, State: SentPacketState.InFlight })
        {
            BytesInFlight -= packet.Size;
            space.Unlink(packet);
        }
        else if (packet.IsInFlight)
        {
            // Nobody will say any more whether it had arrived: as good as lost.
            _episode.OnResolved(wasSpurious: false);
        }

        space.Sent.Remove(packet);
        Return(packet);
    }
}
