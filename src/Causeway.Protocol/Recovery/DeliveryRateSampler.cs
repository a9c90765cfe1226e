using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Recovery;

/// <summary>
/// Measures how fast the path delivers (draft-ietf-ccwg-bbr section 4.1, delivery rate samples). Each transmission
/// remembers how much had been acknowledged when it left; its acknowledgement then tells how much arrived in between,
/// and in what time. Sending and arriving are both timed and the longer one counts, so that neither a burst that left
/// nor acknowledgements that arrived together look like speed.
/// </summary>
internal sealed class DeliveryRateSampler
{
    private Timestamp _deliveredAt;
    private Timestamp _firstSentAt;
    private long _appLimitedUntil;
    private long _shortestRtt = long.MaxValue;

    // Payload bytes of all transmissions, and of those up to the newest that is known to have arrived.
    private long _sent;
    private long _sentUntilArrived;

    private bool _hasSegment;
    private long _newestTransmission;
    private TransmissionRecord _newest;
    private long _sendElapsed;

    /// <summary>Payload bytes acknowledged since the session began.</summary>
    public long Delivered { get; private set; }

    /// <summary>Payload bytes deemed lost since the session began.</summary>
    public long Lost { get; private set; }

    /// <summary>Whether what is sent now does not fill the path for want of data.</summary>
    public bool IsAppLimited => _appLimitedUntil > 0;

    /// <summary>A segment is about to leave, again or for the first time.</summary>
    /// <param name="segment">The segment, not in flight yet.</param>
    /// <param name="inFlight">Bytes in flight without it.</param>
    /// <param name="now">The time.</param>
    public void OnSent(SentPacket segment, long inFlight, Timestamp now)
    {
        // A flight begins: what came before says nothing about the rate from here on.
        if (inFlight == 0)
        {
            _firstSentAt = now;
            _deliveredAt = now;
            _sentUntilArrived = _sent;
        }

        _sent += segment.Length;
        segment.Record = new TransmissionRecord
        {
            Sent = _sent,
            SentUntilArrived = _sentUntilArrived,
            Delivered = Delivered,
            DeliveredAt = _deliveredAt,
            FirstSentAt = _firstSentAt,
            InFlight = inFlight + segment.Length,
            Lost = Lost,
            IsAppLimited = IsAppLimited,
        };
    }

    /// <summary>
    /// The application left room unused: until what is in flight now has been acknowledged, samples show its pace.
    /// </summary>
    public void OnIdle(long inFlight) => _appLimitedUntil = Math.Max(1, Delivered + inFlight);

    /// <summary>A segment was acknowledged.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="isNewest">Whether it is known that its newest transmission is the one that arrived.</param>
    /// <param name="isTimely">Whether the acknowledgement came the normal way.</param>
    /// <param name="now">The time.</param>
    public void OnAcknowledged(SentPacket segment, bool isNewest, bool isTimely, Timestamp now)
    {
        Delivered += segment.Length;
        _deliveredAt = now;
        if (!isNewest)
        {
            return;
        }

        _sentUntilArrived = Math.Max(_sentUntilArrived, segment.Record.Sent);
        if (!isTimely)
        {
            return;
        }

        _shortestRtt = Math.Min(_shortestRtt, now.MicrosecondsSince(segment.SentAt));
        if (!_hasSegment || segment.Transmission > _newestTransmission)
        {
            _hasSegment = true;
            _newestTransmission = segment.Transmission;
            _newest = segment.Record;
            _sendElapsed = segment.SentAt.MicrosecondsSince(_newest.FirstSentAt);
            _firstSentAt = segment.SentAt;
        }
    }

    /// <summary>A segment was deemed lost.</summary>
    public SegmentLoss OnLost(SentPacket segment, Timestamp now)
    {
        Lost += segment.Length;
        return new SegmentLoss
        {
            Now = now,
            Transmission = segment.Transmission,
            Bytes = segment.Length,
            InFlightAtSend = segment.Record.InFlight,
            LostSinceSend = Lost - segment.Record.Lost,
            IsAppLimited = segment.Record.IsAppLimited,
        };
    }

    /// <summary>This side did not run for so long, in which nothing could be delivered.</summary>
    public void Shift(long microseconds)
    {
        _deliveredAt = _deliveredAt.AddMicroseconds(microseconds);
        _firstSentAt = _firstSentAt.AddMicroseconds(microseconds);
    }

    /// <summary>The sample of everything acknowledged since the last call.</summary>
    public RateSample Take()
    {
        if (Delivered > _appLimitedUntil)
        {
            _appLimitedUntil = 0;
        }

        if (!_hasSegment)
        {
            return default;
        }

        _hasSegment = false;
        long interval = Math.Max(_sendElapsed, _deliveredAt.MicrosecondsSince(_newest.DeliveredAt));

        // What passed the path between two arrivals was sent between the two. The counts can hold more: what had
        // arrived or got lost before, and was acknowledged or found out late because acknowledgements got lost.
        long most = _sentUntilArrived - _newest.SentUntilArrived;
        long delivered = Math.Min(Delivered - _newest.Delivered, most);

        // An interval below the shortest round trip comes from the clock or from repeated acknowledgements.
        bool isPlausible = interval > 0 && interval >= _shortestRtt;
        return new RateSample
        {
            BytesPerSecond = isPlausible ? (long)((Int128)delivered * 1_000_000 / interval) : 0,
            PriorDelivered = _newest.Delivered,
            Delivered = delivered,
            Lost = Math.Min(Lost - _newest.Lost, most - delivered),
            InFlightAtSend = _newest.InFlight,
            IntervalMicroseconds = interval,
            IsAppLimited = _newest.IsAppLimited,
        };
    }
}
