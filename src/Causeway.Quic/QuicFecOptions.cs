using System.Globalization;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// Forward error correction between two ends of Causeway (docs/wire/quic-fec.md): parity from which the peer rebuilds what the path
/// lost, a round trip before it could be sent again. It is for datagrams and for streams of little data with pauses; a stream that
/// fills the path never pays for it, and on a path that loses nothing nobody does. Other peers do not notice.
/// </summary>
public sealed record QuicFecOptions
{
    /// <summary>No parity is sent, and none is taken.</summary>
    public static QuicFecOptions Off { get; } = new() { IsEnabled = false };

    /// <summary>Whether the extension is offered; both ends have to. Default true.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>
    /// Packets over which parity spans at most, 1 to 128. Default 32. The larger it is the better bursts are repaired for the same
    /// bytes, and the more memory a connection may hold while it is protected: 2 KiB each at the sender, and at the receiver as
    /// much and 32 KiB. It is given back a second after the last protected packet.
    /// </summary>
    public int Window { get; init; } = 32;

    /// <summary>
    /// The most bytes of parity for each byte of datagrams: more than 0, at most 1. Default 0.25, which withstands five percent of
    /// independent losses. What somebody waits for (streams of little data, and datagrams with a deadline and pauses between them)
    /// gets up to three times its own bytes beside it, within 64 KiB/s.
    /// </summary>
    public double MaxOverhead { get; init; } = 0.25;

    /// <summary>Throws if a value is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The message names the option, its value and the range.</exception>
    public void Validate()
    {
        if (Window is < 1 or > FecLimits.MostWindow)
        {
            throw new ArgumentOutOfRangeException(
                nameof(Window), Window, string.Create(CultureInfo.InvariantCulture, $"Window is {Window}; it must be from 1 to {FecLimits.MostWindow}."));
        }

        if (!(MaxOverhead is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxOverhead),
                MaxOverhead,
                string.Create(CultureInfo.InvariantCulture, $"MaxOverhead is {MaxOverhead}; it must be more than 0 and at most 1."));
        }
    }
}
