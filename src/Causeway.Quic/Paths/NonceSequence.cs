using System.Security.Cryptography;
using Causeway.Quic.Protection;

namespace Causeway.Quic.Paths;

/// <summary>
/// Nonces that do not repeat and cannot be guessed (draft-ietf-quic-load-balancers, 9.6 and 9.7): a count from a random start, encrypted
/// under a key that nobody else has. For one thread at a time.
/// </summary>
internal sealed class NonceSequence : IDisposable
{
    private readonly ConnectionIdCipher _cipher;
    private readonly byte[] _count;
    private long _left;

    /// <param name="length">Bytes of a nonce, 2 to 19.</param>
    /// <param name="random">For the start and the key.</param>
    /// <param name="most">How many there shall be, if fewer than the length gives.</param>
    public NonceSequence(int length, RandomBytes random, long most = long.MaxValue)
    {
        Span<byte> key = stackalloc byte[ConnectionIdCipher.KeyLength];
        random(key);
        _cipher = new ConnectionIdCipher(key, length);
        key.Clear();
        _count = new byte[length];
        random(_count);
        _left = length < sizeof(long) ? Math.Min(most, 1L << (8 * length)) : most;
    }

    /// <summary>Whether there is a nonce left.</summary>
    public bool HasNext => _left > 0;

    /// <summary>Writes the next nonce; false if all were used.</summary>
    public bool TryWrite(Span<byte> nonce)
    {
        if (_left == 0)
        {
            return false;
        }

        _left--;
        _count.CopyTo(nonce);
        _cipher.Encrypt(nonce);
        for (int i = _count.Length - 1; i >= 0 && ++_count[i] == 0; i--)
        {
        }

        return true;
    }

    /// <summary>Forgets the key and the count. Whatever else is called afterwards throws.</summary>
    public void Dispose()
    {
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_count);
    }
}
