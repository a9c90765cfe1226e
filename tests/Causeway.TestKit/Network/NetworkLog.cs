using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>What happened, in a <see cref="NetworkLog"/>.</summary>
public enum NetworkEventKind
{
    /// <summary>A datagram entered a path.</summary>
    Sent,

    /// <summary>A datagram reached an endpoint.</summary>
    Arrived,

    /// <summary>A link lost a datagram.</summary>
    Lost,

    /// <summary>A link delivered a datagram twice.</summary>
    Duplicated,

    /// <summary>A link changed a bit of a datagram.</summary>
    Corrupted,

    /// <summary>An interceptor dropped a datagram.</summary>
    Intercepted,

    /// <summary>A datagram arrived for an address that its host has no more.</summary>
    Stray,

    /// <summary>A datagram was sent to an address that nobody has.</summary>
    Unreachable,

    /// <summary>Something was done to the network, or a test had something to say.</summary>
    Note,
}

/// <summary>
/// What happened in a network: the last events in words for failure messages, and a fingerprint of all of them since the
/// start, contents of the datagrams included, by which two runs are compared.
/// </summary>
public sealed class NetworkLog
{
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    private readonly Entry[] _ring;
    private readonly Func<int, string> _pathName;

    internal NetworkLog(int capacity, Func<int, string> pathName)
    {
        _ring = new Entry[capacity];
        _pathName = pathName;
    }

    /// <summary>Events so far.</summary>
    public long Count { get; private set; }

    /// <summary>A hash of every event so far. Equal runs have equal ones, on every machine.</summary>
    public ulong Fingerprint { get; private set; }

    /// <summary>The last events, oldest first, one a line.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        for (long i = Math.Max(0, Count - _ring.Length); i < Count; i++)
        {
            Entry entry = _ring[(int)(i % _ring.Length)];
            text.Append(CultureInfo.InvariantCulture, $"{entry.Microseconds / 1e6,14:F6} s  {entry.Kind,-11} ");
            if (entry.Path >= 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{_pathName(entry.Path),-12} {entry.Length,5} bytes");
                text.Append(entry.Kind switch
                {
                    NetworkEventKind.Lost => $"  {(FaultCause)entry.Detail}",
                    NetworkEventKind.Corrupted => $"  bit {entry.Detail}",
                    NetworkEventKind.Sent => $"  #{entry.Detail:X16}",
                    _ => "",
                });
            }

            text.Append(entry.Note is null ? "" : $" {entry.Note}").AppendLine();
        }

        return text.ToString();
    }

    /// <summary>A 64-bit hash of bytes; fast, fixed, not for security.</summary>
    internal static ulong Digest(ReadOnlySpan<byte> bytes)
    {
        ulong first = (ulong)bytes.Length;
        ulong second = Multiplier;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        int i = 0;
        for (; i + 1 < words.Length; i += 2)
        {
            first = ulong.RotateLeft(first ^ words[i], 29) * Multiplier;
            second = ulong.RotateLeft(second ^ words[i + 1], 31) * Multiplier;
        }

        if (i < words.Length)
        {
            first = ulong.RotateLeft(first ^ words[i], 29) * Multiplier;
        }

        foreach (byte last in bytes[(words.Length * sizeof(ulong))..])
        {
            second = ulong.RotateLeft(second ^ last, 31) * Multiplier;
        }

        return SeededRandom.Mix(first ^ ulong.RotateLeft(second, 17));
    }

    internal void Add(Timestamp at, NetworkEventKind kind, int path, int length, ulong detail, string? note = null)
    {
        ulong place = ((ulong)kind << 56) ^ ((ulong)(uint)path << 32) ^ (uint)length;
        ulong mixed = SeededRandom.Mix(Fingerprint ^ (ulong)at.Microseconds);
        Fingerprint = SeededRandom.Mix(mixed ^ place) ^ detail;
        _ring[(int)(Count % _ring.Length)] = new Entry(at.Microseconds, kind, path, length, detail, note);
        Count++;
    }

    private readonly record struct Entry(
        long Microseconds, NetworkEventKind Kind, int Path, int Length, ulong Detail, string? Note);
}
