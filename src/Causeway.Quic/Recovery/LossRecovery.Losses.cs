using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Quic.Recovery;

/// <content>What is lost, and when to probe (RFC 9002, 6).</content>
internal sealed partial class LossRecovery
{
    /// <summary>When <see cref="OnTimeout"/> has something to do.</summary>
    public Timestamp Deadline
    {
        get
        {
            Timestamp loss = LossDeadline(out _);
            Timestamp due = loss.IsNever ? ProbeDeadline(out _) : loss;
            return Timestamp.Min(due, SilenceDeadline);
        }
    }

    /// <summary>Whether a packet with nothing but a PING is to ask for a sign of life, whatever the window is.</summary>
    public bool IsSilenceProbeDue { get; private set; }

    // Probe timeouts double, and a path that comes back would wait for the next one: see SilenceProbe. The answer to the PING tells
    // of everything that left before it that it is lost.
    private Timestamp SilenceDeadline
    {
        get
        {
            PacketNumberSpace space = _spaces[(int)PacketSpaceId.Application];
            return !IsConfirmed || space.ElicitingInFlight == 0 || IsSilenceProbeDue
                ? Timestamp.Never
                : _silence.DueAt(Timestamp.Max(_heardAt, _waitsSince), Rtt.Shortest, Rtt.ProbeTimeout + PeerMaxAckDelay);
        }
    }

    /// <summary>The packet that asks for a sign of life left.</summary>
    public void OnSilenceProbeSent(Timestamp now)
    {
        IsSilenceProbeDue = false;
        _silence.OnSent(now);
    }

    /// <summary>Does what is due: finds packets that are late by now, or lets probes out (RFC 9002, A.9).</summary>
    /// <returns>Whether a probe timeout passed.</returns>
    public bool OnTimeout(Timestamp now)
    {
        ForgetOldLosses(now);
        IsSilenceProbeDue |= SilenceDeadline <= now;
        Timestamp lossAt = LossDeadline(out PacketNumberSpace? late);
        if (!lossAt.IsNever)
        {
            if (lossAt <= now)
            {
                DetectLosses(late!, now);
                Qlog?.RecoveryChanged(this, now);
            }

            return false;
        }

        if (ProbeDeadline(out PacketNumberSpace? silent) > now)
        {
            return false;
        }

        ProbeTimeouts++;
        if (IsEndOfHandshakeAwaited)
        {
            _endProbes++;
            silent!.Probes = 1;
            Qlog?.RecoveryChanged(this, now);
            return true;
        }

        _backOff = Math.Min(_backOff + 1, 30);
        _probeBase = now;
        Qlog?.RecoveryChanged(this, now);
        silent!.Probes = ProbesPerTimeout;
        if (silent.Id == PacketSpaceId.Handshake && Role == EndpointRole.Client)
        {
            // A server that has completed the handshake has no Handshake keys any more, so that only a 1-RTT packet shows it that
            // the client waits for HANDSHAKE_DONE, and from which address.
            _spaces[(int)PacketSpaceId.Application].Probes = 1;
        }

        RepeatOldest(silent);
        if (Role == EndpointRole.Server && !IsConfirmed)
        {
            RepeatWholeFlight(silent);
        }

        return true;
    }

    /// <summary>
    /// A server's flight spans two spaces, and may be three times what came from the client. One datagram repeats both (RFC 9002,
    /// 6.2.4), in place of two that are padded: what they would take is worth a later attempt.
    /// </summary>
    private void RepeatWholeFlight(PacketNumberSpace silent)
    {
        foreach (PacketSpaceId id in (ReadOnlySpan<PacketSpaceId>)[PacketSpaceId.Initial, PacketSpaceId.Handshake])
        {
            PacketNumberSpace other = _spaces[(int)id];
            if (other != silent && !other.IsDiscarded && other.ElicitingInFlight > 0)
            {
                silent.Probes = 1;
                other.Probes = 1;
                RepeatOldest(other);
            }
        }
    }

