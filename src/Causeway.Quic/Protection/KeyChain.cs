using System.Security.Cryptography;
using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>The keys of one direction, generation after generation (RFC 9001, 6.1). Keeps the next one ahead.</summary>
internal sealed class KeyChain : IDisposable
{
    private readonly CipherSuite _suite;
    private readonly QuicVersion _version;

    // The secret of the first generation that has no key yet. No secret of a key that exists is kept: whoever took the
    // memory could read what was sent before.
    private readonly byte[] _secret;
    private PacketKey? _next;

    /// <param name="suite">The suite.</param>
    /// <param name="version">The version of the packets.</param>
    /// <param name="secret">The secret of the first generation, whose key is derived elsewhere.</param>
    public KeyChain(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        _suite = suite;
        _version = version;
        _secret = GC.AllocateArray<byte>(KeySchedule.SecretLength(suite), pinned: true);
        KeySchedule.DeriveNextSecret(suite, version, secret, _secret);
        Prepare();
    }

    /// <summary>The next generation's key, if it was prepared.</summary>
    public PacketKey? Next => _next;

    /// <summary>
    /// Derives the next generation's key ahead, so that no packet has to wait for it and tell so (RFC 9001, 6.3).
    /// </summary>
    public void Prepare()
    {
        if (_next is not null)
        {
            return;
        }

        _next = PacketKey.Derive(_suite, _version, _secret);
        Span<byte> following = stackalloc byte[KeySchedule.MaxSecretLength];
        following = following[.._secret.Length];
        KeySchedule.DeriveNextSecret(_suite, _version, _secret, following);
        following.CopyTo(_secret);
        CryptographicOperations.ZeroMemory(following);
    }

    /// <summary>Hands the next generation's key over. That of the one behind it is not prepared.</summary>
    public PacketKey TakeNext()
    {
        Prepare();
        PacketKey key = _next!;
        _next = null;
        return key;
    }

    /// <summary>Forgets the secret, and the key that nobody took.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secret);
        _next?.Dispose();
        _next = null;
    }
}
