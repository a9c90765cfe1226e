using System.Security.Cryptography;
using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>The keys of Initial packets of one version, both ways (RFC 9001, 5.2).</summary>
internal static class InitialKeys
{
    /// <summary>Makes them.</summary>
    /// <param name="version">The version of the packets.</param>
    /// <param name="clientDestinationId">See <see cref="InitialSecrets.Derive"/>.</param>
    /// <param name="role">Which end this is.</param>
    /// <param name="forgeries">The connection's count.</param>
    /// <param name="sealer">Seals what this end sends.</param>
    /// <param name="opener">Opens what the peer sends.</param>
    public static void Create(
        QuicVersion version,
        in ConnectionId clientDestinationId,
        EndpointRole role,
        ForgeryCount forgeries,
        out PacketSealer sealer,
        out PacketOpener opener)
    {
        Span<byte> secret = stackalloc byte[InitialSecrets.Length];
        InitialSecrets.Derive(version, clientDestinationId, role, secret);
        sealer = new PacketSealer(InitialSecrets.Suite, version, secret);
        InitialSecrets.Derive(
            version, clientDestinationId, role == EndpointRole.Client ? EndpointRole.Server : EndpointRole.Client, secret);
        opener = new PacketOpener(InitialSecrets.Suite, version, secret, forgeries);
        CryptographicOperations.ZeroMemory(secret);
    }
}
