using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Causeway.Quic.Handshake;

namespace Causeway.Quic.Protection;

/// <summary>Derives what protects packets from secrets (RFC 9001, 5.1; RFC 9369, 3.3.2).</summary>
internal static class KeySchedule
{
    /// <summary>Bytes of the longest secret: of SHA-384.</summary>
    public const int MaxSecretLength = 48;

    /// <summary>Bytes of the longest key.</summary>
    public const int MaxKeyLength = 32;

    /// <summary>Bytes of an IV, which every suite's nonce is as long as.</summary>
    public const int IvLength = 12;

    private const int MaxLabelLength = 32;

    /// <summary>The hash of a suite.</summary>
    public static HashAlgorithmName Hash(CipherSuite suite) =>
        suite == CipherSuite.Aes256GcmSha384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256;

    /// <summary>Bytes of a suite's secrets.</summary>
    public static int SecretLength(CipherSuite suite) => suite == CipherSuite.Aes256GcmSha384 ? 48 : 32;

    /// <summary>Bytes of a suite's keys, for packets and for headers.</summary>
    public static int KeyLength(CipherSuite suite) => suite == CipherSuite.Aes128GcmSha256 ? 16 : 32;

    /// <summary>The key of a secret: "quic key".</summary>
    public static void DeriveKey(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret, Span<byte> key) =>
        ExpandLabel(Hash(suite), secret, version == QuicVersion.V2 ? "quicv2 key"u8 : "quic key"u8, key);

    /// <summary>The IV of a secret: "quic iv".</summary>
    public static void DeriveIv(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret, Span<byte> iv) =>
        ExpandLabel(Hash(suite), secret, version == QuicVersion.V2 ? "quicv2 iv"u8 : "quic iv"u8, iv);

    /// <summary>The header protection key of a secret: "quic hp".</summary>
    public static void DeriveHeaderKey(CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret, Span<byte> key) =>
        ExpandLabel(Hash(suite), secret, version == QuicVersion.V2 ? "quicv2 hp"u8 : "quic hp"u8, key);

    /// <summary>The secret that follows in a key update: "quic ku" (RFC 9001, 6.1).</summary>
    public static void DeriveNextSecret(
        CipherSuite suite, QuicVersion version, ReadOnlySpan<byte> secret, Span<byte> next) =>
        ExpandLabel(Hash(suite), secret, version == QuicVersion.V2 ? "quicv2 ku"u8 : "quic ku"u8, next);

    /// <summary>HKDF-Expand-Label with an empty context (RFC 8446, 7.1).</summary>
    public static void ExpandLabel(
        HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, Span<byte> output)
    {
        Debug.Assert(label.Length <= MaxLabelLength, "labels of QUIC are short");
        ReadOnlySpan<byte> prefix = "tls13 "u8;
        Span<byte> info = stackalloc byte[sizeof(ushort) + 1 + 6 + MaxLabelLength + 1];
        BinaryPrimitives.WriteUInt16BigEndian(info, (ushort)output.Length);
        info[2] = (byte)(prefix.Length + label.Length);
        prefix.CopyTo(info[3..]);
        label.CopyTo(info[(3 + prefix.Length)..]);
        int end = 3 + prefix.Length + label.Length;
        info[end] = 0;
        HKDF.Expand(hash, secret, output, info[..(end + 1)]);
    }
}