    /// <summary>
    /// A client that has nothing in flight before the server trusts its address has to speak, or both wait for ever (RFC 9002,
    /// 6.2.2.1). From now on it is due, until the handshake is confirmed: a NAT may change an address that was proved.
    /// </summary>
    public void NoteAntiDeadlock(Timestamp now)
    {
        if (_probeBase == Timestamp.LongAgo)
        {
            _probeBase = now;
        }
    }

    /// <summary>
    /// A server whose flight has arrived waits for the client's last message, and has nothing in flight. If that message is lost, the
    /// client alone could repair it, and one that doubles its timeouts takes a minute for that on a bad path. The server asks: its
    /// packet acknowledges what came behind the lost one, by which the client sees the loss (RFC 9002, 6.1).
    /// </summary>
    private bool IsEndOfHandshakeAwaited
    {
        get
        {
            PacketNumberSpace handshake = _spaces[(int)PacketSpaceId.Handshake];
            return Role == EndpointRole.Server && !IsConfirmed && !handshake.IsDiscarded && handshake.LargestAcknowledged >= 0
                && handshake.ElicitingInFlight == 0 && _spaces[(int)PacketSpaceId.Initial].ElicitingInFlight == 0;
        }
    }

    private Timestamp LossDeadline(out PacketNumberSpace? space)
    {
        Timestamp soonest = Timestamp.Never;
        space = null;
        foreach (PacketNumberSpace candidate in _spaces)
        {
            if (candidate.LossAt < soonest)
            {
                soonest = candidate.LossAt;
                space = candidate;
            }
        }

        return soonest;
    }

    private Timestamp ProbeDeadline(out PacketNumberSpace? space)
    {
        Timestamp soonest = Timestamp.Never;
        space = null;
        int factor = Math.Min(1 << Math.Min(_backOff, 20), MostBackOff);
        long timeout = BackedOff(Rtt.ProbeTimeout, factor);
        foreach (PacketNumberSpace candidate in _spaces)
        {
            if (candidate.ElicitingInFlight == 0 || candidate.IsDiscarded)
            {
                continue;
            }

            if (candidate.Id == PacketSpaceId.Application && !IsConfirmed)
            {
                continue;
            }

            long wait = candidate.Id == PacketSpaceId.Application ? BackedOff(Rtt.ProbeTimeout + PeerMaxAckDelay, factor) : timeout;
            Timestamp due = candidate.LastElicitingAt.AddMicroseconds(wait);
            if (due < soonest)
            {
                soonest = due;
                space = candidate;
            }
        }

        if (space is null && Role == EndpointRole.Client && !(IsAddressValidatedByPeer && IsConfirmed) && _probeBase > Timestamp.LongAgo)
        {
            space = _spaces[(int)(HasHandshakeKeys ? PacketSpaceId.Handshake : PacketSpaceId.Initial)];
            Timestamp lastSent = Timestamp.Max(_spaces[0].LastElicitingAt, _spaces[1].LastElicitingAt);
            return Timestamp.Max(_probeBase, lastSent).AddMicroseconds(timeout);
        }

        if (space is null && IsEndOfHandshakeAwaited)
        {
            // No acknowledgement ends the back-off: the client may be alive, and a person at it decide on the certificate.
            space = _spaces[(int)PacketSpaceId.Handshake];
            long wait = Math.Min(Math.Max(Rtt.ProbeTimeout, LeastBeforeEndProbe) << Math.Min(_endProbes, 10), LongestBackOff);
            return Timestamp.Max(space.LastElicitingAt, _heardAt).AddMicroseconds(wait);
        }

        return soonest;
    }

    private static long BackedOff(long timeout, int factor) => Math.Min(timeout * factor, Math.Max(timeout, LongestBackOff));

