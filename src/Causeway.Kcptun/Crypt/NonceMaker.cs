using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Makes the nonces of one sending transform. Its <see cref="NonceRecogniser"/> knows them again: a datagram that comes back to
/// its maker was not sent by the peer, although the key that both share opens it.
/// </summary>
/// <remarks>
/// A nonce is a count under a permutation whose key nobody else has. So it repeats never, where a random one may; it
/// looks random to everybody, the peer included; and to undo the permutation is to see the count, which is below the
/// number of nonces made so far for one's own, and for another's with a probability of that number in 2^64 or less
/// (1 in 18 billion after a thousand million datagrams). That takes no memory for each datagram.
/// </remarks>
internal sealed class NonceMaker : IDisposable
{
    // Made ahead, since a call of the permutation costs more than a nonce.
    private const int Ahead = 64;
    private const int MaxLength = 16;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(NoncePermutation.KeyLength);
    private readonly NoncePermutation _permutation;
    private readonly byte[] _ready;
    private int _position;
    private long _made;

    /// <param name="length">Bytes of a nonce: 8, 12 or 16.</param>
    public NonceMaker(int length)
    {
        Length = length;
        _permutation = NoncePermutation.CreateScrambler(length, _key);
        _ready = new byte[Ahead * length];
        _position = _ready.Length;
    }

    /// <summary>Bytes of a nonce.</summary>
    public int Length { get; }

    /// <summary>Nonces made so far. Any thread may read it.</summary>
    public ulong Made => (ulong)Volatile.Read(ref _made);

    /// <summary>Makes what knows this one's nonces, for another thread to use. Before the first <see cref="Dispose"/>.</summary>
    public NonceRecogniser CreateRecogniser() => new(this, NoncePermutation.CreateUnscrambler(Length, _key));

    /// <summary>Takes the next nonce.</summary>
    public void Next(Span<byte> nonce)
    {
        if (_position == _ready.Length)
        {
            MakeAhead();
        }

        _ready.AsSpan(_position, Length).CopyTo(nonce);
        _position += Length;
    }

    /// <summary>Forgets the key; a recogniser has its own.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        _permutation.Dispose();
    }

    private void MakeAhead()
    {
        long next = _made;
        Span<byte> counts = stackalloc byte[Ahead * MaxLength];
        counts = counts[.._ready.Length];
        counts.Clear();
        for (int at = 0; at < counts.Length; at += Length)
        {
            BinaryPrimitives.WriteInt64LittleEndian(counts[at..], next++);
        }

        _permutation.Apply(counts, _ready);

        // Before the first of them is used, so that none can come back sooner.
        Volatile.Write(ref _made, next);
        _position = 0;
    }
}
