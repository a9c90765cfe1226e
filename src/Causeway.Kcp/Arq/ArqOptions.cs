using System.Runtime.CompilerServices;
using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Settings of an <see cref="ArqSession"/>. The defaults are kcptun's mode "fast" (docs/wire/kcptun.md 6) with windows
/// that need no setting.
/// </summary>
public sealed record ArqOptions
{
    /// <summary>
    /// The largest datagram in bytes that a flush writes (kcptun's mtu after all outer headers): 50 to 65507, default
    /// 1350. A segment carries this minus 24 bytes. Too large a value means IP fragments or loss; too small a value
    /// wastes headers.
    /// </summary>
    public int MaxDatagramSize { get; init; } = 1350;

    /// <summary>
    /// The most segments between the oldest unacknowledged one and the newest written one (kcptun's sndwnd): 1 to
    /// 65535, or null, the default, for what <see cref="MemoryBudget"/> holds. Times the segment size, it bounds the
    /// memory for sending and, over one round trip, the rate. What is under way is the congestion controller's to
    /// limit; for <see cref="Protocol.Recovery.Congestion.FixedController"/>, which does not, null is 1024.
    /// </summary>
    public int? SendWindow { get; init; }

    /// <summary>
    /// The most segments received in order that may wait to be read (kcptun's rcvwnd): 1 to 65535; as many again may
    /// wait out of order. Null, the default, is a window that grows with what the reader takes in a round trip and
    /// shrinks when it falls behind, within <see cref="MemoryBudget"/>.
    /// </summary>
    public int? ReceiveWindow { get; init; }

    /// <summary>
    /// Bytes that windows without a setting may come to, in each direction: 1 MiB to 1 GiB, default 64 MiB, which is
    /// what 1 Gbit/s over 200 ms needs with losses. Less saves memory where readers stop; it limits the rate to this
    /// much in a round trip. A <see cref="KcpProfile"/> puts its own here.
    /// </summary>
    public long MemoryBudget { get; init; } = KcpProfile.DefaultMemoryBudget;

    /// <summary>
    /// kcptun's nodelay: retransmission timeouts of at least 30 ms instead of 100 ms, and back-off by half instead of
    /// double. Default off.
    /// </summary>
    public bool NoDelay { get; init; }

    /// <summary>
    /// kcptun's interval: 10 ms to 5 s, default 30 ms. It is not a tick here. It is the least margin of the
    /// retransmission timeout over the round-trip time, which has to cover the time a peer waits before it
    /// acknowledges; a quarter of it (at most 2 ms) is how long an acknowledgement waits for company.
    /// </summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>
    /// kcptun's resend: how many later transmissions must be acknowledged before a segment counts as lost, 1 to 64, or
    /// 0 to leave it to timers. Default 2. Low values repair sooner, and send needlessly where the network reorders.
    /// </summary>
    public int FastResend { get; init; } = 2;

    /// <summary>The rules by which a segment counts as lost. Default <see cref="LossRecovery.Rack"/>.</summary>
    public LossRecovery Recovery { get; init; } = LossRecovery.Rack;

    /// <summary>
    /// Whether a stream of few small messages sends each segment twice while the path loses half a percent and more, so
    /// that a loss costs no round trip: at most 32 KiB a second. Default on.
    /// </summary>
    public bool CopyThinStreams { get; init; } = true;

    /// <summary>
    /// Whether data leaves capable of congestion marks (ECT(0), RFC 3168) where the peer reports them, the path keeps them and
    /// the controller answers them: routers can then ask for less without dropping anything. It takes a driver that puts
    /// the marks onto datagrams and reads them, as <c>UdpLink</c> does on Linux; see <see cref="ArqSession.Mark"/>.
    /// Marks of a peer's data are always reported to one that asks for it. Default off: a peer is asked by a payload where
    /// kcptun has none.
    /// </summary>
    public bool Ecn { get; init; }

    /// <summary>kcptun's acknodelay: acknowledge in the next flush, without waiting for company. Default off.</summary>
    public bool AckNoDelay { get; init; }

    /// <summary>
    /// Transmissions of one segment after which the link counts as dead, provided that the peer was also silent for
    /// three quarters of <see cref="DeadLinkTimeout"/>: 2 to 1000, default 20.
    /// </summary>
    public int DeadLinkTransmissions { get; init; } = 20;

    /// <summary>
    /// How long something may wait for an answer with nothing at all arriving before the link counts as dead: 1 s to 1
    /// h, default 30 s. Longer survives longer outages; shorter frees memory sooner.
    /// </summary>
    public TimeSpan DeadLinkTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Microseconds in one unit of the wire's timestamp: 1 to 10000, default 1. A peer only echoes it, so any unit
    /// works; kcptun counts milliseconds.
    /// </summary>
    public long TimestampResolutionMicroseconds { get; init; } = 1;

    /// <summary>Payload bytes of a full segment.</summary>
    public int SegmentSize => MaxDatagramSize - SegmentHeader.Size;

    /// <summary>The most segments of a window without a setting; what the wire can tell is the upper limit.</summary>
    internal int BudgetInSegments => (int)Math.Min(MemoryBudget / MaxDatagramSize, ushort.MaxValue);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A value is out of range; the message names option, value and range.
    /// </exception>
    public void Validate()
    {
        Check(MaxDatagramSize, 50, 65507);
        Check(SendWindow ?? 1, 1, 65535, nameof(SendWindow));
        Check(ReceiveWindow ?? 1, 1, 65535, nameof(ReceiveWindow));
        Check(MemoryBudget, KcpProfile.LeastMemoryBudget, KcpProfile.MostMemoryBudget);
        Check(Interval, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        Check(FastResend, 0, 64);
        Check((int)Recovery, (int)LossRecovery.Rack, (int)LossRecovery.Kcp, nameof(Recovery));
        Check(DeadLinkTransmissions, 2, 1000);
        Check(DeadLinkTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Check(TimestampResolutionMicroseconds, 1, 10000);
    }

    private static void Check<T>(T value, T least, T most, [CallerArgumentExpression(nameof(value))] string option = "")
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            throw new ArgumentOutOfRangeException(
                option, value, $"{nameof(ArqOptions)}.{option} is {value}; it must lie between {least} and {most}.");
        }
    }
}
