using System.Security.Cryptography;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Makes the stateless reset token of a connection id from a static key (RFC 9000, 10.3.2), so that a server can reset
/// what it no longer knows. Servers that share connection ids share the key.
/// </summary>
internal sealed class StatelessResetKey : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 32;

    private readonly byte[] _key = GC.AllocateArray<byte>(Length, pinned: true);

    /// <param name="key"><see cref="Length"/> bytes that stay the same when the server starts again.</param>
    public StatelessResetKey(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Length, nameof(key));
        key.CopyTo(_key);
    }

    /// <summary>The token of a connection id: the first half of its HMAC-SHA-256.</summary>
    public StatelessResetToken TokenOf(in ConnectionId connectionId)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, connectionId.Span, hash);
        return new StatelessResetToken(hash[..StatelessResetToken.Length]);
    }

    /// <summary>Forgets the key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
