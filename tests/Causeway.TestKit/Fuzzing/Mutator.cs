using System.Globalization;

namespace Causeway.TestKit;

/// <summary>
/// A fuzzer that knows nothing of the format it attacks: it changes valid inputs at random, a few steps each. The input
/// with a given index depends on the corpus, the seed and the index alone, so that a failure repeats by itself.
/// </summary>
public static class Mutator
{
    // Most bugs of a parser need one field to be wrong and the rest to be right; a few need several.
    private const int MaxSteps = 4;

    // The edges of the integer ranges that lengths, counts and sequence numbers are kept in.
    private static readonly long[] s_edges =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 25, 31, 32, 63, 64, 127, 128, 129, 255, 256, 257, 1023, 1024, 1375, 1376,
        1400, 1500, 4096, 32767, 32768, 65534, 65535, 65536, int.MaxValue - 1L, int.MaxValue, int.MaxValue + 1L,
        uint.MaxValue - 1L, uint.MaxValue,
    ];

    /// <summary>Feeds <paramref name="count"/> mutations of the corpus to <paramref name="action"/>.</summary>
    /// <param name="corpus">Valid inputs, at least one. The unchanged entries are fed first.</param>
    /// <param name="count">
    /// How many inputs to make; multiplied by the environment variable <see cref="FuzzOptions.FactorVariable"/>.
    /// </param>
    /// <param name="seed">Where the randomness comes from.</param>
    /// <param name="action">Takes one input; its exceptions are failures.</param>
    /// <param name="options">Length limit and growth watch, or null for the defaults.</param>
    /// <exception cref="FuzzException">The action threw, or the measure passed its limit. Seed, index and input are in it.</exception>
    public static void Run(
        IReadOnlyList<byte[]> corpus, long count, ulong seed, FuzzAction action, FuzzOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        ArgumentOutOfRangeException.ThrowIfZero(corpus.Count, nameof(corpus));
        ArgumentNullException.ThrowIfNull(action);
        options ??= new FuzzOptions();
        byte[] input = new byte[options.MaxLength];
        long end = options.FirstIndex + (count * Factor());
        for (long index = options.FirstIndex; index < end; index++)
        {
            int length = Make(corpus, seed, index, input);
            try
            {
                action(input.AsSpan(0, length));
            }
            catch (Exception failure)
            {
                // The action may have written to the array behind its span's back: make the input once more.
                length = Make(corpus, seed, index, input);
                throw new FuzzException(
                    $"{failure.GetType().Name}: {failure.Message}", seed, index, input.AsSpan(0, length), failure);
            }

            if (options.Measure is not null && (index + 1) % options.MeasureEvery == 0)
            {
                long measured = options.Measure();
                if (measured > options.MeasureLimit)
                {
                    throw new FuzzException(
                        $"The measure grew to {measured}, over its limit of {options.MeasureLimit}.",
                        seed, index, input.AsSpan(0, length), inner: null);
                }
            }
        }
    }

    /// <summary>The input with a given index: the corpus entries themselves, then mutations of them.</summary>
    public static byte[] Reproduce(IReadOnlyList<byte[]> corpus, ulong seed, long index, FuzzOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        byte[] input = new byte[(options ?? new FuzzOptions()).MaxLength];
        return input[..Make(corpus, seed, index, input)];
    }

    /// <summary>
    /// Changes the first <paramref name="length"/> bytes of <paramref name="buffer"/> in one random way, within the buffer.
    /// </summary>
    /// <param name="buffer">The input, with room to grow behind it.</param>
    /// <param name="length">Bytes of the input.</param>
    /// <param name="other">Another input, which a splice takes bytes from.</param>
    /// <param name="random">The randomness.</param>
    /// <returns>The new length.</returns>
    public static int MutateOnce(Span<byte> buffer, int length, ReadOnlySpan<byte> other, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)buffer.Length, nameof(length));
        if (length == 0)
        {
            return Extend(buffer, length, random);
        }

        switch (random.Next(10))
        {
            case 0:
            case 1:
                buffer[random.Next(length)] ^= (byte)(1 << random.Next(8));
                return length;
            case 2:
                buffer[random.Next(length)] = (byte)s_edges[random.Next(s_edges.Length)];
                return length;
            case 3:
                buffer[random.Next(length)] = (byte)random.NextUInt64();
                return length;
            case 4:
                return random.Next(length);
            case 5:
                return Extend(buffer, length, random);
            case 6:
                return Splice(buffer, length, other, random);
            case 7:
                return DuplicateRun(buffer, length, random);
            default:
                EditInteger(buffer[..length], random);
                return length;
        }
    }

    private static int Make(IReadOnlyList<byte[]> corpus, ulong seed, long index, Span<byte> buffer)
    {
        if (index < corpus.Count)
        {
            return Load(corpus[(int)index], buffer);
        }

        SeededRandom random = new(SeededRandom.Derive(seed, (ulong)index));
        int length = Load(corpus[random.Next(corpus.Count)], buffer);
        byte[] other = corpus[random.Next(corpus.Count)];
        for (int step = 1 + random.Next(MaxSteps); step > 0; step--)
        {
            length = MutateOnce(buffer, length, other, random);
        }

        return length;
    }

    private static int Load(ReadOnlySpan<byte> entry, Span<byte> buffer)
    {
        int length = Math.Min(entry.Length, buffer.Length);
        entry[..length].CopyTo(buffer);
        return length;
    }

    private static int Extend(Span<byte> buffer, int length, SeededRandom random)
    {
        int added = Math.Min(buffer.Length - length, 1 + random.Next(64));
        if (added > 0)
        {
            Span<byte> tail = buffer.Slice(length, added);
            if (random.Chance(0.5))
            {
                random.Fill(tail);
            }
            else
            {
                tail.Fill((byte)s_edges[random.Next(s_edges.Length)]);
            }
        }

        return length + added;
    }

    // The front of one input followed by the back of the other: two frames that never met.
    private static int Splice(Span<byte> buffer, int length, ReadOnlySpan<byte> other, SeededRandom random)
    {
        int keep = random.Next(length + 1);
        ReadOnlySpan<byte> back = other[random.Next(other.Length + 1)..];
        int taken = Math.Min(back.Length, buffer.Length - keep);
        back[..taken].CopyTo(buffer[keep..]);
        return keep + taken;
    }

    private static int DuplicateRun(Span<byte> buffer, int length, SeededRandom random)
    {
        int start = random.Next(length);
        int run = Math.Min(1 + random.Next(Math.Min(length - start, 256)), buffer.Length - length);
        int at = start + run;
        buffer[at..length].CopyTo(buffer[(at + run)..]);
        buffer.Slice(start, run).CopyTo(buffer[at..]);
        return length + run;
    }

    // A field of one to eight bytes at any offset, in either byte order, set to an edge of its range, to the length of
    // what follows it or near it, or moved by a little.
    private static void EditInteger(Span<byte> input, SeededRandom random)
    {
        int width = 1 << random.Next(4);
        if (width > input.Length)
        {
            width = 1;
        }

        int at = random.Next(input.Length - width + 1);
        bool bigEndian = random.Chance(0.5);
        ulong value = Read(input.Slice(at, width), bigEndian);
        value = random.Next(3) switch
        {
            0 => (ulong)s_edges[random.Next(s_edges.Length)],
            1 => (ulong)(input.Length - at - width + random.Between(-2, 2)),
            _ => value + (ulong)random.Between(-16, 16),
        };
        Write(input.Slice(at, width), value, bigEndian);
    }

    private static ulong Read(ReadOnlySpan<byte> field, bool bigEndian)
    {
        ulong value = 0;
        for (int i = 0; i < field.Length; i++)
        {
            value = (value << 8) | field[bigEndian ? i : field.Length - 1 - i];
        }

        return value;
    }

    private static void Write(Span<byte> field, ulong value, bool bigEndian)
    {
        for (int i = 0; i < field.Length; i++)
        {
            field[bigEndian ? field.Length - 1 - i : i] = (byte)(value >> (8 * i));
        }
    }

    private static long Factor() =>
        long.TryParse(
            Environment.GetEnvironmentVariable(FuzzOptions.FactorVariable),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out long factor)
            ? Math.Max(factor, 1)
            : 1;
}
