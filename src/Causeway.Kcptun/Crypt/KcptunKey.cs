using System.Security.Cryptography;
using System.Text;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The pre-shared key of the kcptun profile (docs/wire/kcptun.md 2): the bytes that were typed, and the 32 bytes that
/// PBKDF2 derives from them, from which every packet crypt takes a prefix. Both are zeroed by <see cref="Dispose"/>.
/// </summary>
/// <remarks>
/// Deriving takes a few milliseconds (4096 rounds of HMAC-SHA1): do it once per configuration. Transforms copy what
/// they need, so a key may be disposed while transforms made from it are in use. The derivation is the reference's:
/// all sessions and both directions share its result for ever, and a short key can be searched for offline.
/// </remarks>
public sealed class KcptunKey : IDisposable
{
    /// <summary>The key of a kcptun that was not given one. The spelling is the reference's.</summary>
    public const string Default = "it's a secrect";

    /// <summary>Length of <see cref="Derived"/> in bytes.</summary>
    public const int DerivedLength = 32;

    private const int Iterations = 4096;

    private readonly byte[] _seed;
    private readonly byte[] _derived;
    private bool _disposed;

    /// <summary>Derives from a key string, which counts as its UTF-8 bytes. An empty key is allowed.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> is null.</exception>
    public KcptunKey(string key)
        : this(ToBytes(key))
    {
    }

    /// <summary>Derives from the bytes of a key; they are copied.</summary>
    public KcptunKey(ReadOnlySpan<byte> key)
        : this(CopyPinned(key))
    {
    }

    private KcptunKey(byte[] pinnedSeed)
    {
        _seed = pinnedSeed;
        _derived = GC.AllocateArray<byte>(DerivedLength, pinned: true);
        Rfc2898DeriveBytes.Pbkdf2(_seed, "kcp-go"u8, _derived, Iterations, HashAlgorithmName.SHA1);
    }

    /// <summary>The bytes of the key itself. QPP seeds its pads with them.</summary>
    /// <exception cref="ObjectDisposedException">The key was disposed.</exception>
    public ReadOnlySpan<byte> Seed
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _seed;
        }
    }

    /// <summary>The 32 derived bytes. A crypt with a shorter key takes its first ones.</summary>
    /// <exception cref="ObjectDisposedException">The key was disposed.</exception>
    public ReadOnlySpan<byte> Derived
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _derived;
        }
    }

    /// <summary>Zeroes the key material.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_seed);
        CryptographicOperations.ZeroMemory(_derived);
    }

    // Pinned, so that no copy is left behind when the collector compacts.
    private static byte[] ToBytes(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[] bytes = GC.AllocateArray<byte>(Encoding.UTF8.GetByteCount(key), pinned: true);
        Encoding.UTF8.GetBytes(key, bytes);
        return bytes;
    }

    private static byte[] CopyPinned(ReadOnlySpan<byte> key)
    {
        byte[] bytes = GC.AllocateArray<byte>(key.Length, pinned: true);
        key.CopyTo(bytes);
        return bytes;
    }
}
