using System.Buffers.Binary;
using System.Security.Cryptography;

using Causeway.Protocol;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Remembers which ClientHellos with early data were seen, in memory of a fixed size (RFC 8446, 8.2), so that each is
/// taken once. A ClientHello is only taken near the time at which its ticket's age says it was sent (8.3), so only that
/// long must it be remembered. When there is no room, early data is refused, which costs its sender a round trip and
/// nothing else.
/// </summary>
/// <remarks>
/// All shards of a server share one, without a lock. A slot holds 40 bits of a keyed hash and 24 bits of time in one
/// word, and words only change by compare-and-swap. Servers that share tickets do not share this: each of them takes
/// early data once.
/// </remarks>
internal sealed class StrikeRegister
{
    /// <summary>
    /// Slots that an entry may take. With 8, a table filled by half refuses less than one in a thousand.
    /// </summary>
    private const int Ways = 8;

    private const int TimeBits = 24;
    private const ulong TimeMask = (1UL << TimeBits) - 1;

    private readonly ulong[] _slots;
    private readonly byte[] _key = new byte[32];
    private readonly long _startMilliseconds;

    /// <param name="capacity">Entries, of 8 bytes each. Early data refused for want of room begins at about half of
    /// it.</param>
    /// <param name="environment">For a key that makes collisions unpredictable, and for the wall time.</param>
    /// <param name="now">The time. Early data of tickets from before it is refused during the first window, for it may
    /// have been taken by a process that has since ended.</param>
    public StrikeRegister(int capacity, HandshakeEnvironment environment, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _slots = new ulong[(capacity + Ways - 1) / Ways * Ways];
        environment.Random(_key);
        _startMilliseconds = environment.UnixMilliseconds(now);
    }

    /// <summary>
    /// How far the age that a client states may be from the truth (RFC 8446, 8.3), for clocks and for the way.
    /// </summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether the early data of a ClientHello may be taken, which it then never may again.</summary>
    /// <param name="binder">The binder of the first PSK, which no two ClientHellos share.</param>
    /// <param name="issuedMilliseconds">When the ticket was issued, by the Unix epoch.</param>
    /// <param name="statedAgeMilliseconds">How old the client says the ticket is.</param>
    /// <param name="unixMilliseconds">The time, by the Unix epoch.</param>
    public bool TryTake(
        ReadOnlySpan<byte> binder, long issuedMilliseconds, uint statedAgeMilliseconds, long unixMilliseconds)
    {
        long window = (long)Window.TotalMilliseconds;
        long sent = issuedMilliseconds + statedAgeMilliseconds;
        if (Math.Abs(unixMilliseconds - sent) > window)
        {
            return false;
        }

        // RFC 8446, 8.2: what a register that is gone may have seen is refused until it would be too old anyway.
        if (issuedMilliseconds < _startMilliseconds && sent < _startMilliseconds + window)
        {
            return false;
        }

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, binder, hash);
        int first = (int)(BinaryPrimitives.ReadUInt32LittleEndian(hash) % (uint)(_slots.Length / Ways)) * Ways;
        ulong mark = BinaryPrimitives.ReadUInt64LittleEndian(hash[8..]) & ~TimeMask;

        // Second zero is kept free, so that an empty slot is not an entry.
        ulong second = Math.Max((ulong)(unixMilliseconds / 1000) & TimeMask, 1);
        return TryInsert(first, mark, second);
    }

    private bool TryInsert(int first, ulong mark, ulong second)
    {
        // A lost swap means that another thread filled a slot, and there are Ways of them, so this ends.
        for (int attempt = 0; attempt <= Ways; attempt++)
        {
            int free = -1;
            ulong seen = 0;
            for (int index = first; index < first + Ways; index++)
            {
                ulong slot = Volatile.Read(ref _slots[index]);
                if (IsExpired(slot, second))
                {
                    (free, seen) = free < 0 ? (index, slot) : (free, seen);
                }
                else if ((slot & ~TimeMask) == mark)
                {
                    return false;
                }
            }

            if (free < 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _slots[free], mark | second, seen) == seen)
            {
                return IsAlone(first, free, mark, second);
            }
        }

        return false;
    }

    /// <summary>
    /// Two threads with the same ClientHello may have found different slots free, as one expired between their looks.
    /// Each then sees the other's entry here, and both refuse.
    /// </summary>
    private bool IsAlone(int first, int own, ulong mark, ulong second)
    {
        for (int index = first; index < first + Ways; index++)
        {
            ulong slot = Volatile.Read(ref _slots[index]);
            if (index != own && (slot & ~TimeMask) == mark && !IsExpired(slot, second))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsExpired(ulong slot, ulong second)
    {
        if ((slot & TimeMask) == 0)
        {
            return true;
        }

        // The replay may come as late as one window after the time of sending, which may be one window after the first
        // arrival. The time wraps at 194 days. Another thread's second may be a little ahead, which is a distance of
        // almost the whole.
        ulong age = (second - slot) & TimeMask;
        ulong kept = (ulong)Window.TotalSeconds * 2 + 2;
        return age > kept && age < TimeMask - kept;
    }
}
