using System.Security.Cryptography;
using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>The keys of one direction, generation after generation (RFC 9001, 6.1). Keeps the next one ahead.</summary>
internal sealed class KeyChain : IDisposable
{
    private readonly CipherSuite _suite;
    private readonly QuicVersion _version;

    // The secret of the next generation: from that of the current one, whoever took the memory could read what was sent before.
    private readonly byte[] _nextSecret;
    private PacketKey? _next;

    /// <param name="suite">The suite.</param>
    /// <param name="version">The version of the packets.</param>
    /// <param name="secret">The secret of the first generation, whose key is derived elsewhere.</param>
    public KeyChain(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret)
    {
        _suite = suite;
        _version = version;
        _nextSecret = GC.AllocateArray<byte>(KeySchedule.SecretLength(suite), pinned: true);
        KeySchedule.DeriveNextSecret(suite, version, secret, _nextSecret);
        Prepare();
    }

    /// <summary>The next generation's key, if it was prepared.</summary>
    public PacketKey? Next => _next;

    /// <summary>Derives the next generation's key ahead, so that no packet has to wait for it and tell so (RFC 9001, 6.3).</summary>
    public void Prepare() => _next ??= PacketKey.Derive(_suite, _version, _nextSecret);

    /// <summary>Hands the next generation's key over and moves on to the one behind it, which is not prepared yet.</summary>
    public PacketKey TakeNext()
    {
        Prepare();
        PacketKey key = _next!;
        _next = null;
        Span<byte> following = stackalloc byte[KeySchedule.MaxSecretLength];
        following = following[.._nextSecret.Length];
        KeySchedule.DeriveNextSecret(_suite, _version, _nextSecret, following);
        following.CopyTo(_nextSecret);
        CryptographicOperations.ZeroMemory(following);
        return key;
    }

    /// <summary>Forgets the secret, and the key that nobody took.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_nextSecret);
        _next?.Dispose();
        _next = null;
    }
}
