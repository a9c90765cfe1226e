using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Smux;

/// <summary>
/// Settings of a <see cref="SmuxSession"/>. The defaults are kcptun's (docs/wire/kcptun.md 7.9) with buffers that need
/// no setting.
/// </summary>
public sealed record SmuxOptions
{
    /// <summary>Protocol version, 1 or 2. Both ends must use the same: there is no negotiation. Default 2.</summary>
    public int Version { get; init; } = 2;

    /// <summary>
    /// The largest payload of a frame that this end sends, in bytes, 1 to 65535. A larger one costs less, a smaller
    /// one lets other streams go sooner. Frames of any size are accepted. Default 8192.
    /// </summary>
    public int MaxFrameSize { get; init; } = 8192;

    /// <summary>
    /// Received bytes that the streams of a session may hold together before the session stops reading, at least 1. A
    /// reader that stops can stop all streams when it is reached (always in version 1). Null, the default, is
    /// <see cref="MemoryBudget"/>; in version 1 it grows from kcptun's 4 MiB to that as the streams are read.
    /// </summary>
    public int? ReceiveBuffer { get; init; }

    /// <summary>
    /// Received bytes that one stream may hold: the window that version 2 announces to the peer. At least 1, at most
    /// <see cref="ReceiveBuffer"/>. It limits a stream to this many bytes a round trip. Null, the default, is a window
    /// that grows with what the reader takes in a round trip and shrinks when it falls behind.
    /// </summary>
    public int? StreamBuffer { get; init; }

    /// <summary>
    /// Bytes that buffers without a setting may come to, for all streams together: 1 MiB to 1 GiB, default 64 MiB. One
    /// stream gets three quarters at most, and none grows while a quarter is in use, so that a reader that stops
    /// leaves room for others. A <see cref="KcpProfile"/> puts its own here.
    /// </summary>
    public long MemoryBudget { get; init; } = KcpProfile.DefaultMemoryBudget;

    /// <summary>
    /// How often a NOP is sent, whatever else is. More than zero, at most <see cref="KeepAliveTimeout"/>, and below the
    /// timeout of the peer, which kcptun fixes at 30 s. Default 10 s.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often to check that the peer sent something since the last check; if not, the session fails. So a silent
    /// peer is given up after one to two of these. At most 24 days. Default 30 s.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Streams that may exist at a time, of both ends together. At least 1. Surplus ones are refused. Default 65536.
    /// </summary>
    public int MaxStreams { get; init; } = 65536;

    /// <summary>
    /// Streams of the peer that may wait until <see cref="StreamSession.TryReadEvent"/> hands them out. At least 1.
    /// Surplus ones are refused, where kcptun stops reading. Default 1024.
    /// </summary>
    public int AcceptBacklog { get; init; } = 1024;

    /// <summary>
    /// Offer half-close to peers that may be of this library, in a way that others ignore; see
    /// <c>docs/design/half-close.md</c>. Default on.
    /// </summary>
    public bool HalfCloseExtension { get; init; } = true;

    /// <summary>The most that all streams may hold.</summary>
    internal int ReceiveLimit => ReceiveBuffer ?? (int)MemoryBudget;

    /// <summary>The most that the window of one stream may grow to by itself.</summary>
    internal int StreamLimit => (int)(ReceiveBuffer ?? MemoryBudget * 3 / 4);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public void Validate()
    {
        Check(nameof(Version), Version, 1, 2);
        Check(nameof(MaxFrameSize), MaxFrameSize, 1, SmuxFrame.MaxPayload);
        Check(nameof(MemoryBudget), MemoryBudget, KcpProfile.LeastMemoryBudget, KcpProfile.MostMemoryBudget);
        Check(nameof(ReceiveBuffer), ReceiveBuffer ?? 1, 1, int.MaxValue);
        Check(nameof(StreamBuffer), StreamBuffer ?? 1, 1, ReceiveLimit);
        Check(nameof(KeepAliveTimeout), KeepAliveTimeout, TimeSpan.FromDays(24));
        Check(nameof(KeepAliveInterval), KeepAliveInterval, KeepAliveTimeout);
        Check(nameof(MaxStreams), MaxStreams, 1, int.MaxValue);
        Check(nameof(AcceptBacklog), AcceptBacklog, 1, int.MaxValue);
    }

    private static void Check(string name, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be {least} to {most}.");
        }
    }

    private static void Check(string name, TimeSpan value, TimeSpan most)
    {
        if (value <= TimeSpan.Zero || value > most)
        {
            throw new ArgumentOutOfRangeException(
                name, value, $"{name} is {value}; it must be more than 0 and at most {most}.");
        }
    }
}
