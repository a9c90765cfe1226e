using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Causeway.Quic;

/// <summary>The secret from which a server's own keys come. What they protect is good wherever the secret is.</summary>
internal static class ServerSecret
{
    /// <summary>Bytes of a secret, at least.</summary>
    public const int MinLength = 32;

    /// <summary>Bytes of each key that is derived.</summary>
    public const int KeyLength = 32;

    /// <summary>The secret of a server that has an own key: the same whenever it is started with that key.</summary>
    public static byte[] Of(ECDsa privateKey)
    {
        ECParameters parameters = privateKey.ExportParameters(includePrivateParameters: true);
        try
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, parameters.D!, MinLength, info: "causeway server secret"u8.ToArray());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(parameters.D);
        }
    }

    /// <summary>Seals address tokens (RFC 9000, 8.1).</summary>
    public static byte[] TokenKey(ReadOnlySpan<byte> secret) => Derive(secret, "causeway address token"u8);

    /// <summary>
    /// Makes the tokens of stateless resets (RFC 9000, 10.3.2). Each port has its own: whoever sees a connection id may send it to
    /// another listener, which does not know the connection, and must not get the token that ends it (21.11).
    /// </summary>
    public static byte[] ResetKey(ReadOnlySpan<byte> secret, int port)
    {
        ReadOnlySpan<byte> label = "causeway stateless reset"u8;
        Span<byte> info = stackalloc byte[label.Length + sizeof(ushort)];
        label.CopyTo(info);
        BinaryPrimitives.WriteUInt16BigEndian(info[label.Length..], (ushort)port);
        return Derive(secret, info);
    }

    // RFC 5869. What is given may be any secret, so that it is extracted first.
    private static byte[] Derive(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label)
    {
        byte[] key = new byte[KeyLength];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt: default, label);
        return key;
    }
}
