namespace Causeway.Quic.Handshake.Tls13.Groups;

/// <summary>An ephemeral key of a client for one group (RFC 8446, 4.2.8), used for one key exchange.</summary>
internal abstract class KeyShare : IDisposable
{
    /// <summary>
    /// The groups that exist here, in the default order of preference: the hybrid resists a quantum computer.
    /// </summary>
    public static IReadOnlyList<NamedGroup> DefaultGroups { get; } =
        [NamedGroup.X25519MLKem768, NamedGroup.X25519, NamedGroup.Secp256r1, NamedGroup.Secp384r1];

    public abstract NamedGroup Group { get; }

    /// <summary>The key_exchange field that goes into the ClientHello.</summary>
    public abstract ReadOnlySpan<byte> PublicValue { get; }

    public static bool IsKnown(NamedGroup group) => group is NamedGroup.X25519MLKem768
        or NamedGroup.X25519 or NamedGroup.Secp256r1 or NamedGroup.Secp384r1;

    /// <summary>Makes a client's key.</summary>
    public static KeyShare Create(NamedGroup group, RandomBytes random) => group switch
    {
        NamedGroup.X25519 => new X25519KeyShare(random),
        NamedGroup.X25519MLKem768 => new HybridKeyShare(random),
        _ => new EcdhKeyShare(group),
    };

    /// <summary>The server's side in one step: makes its share and agrees with the client's.</summary>
    /// <returns>False if the client's share is not valid, which is an illegal_parameter (RFC 8446, 4.2.8).</returns>
    public static bool TryRespond(
        NamedGroup group, ReadOnlyMemory<byte> clientShare, RandomBytes random, out byte[] serverShare, out byte[] secret)
    {
        if (group == NamedGroup.X25519MLKem768)
        {
            return HybridKeyShare.TryEncapsulate(clientShare, random, out serverShare, out secret);
        }

        using KeyShare own = Create(group, random);
        serverShare = own.PublicValue.ToArray();
        return own.TryAgree(clientShare, out secret);
    }

    /// <summary>The shared secret with the server's share.</summary>
    /// <returns>False if the share is not valid, which is an illegal_parameter (RFC 8446, 4.2.8).</returns>
    public abstract bool TryAgree(ReadOnlyMemory<byte> peerShare, out byte[] secret);

    public abstract void Dispose();
}
