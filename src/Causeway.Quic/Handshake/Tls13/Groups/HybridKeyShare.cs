using System.Security.Cryptography;

using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;

namespace Causeway.Quic.Handshake.Tls13.Groups;

/// <summary>
/// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem, 4): in shares and in the secret, the part of ML-KEM-768 (FIPS 203) comes
/// first.
/// </summary>
internal sealed class HybridKeyShare : KeyShare
{
    // FIPS 203, table 3, and 7.1: an encapsulation key, a ciphertext, a shared secret, and the seeds d and z.
    private const int EncapsulationKeyLength = 1184;
    private const int CiphertextLength = 1088;
    private const int KemSecretLength = 32;
    private const int SeedLength = 64;

    private readonly MLKemPrivateKeyParameters _kem;
    private readonly X25519KeyShare _curve;
    private readonly byte[] _publicValue;

    public HybridKeyShare(RandomBytes random)
    {
        byte[] seed = new byte[SeedLength];
        random(seed);
        _kem = MLKemPrivateKeyParameters.FromSeed(MLKemParameters.ml_kem_768, seed);
        CryptographicOperations.ZeroMemory(seed);
        _curve = new X25519KeyShare(random);
        _publicValue = [.. _kem.GetPublicKeyEncoded(), .. _curve.PublicValue];
    }

    public override NamedGroup Group => NamedGroup.X25519MLKem768;

    public override ReadOnlySpan<byte> PublicValue => _publicValue;

    /// <summary>The server's side (draft-ietf-tls-ecdhe-mlkem, 4.1).</summary>
    public static bool TryEncapsulate(
        ReadOnlyMemory<byte> clientShare, RandomBytes random, out byte[] serverShare, out byte[] secret)
    {
        serverShare = new byte[CiphertextLength + X25519KeyShare.Length];
        secret = [];
        if (clientShare.Length != EncapsulationKeyLength + X25519KeyShare.Length
            || !IsCanonical(clientShare.Span[..EncapsulationKeyLength]))
        {
            return false;
        }

        using X25519KeyShare curve = new(random);
        if (!curve.TryAgree(clientShare[EncapsulationKeyLength..], out byte[] curveSecret))
        {
            return false;
        }

        MLKemPublicKeyParameters key = MLKemPublicKeyParameters.FromEncoding(
            MLKemParameters.ml_kem_768, clientShare[..EncapsulationKeyLength].ToArray());
        MLKemEncapsulator encapsulator = new(MLKemParameters.ml_kem_768);
        encapsulator.Init(new ParametersWithRandom(key, new SuppliedRandom(random)));
        secret = new byte[KemSecretLength + X25519KeyShare.Length];
        encapsulator.Encapsulate(serverShare.AsSpan(0, CiphertextLength), secret.AsSpan(0, KemSecretLength));
        curve.PublicValue.CopyTo(serverShare.AsSpan(CiphertextLength));
        curveSecret.CopyTo(secret, KemSecretLength);
        CryptographicOperations.ZeroMemory(curveSecret);
        return true;
    }

    public override bool TryAgree(ReadOnlyMemory<byte> peerShare, out byte[] secret)
    {
        secret = [];
        if (peerShare.Length != CiphertextLength + X25519KeyShare.Length
            || !_curve.TryAgree(peerShare[CiphertextLength..], out byte[] curveSecret))
        {
            return false;
        }

        // A wrong ciphertext is not detected here: it makes a secret that nobody shares (FIPS 203, 6.3), so Finished
        // fails.
        MLKemDecapsulator decapsulator = new(MLKemParameters.ml_kem_768);
        decapsulator.Init(_kem);
        secret = new byte[KemSecretLength + X25519KeyShare.Length];
        decapsulator.Decapsulate(peerShare.Span[..CiphertextLength], secret.AsSpan(0, KemSecretLength));
        curveSecret.CopyTo(secret, KemSecretLength);
        CryptographicOperations.ZeroMemory(curveSecret);
        return true;
    }

    public override void Dispose() => _curve.Dispose();

    /// <summary>
    /// The modulus check that FIPS 203, 7.2 demands before encapsulation: all coefficients, of 12 bits each, are below
    /// q. The last 32 bytes are a seed, which may be anything.
    /// </summary>
    private static bool IsCanonical(ReadOnlySpan<byte> encapsulationKey)
    {
        const int Modulus = 3329;
        for (int index = 0; index < encapsulationKey.Length - 32; index += 3)
        {
            int first = encapsulationKey[index] | ((encapsulationKey[index + 1] & 0x0f) << 8);
            int second = (encapsulationKey[index + 1] >> 4) | (encapsulationKey[index + 2] << 4);
            if (first >= Modulus || second >= Modulus)
            {
                return false;
            }
        }

        return true;
    }
}
