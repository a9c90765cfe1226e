using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Makes the nonces of one sending transform, and knows them again: a datagram that comes back to its maker was not sent
/// by the peer, although the key that both share opens it.
/// </summary>
/// <remarks>
/// A nonce is a count under a permutation whose key nobody else has. So it repeats never, where a random one may; it
/// looks random to everybody, the peer included; and to undo the permutation is to see the count, which is below the
/// number of nonces made so far for one's own, and for another's with a probability of that number in 2^64 or less
/// (1 in 18 billion after a thousand million datagrams). That takes no memory for each datagram.
/// One thread may make nonces while another recognises them.
/// </remarks>
internal sealed class NonceMaker
{
    /// <summary>Nonces that <see cref="FindOwn"/> takes at a time.</summary>
    public const int Group = Speck.Lanes;

    // Made ahead: a multiple of a group.
    private const int Ahead = 64;

    private readonly int _length;
    private readonly int _wordBits;
    private readonly Speck _permutation;
    private readonly byte[] _ready;
    private int _position;
    private long _made;

    /// <param name="length">Bytes of a nonce: 8, 12 or 16.</param>
    public NonceMaker(int length)
    {
        _length = length;
        _wordBits = length * 4;
        ulong[] key = new ulong[Speck.KeyWords(_wordBits)];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(key.AsSpan()));
        _permutation = new Speck(_wordBits, key);
        _ready = new byte[Ahead * length];
        _position = _ready.Length;
    }

    /// <summary>Bytes of a nonce.</summary>
    public int Length => _length;

    /// <summary>Takes the next nonce.</summary>
    public void Next(Span<byte> nonce)
    {
        if (_position == _ready.Length)
        {
            MakeAhead();
        }

        _ready.AsSpan(_position, _length).CopyTo(nonce);
        _position += _length;
    }

    /// <summary>Tells which nonces were made here.</summary>
    /// <param name="nonces">Up to <see cref="Group"/>, one behind the other.</param>
    /// <returns>Bit i is set if nonce i is this one's own.</returns>
    public uint FindOwn(ReadOnlySpan<byte> nonces)
    {
        Span<ulong> high = stackalloc ulong[Group];
        Span<ulong> low = stackalloc ulong[Group];
        high.Clear();
        low.Clear();
        int count = nonces.Length / _length;
        for (int i = 0; i < count; i++)
        {
            (high[i], low[i]) = Read(nonces.Slice(i * _length, _length));
        }

        Vector256<ulong> x = Vector256.Create<ulong>(high);
        Vector256<ulong> y = Vector256.Create<ulong>(low);
        _permutation.Decrypt(ref x, ref y);
        ulong made = (ulong)Volatile.Read(ref _made);

        // Half a nonce is a word; only of the shortest does a count need both.
        Vector256<ulong> isOwn = _wordBits == 32
            ? Vector256.LessThan((x << 32) | y, Vector256.Create(made))
            : Vector256.LessThan(y, Vector256.Create(made)) & Vector256.Equals(x, Vector256<ulong>.Zero);
        return isOwn.ExtractMostSignificantBits() & ((1u << count) - 1);
    }

    private void MakeAhead()
    {
        ulong next = (ulong)_made;
        for (int at = 0; at < _ready.Length; at += Group * _length)
        {
            Vector256<ulong> counts = Vector256.Create(next) + Vector256.Create(0UL, 1, 2, 3);
            Vector256<ulong> high = _wordBits == 64 ? Vector256<ulong>.Zero : counts >>> _wordBits;
            Vector256<ulong> low = counts & Vector256.Create(ulong.MaxValue >> (64 - _wordBits));
            _permutation.Encrypt(ref high, ref low);
            for (int i = 0; i < Group; i++)
            {
                Write(_ready.AsSpan(at + (i * _length), _length), high[i], low[i]);
            }

            next += Group;
        }

        // Before the first of them is used, so that none can come back sooner.
        Volatile.Write(ref _made, (long)next);
        _position = 0;
    }

    private static (ulong High, ulong Low) Read(ReadOnlySpan<byte> nonce)
    {
        switch (nonce.Length)
        {
            case 8:
                return (BinaryPrimitives.ReadUInt32LittleEndian(nonce[4..]), BinaryPrimitives.ReadUInt32LittleEndian(nonce));
            case 12:
                ulong first = BinaryPrimitives.ReadUInt64LittleEndian(nonce);
                ulong last = BinaryPrimitives.ReadUInt32LittleEndian(nonce[8..]);
                return ((last << 16) | (first >> 48), first & 0xFFFF_FFFF_FFFF);
            default:
                return (BinaryPrimitives.ReadUInt64LittleEndian(nonce[8..]), BinaryPrimitives.ReadUInt64LittleEndian(nonce));
        }
    }

    private static void Write(Span<byte> nonce, ulong high, ulong low)
    {
        switch (nonce.Length)
        {
            case 8:
                BinaryPrimitives.WriteUInt32LittleEndian(nonce, (uint)low);
                BinaryPrimitives.WriteUInt32LittleEndian(nonce[4..], (uint)high);
                break;
            case 12:
                BinaryPrimitives.WriteUInt64LittleEndian(nonce, low | (high << 48));
                BinaryPrimitives.WriteUInt32LittleEndian(nonce[8..], (uint)(high >> 16));
                break;
            default:
                BinaryPrimitives.WriteUInt64LittleEndian(nonce, low);
                BinaryPrimitives.WriteUInt64LittleEndian(nonce[8..], high);
                break;
        }
    }
}
