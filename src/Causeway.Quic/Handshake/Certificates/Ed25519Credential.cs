using Causeway.Quic.Handshake.Tls13;

using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>An Ed25519 key (RFC 8032) by BouncyCastle.</summary>
internal sealed class Ed25519Credential : HandshakeCredential
{
    private readonly Ed25519PrivateKeyParameters _key;

    public Ed25519Credential(ReadOnlySpan<byte> seed, IReadOnlyList<ReadOnlyMemory<byte>> chain)
        : base(chain, [SignatureScheme.Ed25519]) => _key = new Ed25519PrivateKeyParameters(seed);

    public override byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content)
    {
        byte[] signature = new byte[Ed25519.SignatureSize];
        _key.Sign(Ed25519.Algorithm.Ed25519, ctx: null, content, signature);
        return signature;
    }
}
