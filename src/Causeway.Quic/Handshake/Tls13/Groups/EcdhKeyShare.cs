using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13.Groups;

/// <summary>ECDH over P-256 and P-384 by the platform (RFC 8446, 4.2.8.2, 7.4.2).</summary>
internal sealed class EcdhKeyShare : KeyShare
{
    // UncompressedPointRepresentation: legacy_form 4, then both coordinates.
    private const byte Uncompressed = 4;

    private readonly ECDiffieHellman _key;
    private readonly ECCurve _curve;
    private readonly byte[] _publicValue;

    /// <remarks>
    /// The platform makes the private key by its own random numbers: not every platform imports one without its point.
    /// </remarks>
    public EcdhKeyShare(NamedGroup group)
    {
        Group = group;
        _curve = group == NamedGroup.Secp384r1 ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256;
        _key = ECDiffieHellman.Create(_curve);
        ECPoint point = _key.ExportParameters(includePrivateParameters: false).Q;
        _publicValue = [Uncompressed, .. point.X!, .. point.Y!];
    }

    public override NamedGroup Group { get; }

    public override ReadOnlySpan<byte> PublicValue => _publicValue;

    public override bool TryAgree(ReadOnlyMemory<byte> peerShare, out byte[] secret)
    {
        secret = [];
        ReadOnlySpan<byte> share = peerShare.Span;
        if (share.Length != _publicValue.Length || share[0] != Uncompressed)
        {
            return false;
        }

        int coordinate = (share.Length - 1) / 2;
        ECParameters parameters = new()
        {
            Curve = _curve,
            Q = new ECPoint { X = share.Slice(1, coordinate).ToArray(), Y = share[(1 + coordinate)..].ToArray() },
        };

        // The platform throws for a point that is not on the curve.
        try
        {
            using ECDiffieHellman peer = ECDiffieHellman.Create(parameters);
            secret = _key.DeriveRawSecretAgreement(peer.PublicKey);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    public override void Dispose() => _key.Dispose();
}
