using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Protocol.Recovery;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>Segments of 1000 bytes leave once a millisecond over a path of 10 ms: a million bytes a second.</summary>
public sealed class DeliveryRateSamplerTests : IDisposable
{
    private const int Length = 1000;
    private const int Rtt = 10;
    private const long Rate = 1_000_000;

    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly DeliveryRateSampler _sampler = new();
    private readonly List<SendSegment> _segments = [];
    private long _inFlight;

    [Fact]
    public void ASteadyFlowIsMeasured()
    {
        for (int now = 0; now < 40; now++)
        {
            RateSample sample = Arrive(now, now - Rtt);
            Assert.Equal(now >= 2 * Rtt ? Rate : 0, now >= 2 * Rtt ? sample.BytesPerSecond : 0);
            Send(now);
        }
    }

    [Fact]
    public void WhatIsAcknowledgedLateIsNoSpeed()
    {
        // The acknowledgements of five segments get lost, and a cumulative one makes up for them at 35 ms.
        for (int now = 0; now < 50; now++)
        {
            if (now == 35)
            {
                for (int i = 10; i < 15; i++)
                {
                    Acknowledge(i, now);
                }
            }

            RateSample sample = now - Rtt is >= 10 and < 15 ? default : Arrive(now, now - Rtt);
            Assert.InRange(sample.BytesPerSecond, 0, Rate);
            Assert.True(now < 40 || sample.BytesPerSecond == Rate);
            Send(now);
        }
    }

    [Fact]
    public void LossesThatAreFoundLateAreNotOfTheFlightBehindThem()
    {
        // Five segments get lost, which is known when two later ones are acknowledged; one was sent between the two.
        for (int now = 0; now < 50; now++)
        {
            RateSample sample = now - Rtt is >= 10 and < 15 ? default : Arrive(now, now - Rtt);
            for (int i = 10; now == 26 && i < 15; i++)
            {
                _sampler.OnLost(_segments[i], At(now));
                _inFlight -= Length;
            }

            int newest = now - Rtt;
            if (newest is >= 20 and < 25)
            {
                Assert.Equal(5 * Length, sample.Lost);
            }
            else if (newest >= 25)
            {
                Assert.Equal((0, Rate), (sample.Lost, sample.BytesPerSecond));
            }

            Send(now);
        }
    }

    public void Dispose()
    {
        foreach (SendSegment segment in _segments)
        {
            segment.Buffer!.Release();
        }

        _pool.ThrowIfOutstanding();
    }

    private static Timestamp At(int milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private void Send(int now)
    {
        PacketBuffer buffer = _pool.Rent();
        buffer.Append(Length);
        SendSegment segment = new() { Buffer = buffer, Transmission = _segments.Count + 1, SentAt = At(now) };
        _sampler.OnSent(segment, _inFlight, At(now));
        _segments.Add(segment);
        _inFlight += Length;
    }

    private RateSample Arrive(int now, int segment)
    {
        if (segment < 0)
        {
            return default;
        }

        Acknowledge(segment, now);
        return _sampler.Take();
    }

    private void Acknowledge(int segment, int now)
    {
        _sampler.OnAcknowledged(_segments[segment], isNewest: true, isTimely: true, At(now));
        _inFlight -= Length;
    }
}
