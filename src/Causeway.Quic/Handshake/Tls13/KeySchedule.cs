using System.Diagnostics;
using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// The key schedule (RFC 8446, 7.1): PSK, then the shared secret of the key exchange, then the master secret. Each step
/// replaces the secret before it.
/// </summary>
internal sealed class KeySchedule : IDisposable
{
    /// <summary>Bytes of the longest label, which has a prefix of six in a vector of 255 (RFC 8446, 7.1).</summary>
    public const int MaxLabelLength = 249;

    private readonly byte[] _secret;

    /// <summary>Begins with a PSK; an empty one stands for none.</summary>
    public KeySchedule(HashAlgorithmName hash, ReadOnlySpan<byte> psk)
    {
        Hash = hash;
        HashLength = CipherSuites.HashLength(hash);
        _secret = new byte[HashLength];
        Extract(psk, salt: []);
    }

    public HashAlgorithmName Hash { get; }

    public int HashLength { get; }

    /// <summary>HKDF-Expand-Label (RFC 8446, 7.1).</summary>
    public static void ExpandLabel(
        HashAlgorithmName hash,
        ReadOnlySpan<byte> secret,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> context,
        Span<byte> destination)
    {
        ReadOnlySpan<byte> prefix = "tls13 "u8;
        Debug.Assert(label.Length <= MaxLabelLength && context.Length <= byte.MaxValue, "callers bound both");
        Span<byte> info = stackalloc byte[2 + 1 + byte.MaxValue + 1 + byte.MaxValue];
        info[0] = (byte)(destination.Length >> 8);
        info[1] = (byte)destination.Length;
        info[2] = (byte)(prefix.Length + label.Length);
        prefix.CopyTo(info[3..]);
        label.CopyTo(info[(3 + prefix.Length)..]);
        int length = 3 + prefix.Length + label.Length;
        info[length++] = (byte)context.Length;
        context.CopyTo(info[length..]);
        length += context.Length;
        HKDF.Expand(hash, secret, destination, info[..length]);
    }

    /// <summary>Derive-Secret from the current secret, with a transcript hash that is already computed.</summary>
    public byte[] Derive(ReadOnlySpan<byte> label, ReadOnlySpan<byte> transcriptHash)
    {
        byte[] derived = new byte[HashLength];
        ExpandLabel(Hash, _secret, label, transcriptHash, derived);
        return derived;
    }

    /// <summary>From the early secret to the handshake secret.</summary>
    public void MixKeyExchange(ReadOnlySpan<byte> sharedSecret) => Mix(sharedSecret);

    /// <summary>From the handshake secret to the master secret.</summary>
    public void FinishToMaster() => Mix([]);

    /// <summary>
    /// The key by which a Finished message or a binder is computed (RFC 8446, 4.4.4), applied to a transcript hash.
    /// </summary>
    public void VerifyData(ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> transcriptHash, Span<byte> destination) =>
        VerifyData(Hash, baseKey, transcriptHash, destination);

    /// <summary>
    /// The binder of a PSK over the transcript hash of a truncated ClientHello (RFC 8446, 4.2.11.2). Uses the current
    /// secret, which must still be the early one.
    /// </summary>
    public void Binder(bool external, ReadOnlySpan<byte> truncatedHash, Span<byte> destination)
    {
        byte[] binderKey = Derive(external ? "ext binder"u8 : "res binder"u8, EmptyHash());
        VerifyData(Hash, binderKey, truncatedHash, destination);
        CryptographicOperations.ZeroMemory(binderKey);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);

    private static void VerifyData(
        HashAlgorithmName hash, ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> transcriptHash, Span<byte> destination)
    {
        Span<byte> key = stackalloc byte[CipherSuites.HashLength(hash)];
        ExpandLabel(hash, baseKey, "finished"u8, [], key);
        if (hash == HashAlgorithmName.SHA384)
        {
            HMACSHA384.HashData(key, transcriptHash, destination);
        }
        else
        {
            HMACSHA256.HashData(key, transcriptHash, destination);
        }

        CryptographicOperations.ZeroMemory(key);
    }

    private byte[] EmptyHash() => Hash == HashAlgorithmName.SHA384 ? SHA384.HashData([]) : SHA256.HashData([]);

    private void Mix(ReadOnlySpan<byte> input)
    {
        byte[] salt = Derive("derived"u8, EmptyHash());
        Extract(input, salt);
        CryptographicOperations.ZeroMemory(salt);
    }

    private void Extract(ReadOnlySpan<byte> input, ReadOnlySpan<byte> salt)
    {
        // Where there is no input, zeros of the hash's length stand for it (RFC 8446, 7.1).
        Span<byte> zeros = stackalloc byte[CipherSuites.MaxHashLength];
        zeros.Clear();
        HKDF.Extract(Hash, input.IsEmpty ? zeros[..HashLength] : input, salt, _secret);
    }
}
