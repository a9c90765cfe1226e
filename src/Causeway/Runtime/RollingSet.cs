using System.Diagnostics;
using System.Security.Cryptography;

namespace Causeway.Runtime;

/// <summary>
/// The last keys that were added: of <em>n</em> that are to be remembered, at least n and at most 2n, without a time.
/// Exact, so that no key is taken for another. Not thread-safe.
/// </summary>
/// <remarks>
/// Two generations: keys go into the newer one, and when that has n, the older one is forgotten and the two change
/// places. A table is open addressed, grows with what is in it, and takes 16 to 32 bytes for a key.
/// </remarks>
internal sealed class RollingSet
{
    private const int LeastSlots = 64;

    // Keys may be a peer's choice (a conversation id in clear): where they fall must not be.
    private readonly ulong _secret;
    private int _capacity;
    private ulong[] _newer = [];
    private ulong[] _older = [];
    private int _count;

    /// <param name="capacity">Keys that are remembered at least.</param>
    public RollingSet(int capacity)
    {
        Debug.Assert(capacity > 0, "an owner that wants none makes no set");
        _capacity = capacity;
        _secret = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
    }

    /// <summary>Keys that are remembered at least; it can only grow.</summary>
    public int Capacity
    {
        get => _capacity;
        set => _capacity = Math.Max(_capacity, value);
    }

    /// <summary>Bytes of the tables.</summary>
    public long Size => (_newer.Length + (long)_older.Length) * sizeof(ulong);

    /// <summary>Whether a key is remembered.</summary>
    public bool Contains(ulong key) => IsIn(_newer, Spread(key)) || IsIn(_older, Spread(key));

    /// <summary>Remembers a key; false if it was remembered already.</summary>
    public bool TryAdd(ulong key)
    {
        ulong spread = Spread(key);
        if (IsIn(_newer, spread) || IsIn(_older, spread))
        {
            return false;
        }

        if (_count >= _capacity)
        {
            (_older, _newer) = (_newer, []);
            _count = 0;
        }

        if ((_count + 1) * 2 > _newer.Length)
        {
            Grow();
        }

        Put(_newer, spread);
        _count++;
        return true;
    }

    /// <summary>Forgets a key again that was added lately.</summary>
    public void Remove(ulong key)
    {
        ulong[] table = _newer;
        ulong spread = Spread(key);
        int at = Find(table, spread);
        if (at < 0 || table[at] == 0)
        {
            return;
        }

        // Open addressing leaves no hole behind: the keys that follow are put in anew.
        table[at] = 0;
        _count--;
        for (int i = Next(table, at); table[i] != 0; i = Next(table, i))
        {
            ulong moved = table[i];
            table[i] = 0;
            Put(table, moved);
        }
    }

    // A permutation of the keys (both factors are odd), but for the one that would be the mark of an empty slot.
    private ulong Spread(ulong key)
    {
        ulong spread = (key ^ _secret) * _secret;
        spread ^= spread >> 32;
        spread *= 0x9E37_79B9_7F4A_7C15;
        return spread == 0 ? 1 : spread;
    }

    private static bool IsIn(ulong[] table, ulong spread)
    {
        int at = Find(table, spread);
        return at >= 0 && table[at] == spread;
    }

    /// <summary>Where the key is, or the empty slot where it would be; -1 in a table without slots.</summary>
    private static int Find(ulong[] table, ulong spread)
    {
        if (table.Length == 0)
        {
            return -1;
        }

        int at = (int)((spread >> 32) & (uint)(table.Length - 1));
        while (table[at] != 0 && table[at] != spread)
        {
            at = Next(table, at);
        }

        return at;
    }

    private static int Next(ulong[] table, int at) => (at + 1) & (table.Length - 1);

    private static void Put(ulong[] table, ulong spread) => table[Find(table, spread)] = spread;

    private void Grow()
    {
        ulong[] before = _newer;
        _newer = new ulong[Math.Max(LeastSlots, before.Length * 2)];
        foreach (ulong spread in before)
        {
            if (spread != 0)
            {
                Put(_newer, spread);
            }
        }
    }
}
