using System.Security.Cryptography;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// Where a transform takes its nonces from. Nothing on the wire depends on how they are made, as long as they do not
/// repeat (docs/wire/kcptun.md 3.8). Serves one transform, on one thread at a time.
/// </summary>
internal abstract class NonceSource
{
    public abstract void Fill(Span<byte> nonce);
}

/// <summary>
/// Random nonces from the operating system, fetched a few hundred at a time: a call costs more than a nonce.
/// </summary>
internal sealed class RandomNonceSource : NonceSource
{
    // 256 nonces of 16 bytes: a system call for every fourth batch of 64 datagrams.
    private readonly byte[] _buffer = new byte[4096];
    private int _position;

    public RandomNonceSource() => _position = _buffer.Length;

    public override void Fill(Span<byte> nonce)
    {
        if (_buffer.Length - _position < nonce.Length)
        {
            RandomNumberGenerator.Fill(_buffer);
            _position = 0;
        }

        _buffer.AsSpan(_position, nonce.Length).CopyTo(nonce);
        _position += nonce.Length;
    }
}
