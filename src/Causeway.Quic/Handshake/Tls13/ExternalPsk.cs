using System.Security.Cryptography;
using System.Text;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// A key that both ends were given beforehand (RFC 8446, 2.2). It authenticates both; (EC)DHE makes the traffic keys.
/// </summary>
/// <param name="Identity">The name of the key, which travels in the clear.</param>
/// <param name="Key">The key itself.</param>
internal sealed record ExternalPsk(ReadOnlyMemory<byte> Identity, ReadOnlyMemory<byte> Key)
{
    // Whoever records one ClientHello can try passwords against its binder, so each try must cost (OWASP's number for
    // PBKDF2 with HMAC-SHA-256; 0.2 s once per endpoint).
    private const int Iterations = 600_000;

    /// <summary>
    /// The hash that the key is bound to; SHA-256 where the provisioning says nothing (RFC 8446, 4.2.11).
    /// </summary>
    public HashAlgorithmName Hash { get; init; } = HashAlgorithmName.SHA256;

    /// <summary>
    /// What a session keeps of the key that it came from, so that it ends when the key is replaced under the same name.
    /// </summary>
    public byte[] Fingerprint() => HMACSHA256.HashData(Key.Span, "causeway psk fingerprint"u8);

    /// <summary>Whether a session came from this very key.</summary>
    public bool IsOf(ReadOnlyMemory<byte> identity, ReadOnlyMemory<byte> fingerprint) =>
        Identity.Span.SequenceEqual(identity.Span)
        && CryptographicOperations.FixedTimeEquals(Fingerprint(), fingerprint.Span);

    /// <summary>
    /// A key from words that people share. Takes noticeable time; the words should still be long and random.
    /// </summary>
    /// <param name="secret">The shared words.</param>
    /// <param name="identity">The name of the key, the same at both ends.</param>
    public static ExternalPsk FromSharedSecret(string secret, string identity = "causeway")
    {
        ArgumentException.ThrowIfNullOrEmpty(secret);
        ArgumentException.ThrowIfNullOrEmpty(identity);
        byte[] name = Encoding.UTF8.GetBytes(identity);
        byte[] salt = [.. "causeway quic psk "u8, .. name];
        byte[] key = Rfc2898DeriveBytes.Pbkdf2(
            Encoding.UTF8.GetBytes(secret), salt, Iterations, HashAlgorithmName.SHA256, outputLength: 32);
        return new ExternalPsk(name, key);
    }

    /// <summary>Names the identity only: a key does not belong in a log.</summary>
    public override string ToString() => $"{nameof(ExternalPsk)} {Convert.ToHexString(Identity.Span)}";
}
