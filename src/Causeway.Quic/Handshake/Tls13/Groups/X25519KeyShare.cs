using System.Security.Cryptography;

using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Causeway.Quic.Handshake.Tls13.Groups;

/// <summary>X25519 (RFC 7748, RFC 8446, 7.4.2).</summary>
internal sealed class X25519KeyShare : KeyShare
{
    /// <summary>Bytes of a public value, of a private key and of a shared secret.</summary>
    public const int Length = 32;

    private readonly byte[] _privateKey = new byte[Length];
    private readonly byte[] _publicValue = new byte[Length];

    public X25519KeyShare(RandomBytes random)
    {
        random(_privateKey);
        X25519.GeneratePublicKey(_privateKey, _publicValue);
    }

    public override NamedGroup Group => NamedGroup.X25519;

    public override ReadOnlySpan<byte> PublicValue => _publicValue;

    public override bool TryAgree(ReadOnlyMemory<byte> peerShare, out byte[] secret)
    {
        secret = new byte[Length];

        // A point of low order makes a result of zeros that everybody knows; CalculateAgreement is false for it.
        return peerShare.Length == Length && X25519.CalculateAgreement(_privateKey, peerShare.Span, secret);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_privateKey);
}
