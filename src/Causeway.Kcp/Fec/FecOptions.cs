using System.Globalization;

namespace Causeway.Kcp.Fec;

/// <summary>How many parity datagrams forward error correction adds to how many data datagrams.</summary>
/// <remarks>
/// A group of <see cref="DataShards"/> datagrams survives the loss of any <see cref="ParityShards"/> of its datagrams
/// at the price of <c>ParityShards / DataShards</c> more bandwidth. Larger groups resist bursts better and rebuild
/// later.
/// </remarks>
public sealed record FecOptions
{
    /// <summary>The largest value of <c>DataShards + ParityShards</c>.</summary>
    public const int MaxShards = ReedSolomon.MaxShards;

    /// <summary>No forward error correction of one's own. A peer's is understood all the same.</summary>
    public static FecOptions Off { get; } = new() { DataShards = 0, ParityShards = 0 };

    /// <summary>
    /// Correction that follows the path: groups of 20, of which each gets between none and six parity datagrams. In twice
    /// kcptun's ten the same protection costs about a third less; they last twice as long, which is still no more than a few
    /// milliseconds where much is sent.
    /// </summary>
    public static FecOptions Auto { get; } = new() { DataShards = 20, ParityShards = 10, IsAdaptive = true };

    /// <summary>
    /// Data datagrams of a group, 0 to 255; default 10, as kcptun's <c>datashard</c>. 0 switches correction off.
    /// </summary>
    public int DataShards { get; init; } = 10;

    /// <summary>
    /// Parity datagrams of a group, 0 to 255, at most 256 together with <see cref="DataShards"/>; default 3, as
    /// kcptun's <c>parityshard</c>. 0 switches correction off.
    /// </summary>
    public int ParityShards { get; init; } = 3;

    /// <summary>
    /// Whether each group gets as much parity as the path's losses demand, from none to <see cref="ParityShards"/>. Default
    /// off: all of it, always. A peer of this library, whatever its own settings, is told the counts and reports what it misses.
    /// Another one gets parity if its datagrams show that it has the same counts, and by the sender's own view of losses.
    /// </summary>
    public bool IsAdaptive { get; init; }

    /// <summary>
    /// The most parity for each data datagram where <see cref="IsAdaptive"/> is on: more than 0, at most 255. Default 0.3,
    /// what kcptun's ten and three always cost. Within it, groups of 20 withstand eight percent of independent losses.
    /// </summary>
    public double MaxOverhead { get; init; } = 0.3;

    /// <summary>Whether parity is sent: both counts are above 0.</summary>
    public bool IsEnabled => DataShards > 0 && ParityShards > 0;

    /// <summary>Throws if a value is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A value is out of range; the message says which and why.
    /// </exception>
    public void Validate()
    {
        ThrowIfOutside(nameof(DataShards), DataShards);
        ThrowIfOutside(nameof(ParityShards), ParityShards);

        if (!(MaxOverhead is > 0 and <= MaxShards - 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxOverhead),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"MaxOverhead is {MaxOverhead}; it must be more than 0 and at most {MaxShards - 1}."));
        }

        // Above 256 the reference sends FEC headers but never parity (docs/wire/kcptun.md 4.5).
        if (DataShards + ParityShards > MaxShards)
        {
            throw new ArgumentOutOfRangeException(
                nameof(ParityShards),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"DataShards + ParityShards is {DataShards} + {ParityShards}; it must be from 0 to {MaxShards}."));
        }
    }

    private static void ThrowIfOutside(string option, int value)
    {
        if (value is < 0 or > MaxShards - 1)
        {
            throw new ArgumentOutOfRangeException(
                option, string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; it must be from 0 to {MaxShards - 1}."));
        }
    }
}
