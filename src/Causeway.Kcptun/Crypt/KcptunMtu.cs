using Causeway.Kcp.Wire;

namespace Causeway.Kcptun.Crypt;

/// <summary>What is left of a datagram for KCP under a crypt, with or without FEC (docs/wire/kcptun.md 3.9).</summary>
/// <param name="KcpMtu">The largest KCP datagram in bytes, segment headers included.</param>
/// <param name="Mss">The largest payload of one KCP segment in bytes.</param>
internal readonly record struct KcptunMtu(int KcpMtu, int Mss)
{
    /// <summary>The largest UDP payload that a kcptun peer reads: longer ones reach it cut off.</summary>
    public const int MaxDatagram = 1500;

    private const int FecOverhead = 8;
    private const int SegmentHeader = 24;

    // A setting that leaves KCP less than this is ignored by the reference; the session keeps the setting it starts
    // with.
    private const int MinKcpMtu = 50;
    private const int InitialSetting = 1400;

    /// <summary>The sizes that a <c>--mtu</c> setting results in.</summary>
    /// <param name="mtu">The setting: the largest UDP payload to produce. Capped to <see cref="MaxDatagram"/>.</param>
    /// <param name="crypt">The packet crypt, whose overhead is subtracted.</param>
    /// <param name="fec">Whether FEC is on (both data and parity shards above 0).</param>
    /// <exception cref="ArgumentNullException"><paramref name="crypt"/> is null.</exception>
    public static KcptunMtu Effective(int mtu, KcptunCrypt crypt, bool fec)
    {
        ArgumentNullException.ThrowIfNull(crypt);
        int overhead = crypt.Overhead + (fec ? FecOverhead : 0);
        int capped = Math.Min(mtu, MaxDatagram);

        // Compared this way round, so that a negative setting cannot overflow.
        int kcpMtu = capped < MinKcpMtu + overhead ? InitialSetting - overhead : capped - overhead;
        return new KcptunMtu(kcpMtu, kcpMtu - SegmentHeader);
    }
}
