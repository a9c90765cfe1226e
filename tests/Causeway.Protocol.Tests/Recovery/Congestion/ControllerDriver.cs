using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>
/// Raises a controller's events as a session does whose path never queues: a round trip at a time, or single ones. Segments
/// have 1000 bytes.
/// </summary>
internal sealed class ControllerDriver(CongestionController controller, long rttMicroseconds = 100_000)
{
    public const int Segment = 1000;

    private long _delivered;

    public CongestionController Controller { get; } = controller;

    /// <summary>What the next acknowledgements measure, which is also the smoothed value.</summary>
    public long Rtt { get; set; } = rttMicroseconds;

    public Timestamp Now { get; private set; } = Timestamp.FromMilliseconds(1000);

    public long WindowSegments => Controller.Window / Segment;

    public void Wait(long microseconds) => Now = Now.AddMicroseconds(microseconds);

    /// <summary>
    /// A window of full segments leaves and is acknowledged one by one, spread over a round trip; then the round ends.
    /// </summary>
    public void Round(bool limited = true)
    {
        long segments = Controller.Window / Segment;
        long priorDelivered = _delivered;
        Timestamp begun = Now;
        for (long i = 1; i <= segments; i++)
        {
            Now = begun.AddMicroseconds(Rtt * i / segments);
            Acknowledge(priorDelivered, Segment, limited);
        }
    }

    /// <summary>Acknowledges data that left after so many bytes had been acknowledged; all of them unless given.</summary>
    public void Acknowledge(long? priorDelivered = null, long bytes = Segment, bool limited = true)
    {
        long prior = priorDelivered ?? _delivered;
        _delivered += bytes;
        Controller.OnAck(new AckEvent
        {
            Now = Now,
            Bytes = bytes,
            Segments = (int)(bytes / Segment),
            IsCumulativeAdvance = true,
            Delivered = _delivered,
            Lost = 0,
            Rate = new RateSample { PriorDelivered = prior, Delivered = _delivered - prior },
            IsCongestionLimited = limited,
            BytesInFlight = Controller.Window,
            RttMicroseconds = Rtt,
            SmoothedRttMicroseconds = Rtt,
            PeerWindowSegments = ushort.MaxValue,
            SegmentSize = Segment,
        });
    }

    /// <summary>A segment is found lost that was sent so long ago.</summary>
    public void Lose(long sentMicrosecondsAgo = 0, bool timeout = false, bool persistent = false)
    {
        Controller.OnLoss(new LossEvent
        {
            Now = Now,
            Bytes = Segment,
            Segments = 1,
            PriorBytesInFlight = Controller.Window,
            IsTimeout = timeout,
            IsPersistentCongestion = persistent,
            NewestSentAt = Now.AddMicroseconds(-sentMicrosecondsAgo),
            SegmentSize = Segment,
            OutstandingSegments = (int)WindowSegments,
            WindowSegments = ushort.MaxValue,
        });
    }

    public void Mark()
    {
        Controller.OnEcnMarks(new EcnEvent
        {
            Now = Now,
            Marked = 1,
            Received = 2,
            BytesInFlight = Controller.Window,
            SmoothedRttMicroseconds = Rtt,
            SegmentSize = Segment,
        });
    }

    public void SendFromIdle()
    {
        Controller.OnSent(new SentEvent
        {
            Now = Now,
            Bytes = Segment,
            BytesInFlight = Segment,
            IsAppLimited = true,
            IsRetransmission = false,
        });
    }

    /// <summary>The session takes back what it deemed lost.</summary>
    public void FindSpurious() => Controller.OnSpuriousLoss(Now);

    /// <summary>Lets the first slow start, and no other growth, bring the window to at least so many segments.</summary>
    public void SlowStartTo(long segments)
    {
        Assert.True(WindowSegments <= segments);
        while (WindowSegments < segments)
        {
            Acknowledge(0);
        }
    }
}