    private void DetectLosses(PacketNumberSpace space, Timestamp now)
    {
        space.LossAt = Timestamp.Never;
        long delay = Rtt.LossDelay(_patience);
        long prior = BytesInFlight;
        long bytes = 0;
        int packets = 0;
        Timestamp newestSentAt = Timestamp.LongAgo;
        Timestamp spanFrom = Timestamp.Never;
        long spanLast = -1;
        bool isPersistent = false;
        while (space.Oldest is { } oldest && oldest.Number < space.LargestAcknowledged)
        {
            Timestamp lateAt = oldest.SentAt.AddMicroseconds(delay);
            if (lateAt > now && space.LargestAcknowledged - oldest.Number < _reordering)
            {
                space.LossAt = lateAt;
                break;
            }

            // RFC 9002, 7.6.2: two lost packets with nothing acknowledged that was sent between them. A gap in the list of
            // packets in flight is something that was acknowledged, or was not in flight.
            if (oldest.IsAckEliciting && Rtt.HasSample)
            {
                spanFrom = spanLast == oldest.Number - 1 ? spanFrom : oldest.SentAt;
                isPersistent |= oldest.SentAt.MicrosecondsSince(spanFrom)
                    > PersistentThreshold * (Rtt.ProbeTimeout + PeerMaxAckDelay);
            }

            spanLast = oldest.Number;
            bool counts = !oldest.IsMtuProbe && oldest.Transmission > _pathBegan;
            bytes += counts ? oldest.Size : 0;
            packets += counts ? 1 : 0;
            newestSentAt = oldest.SentAt;
            Lose(space, oldest, now);
        }

        if (packets == 0)
        {
            return;
        }

        LossEvent e = new()
        {
            Now = now,
            Bytes = bytes,
            Segments = packets,
            PriorBytesInFlight = prior,
            IsTimeout = false,
            IsPersistentCongestion = isPersistent,
            NewestSentAt = newestSentAt,
            SegmentSize = DatagramSize,
            OutstandingSegments = (int)Math.Min(int.MaxValue, space.Sent.End - space.Sent.First),
            WindowSegments = int.MaxValue,
        };
        _controller.OnLoss(in e);
    }

    private void Lose(PacketNumberSpace space, QuicSentPacket packet, Timestamp now)
    {
        Qlog?.PacketLost(packet, space.LargestAcknowledged - packet.Number >= _reordering, now);
        BytesInFlight -= packet.Size;
        space.Unlink(packet);
        space.ElicitingInFlight -= packet.IsAckEliciting ? 1 : 0;
        foreach (ref readonly SentFrame frame in packet.Frames)
        {
            _frames.OnLost(in frame);
        }

        if (packet.IsMtuProbe)
        {
            space.Sent.Remove(packet);
            Return(packet);
            return;
        }

        PacketsLost++;
        packet.State = SentPacketState.Lost;
        packet.LostAt = now;
        _lossMeter.Add(wasLost: true);
        _fates.Judged++;
        _fates.Lost++;
        _fates.Runs += packet.Number == _lastLost + 1 ? 0 : 1;
        _lastLost = packet.Number;
        _episode.OnLost();
        SegmentLoss loss = _sampler.OnLost(packet, now);
        _controller.OnSegmentLost(in loss);
    }

    /// <summary>
    /// Nothing was acknowledged: the frames of the oldest packet go again, which is all that a probe can do for what waits (RFC
    /// 9002, 6.2.4). The packet stays in flight: it may have arrived.
    /// </summary>
    private void RepeatOldest(PacketNumberSpace space)
    {
        QuicSentPacket? packet = space.Oldest;
        for (int i = 0; i < ProbesPerTimeout && packet is not null; i++, packet = packet.Next)
        {
            foreach (ref readonly SentFrame frame in packet.Frames)
            {
                _frames.OnUnanswered(in frame);
            }
        }
    }

    // What was deemed lost a while ago is.
    private void ForgetOldLosses(Timestamp now)
    {
        foreach (PacketNumberSpace space in _spaces)
        {
            while (space.Sent.First < space.Sent.End && space.Sent.Find(space.Sent.First) is { } first)
            {
                bool isOver = first.IsInFlight
                    ? first.State == SentPacketState.Lost && now.MicrosecondsSince(first.LostAt) > ThreeProbeTimeouts
                    : first.Number < space.LargestAcknowledged || space.Sent.End - first.Number > MostUnacknowledgedAcks;
                if (!isOver)
                {
                    break;
                }

                if (first.IsInFlight && _episode.OnResolved(wasSpurious: false))
                {
                    _controller.OnSpuriousLoss(now);
                }

                space.Sent.Remove(first);
                Return(first);
            }
        }
    }
}
