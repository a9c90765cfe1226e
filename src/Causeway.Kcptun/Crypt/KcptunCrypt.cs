using System.Collections.Frozen;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;
using Org.BouncyCastle.Crypto.Engines;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// A packet crypt of kcptun by its <c>--crypt</c> name (docs/wire/kcptun.md 2 and 3): what it costs, what it is
/// worth, and the transforms that speak it.
/// </summary>
/// <remarks>
/// Only <c>aes-128-gcm</c> authenticates what it carries. All others have an encrypted CRC32 at best: it finds
/// accidents, and most forgeries by somebody without the key, but under <c>salsa20</c>, <c>xor</c> and <c>none</c> anyone
/// who sees a datagram can change it at will. No kcptun crypt is forward secret. What is done about replays, and under
/// which crypts, is in docs/security.md.
/// </remarks>
public sealed class KcptunCrypt
{
    /// <summary>The name that kcptun uses when not told, and in place of every name that it does not know.</summary>
    public const string DefaultName = "aes";

    private static readonly KcptunCrypt[] s_all =
    [
        new("aes", keyLength: 32, AesCfb.Create),
        new("aes-128", keyLength: 16, AesCfb.Create),
        new("aes-192", keyLength: 24, AesCfb.Create),
        new("aes-128-gcm", keyLength: 16, AesGcmTransform.Overhead,
            static (key, nonces) => new AesGcmTransform(GcmCipher.Create(key), nonces)) { Authenticates = true },
        new("salsa20", keyLength: 32, Salsa20.Create),
        new("blowfish", keyLength: 32,
            static key => new CfbCipher(new BouncyCastleBlockCipher(new BlowfishEngine(), key))),
        new("twofish", keyLength: 32,
            static key => new CfbCipher(new BouncyCastleBlockCipher(new TwofishEngine(), key))),
        new("cast5", keyLength: 16,
            static key => new CfbCipher(new BouncyCastleBlockCipher(new Cast5Engine(), key))),
        new("3des", keyLength: 24, static key => new CfbCipher(new TripleDesBlockCipher(key))),
        new("tea", keyLength: 16, static key => new CfbCipher(new TeaBlockCipher(key))),
        new("xtea", keyLength: 16, static key => new CfbCipher(new XteaBlockCipher(key))),
        new("xor", keyLength: 32, static key => new XorCipher(key)),
        new("sm4", keyLength: 16,
            static key => new CfbCipher(new BouncyCastleBlockCipher(new SM4Engine(), key))),
        new("none", keyLength: 0, static _ => new IdentityCipher()),
        new("null", keyLength: 0, overhead: 0, static (_, _) => new NullTransform()),
    ];

    private static readonly FrozenDictionary<string, KcptunCrypt> s_byName =
        s_all.ToFrozenDictionary(static crypt => crypt.Name, StringComparer.Ordinal);

    private readonly TransformFactory _factory;

    private KcptunCrypt(string name, int keyLength, CipherFactory cipher)
        : this(name, keyLength, ChecksummedTransform.Overhead,
              (key, nonces) => new ChecksummedTransform(cipher(key), nonces))
    {
    }

    private KcptunCrypt(string name, int keyLength, int overhead, TransformFactory factory)
    {
        Name = name;
        KeyLength = keyLength;
        Overhead = overhead;
        _factory = factory;
    }

    private delegate PacketCipher CipherFactory(ReadOnlySpan<byte> key);

    private delegate DatagramTransform TransformFactory(ReadOnlySpan<byte> key, NonceSource? nonces);

    /// <summary>Every crypt there is, in the order of the reference's table.</summary>
    public static IReadOnlyList<KcptunCrypt> All { get; } = Array.AsReadOnly(s_all);

    /// <summary>The <c>--crypt</c> name.</summary>
    public string Name { get; }

    /// <summary>How many of the derived key bytes it uses.</summary>
    public int KeyLength { get; }

    /// <summary>Bytes that it adds to a datagram, in front and behind.</summary>
    public int Overhead { get; }

    /// <summary>
    /// Whether a forged datagram is refused by a cryptographic tag rather than at best by a checksum.
    /// </summary>
    public bool Authenticates { get; private init; }

    /// <summary>The crypt of that name, matched exactly.</summary>
    /// <exception cref="ArgumentException">There is none; the message says which there are.</exception>
    public static KcptunCrypt Parse(string name)
    {
        KcptunCrypt crypt = Resolve(name, out bool isFallback);
        return isFallback
            ? throw new ArgumentException($"crypt is \"{name}\"; allowed: {string.Join(", ", s_all.Select(static c => c.Name))}", nameof(name))
            : crypt;
    }

    /// <summary>
    /// What kcptun makes of a name: the crypt of it, matched exactly; the one of <see cref="DefaultName"/> if there is none.
    /// </summary>
    /// <param name="name">A <c>--crypt</c> name.</param>
    /// <param name="isFallback">
    /// Whether the name is unknown. The reference says nothing and speaks <c>aes</c>, so that a peer with the same
    /// typing error understands it; a caller should warn. <see cref="Parse"/> refuses it.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    public static KcptunCrypt Resolve(string name, out bool isFallback)
    {
        ArgumentNullException.ThrowIfNull(name);
        isFallback = !s_byName.TryGetValue(name, out KcptunCrypt? crypt);
        return crypt ?? s_byName[DefaultName];
    }

    /// <summary>Makes a transform of the crypt that <see cref="Parse"/> finds.</summary>
    /// <exception cref="ArgumentException">There is no such crypt.</exception>
    /// <inheritdoc cref="CreateTransform(KcptunKey)"/>
    public static DatagramTransform Create(string name, KcptunKey key) => Parse(name).CreateTransform(key);

    /// <summary>
    /// Makes a transform for one direction. It copies what it needs of the key and zeroes that when disposed; after
    /// that it refuses to work rather than protect with a zeroed key.
    /// </summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ObjectDisposedException"><paramref name="key"/> was disposed.</exception>
    public DatagramTransform CreateTransform(KcptunKey key) => CreateTransform(key, nonces: null);

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    internal DatagramTransform CreateTransform(KcptunKey key, NonceSource? nonces)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _factory(key.Derived[..KeyLength], nonces);
    }
}
