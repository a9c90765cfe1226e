using System.Security.Cryptography;
using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// The secrets of Initial packets, which anybody can derive who saw the first one (RFC 9001, 5.2; RFC 9369, 3.3.1).
/// </summary>
internal static class InitialSecrets
{
    /// <summary>The suite of Initial packets.</summary>
    public const CipherSuite Suite = CipherSuite.Aes128GcmSha256;

    /// <summary>Bytes of a secret.</summary>
    public const int Length = 32;

    private static ReadOnlySpan<byte> SaltV1 =>
    [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];

    private static ReadOnlySpan<byte> SaltV2 =>
    [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ];

    /// <summary>The secret by which a role seals.</summary>
    /// <param name="version">The version of the packets.</param>
    /// <param name="clientDestinationId">
    /// The destination connection id of the client's first Initial packet, or of the first one after a Retry.
    /// </param>
    /// <param name="sender">Who seals.</param>
    /// <param name="secret">Takes <see cref="Length"/> bytes.</param>
    public static void Derive(
        QuicVersion version, in ConnectionId clientDestinationId, EndpointRole sender, Span<byte> secret)
    {
        Span<byte> initial = stackalloc byte[Length];
        HKDF.Extract(
            HashAlgorithmName.SHA256, clientDestinationId.Span, version == QuicVersion.V2 ? SaltV2 : SaltV1, initial);
        KeySchedule.ExpandLabel(
            HashAlgorithmName.SHA256, initial, sender == EndpointRole.Client ? "client in"u8 : "server in"u8, secret);
    }
}
