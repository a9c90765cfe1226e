using System.Text;

using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13.Groups;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// What clients and servers both choose. Made once and used by many handshakes; nothing changes it afterwards.
/// </summary>
internal abstract record TlsOptions
{
    /// <summary>
    /// Schemes that are accepted: in CertificateVerify those that are not of PKCS #1 v1.5, which only certificates may
    /// use (RFC 8446, 4.2.3).
    /// </summary>
    public static IReadOnlyList<SignatureScheme> DefaultSignatureSchemes { get; } =
    [
        SignatureScheme.EcdsaSecp256r1Sha256, SignatureScheme.Ed25519, SignatureScheme.EcdsaSecp384r1Sha384,
        SignatureScheme.RsaPssRsaeSha256, SignatureScheme.RsaPssRsaeSha384, SignatureScheme.RsaPssRsaeSha512,
        SignatureScheme.RsaPkcs1Sha256, SignatureScheme.RsaPkcs1Sha384, SignatureScheme.RsaPkcs1Sha512,
    ];

    /// <summary>Application protocols in order of preference (RFC 7301).</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> ApplicationProtocols { get; init; } = [];

    /// <summary>
    /// Whether a handshake without an application protocol fails, which QUIC demands (RFC 9001, 8.1). On by default.
    /// </summary>
    public bool RequireApplicationProtocol { get; init; } = true;

    /// <summary>Cipher suites in order of preference. A server's order decides.</summary>
    public IReadOnlyList<CipherSuite> CipherSuites { get; init; } = Tls13.CipherSuites.Default;

    /// <summary>
    /// Groups in order of preference. A server's order decides, among those that the client sent a share for.
    /// </summary>
    public IReadOnlyList<NamedGroup> Groups { get; init; } = KeyShare.DefaultGroups;

    /// <summary>Signature schemes that are accepted from the peer, in order of preference.</summary>
    public IReadOnlyList<SignatureScheme> SignatureSchemes { get; init; } = DefaultSignatureSchemes;

    /// <summary>
    /// Fingerprints of the peers' keys that are trusted (<see cref="PinnedKeys"/>). If there are any, they decide alone
    /// and the chain is not checked.
    /// </summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> PinnedFingerprints { get; init; } = [];

    /// <summary>Keys that both ends were given beforehand, each of which authenticates both.</summary>
    public IReadOnlyList<ExternalPsk> ExternalPsks { get; init; } = [];

    /// <summary>Whether sessions are resumed by tickets, and tickets given and kept. On by default.</summary>
    public bool AllowResumption { get; init; } = true;

    /// <summary>
    /// Whether unknown values are sent so that peers stay tolerant of them (RFC 8701). On by default.
    /// </summary>
    public bool Grease { get; init; } = true;

    /// <summary>Takes the secrets of each connection; null, the default, if nobody may have them.</summary>
    public KeyLog? KeyLog { get; init; }

    /// <summary>
    /// Whether the peer must send transport parameters and no session id, as over QUIC (RFC 9001, 8.2, 8.4). Off only
    /// where a test speaks to an implementation of TLS over TCP.
    /// </summary>
    public bool RequireQuic { get; init; } = true;

    /// <summary>Throws if a value, or the values together, cannot work.</summary>
    public virtual void Validate()
    {
        foreach (ReadOnlyMemory<byte> protocol in ApplicationProtocols)
        {
            Refuse(protocol.Length is 0 or > byte.MaxValue, nameof(ApplicationProtocols), "each has 1 to 255 bytes");
        }

        Refuse(ApplicationProtocols.Count > 64, nameof(ApplicationProtocols), "at most 64 fit a ClientHello");
        Refuse(
            RequireApplicationProtocol && ApplicationProtocols.Count == 0,
            nameof(ApplicationProtocols),
            "QUIC needs at least one (RFC 9001, 8.1)");
        Refuse(
            CipherSuites.Count == 0 || !CipherSuites.All(Tls13.CipherSuites.IsKnown),
            nameof(CipherSuites),
            "none may be unknown");
        Refuse(Groups.Count == 0 || !Groups.All(KeyShare.IsKnown), nameof(Groups), "none may be unknown");
        Refuse(
            ExternalPsks.Any(psk => psk.Identity.Length is 0 or > 1024 || psk.Key.IsEmpty),
            nameof(ExternalPsks),
            "each has a key and a name of 1 to 1024 bytes");
        Refuse(SignatureSchemes.Count is 0 or > 64, nameof(SignatureSchemes), "there are 1 to 64");
        Refuse(
            PinnedFingerprints.Any(pin => pin.Length != PinnedKeys.FingerprintLength),
            nameof(PinnedFingerprints),
            "each is a SHA-256 of 32 bytes");
    }

    /// <summary>The application protocol as text, for messages.</summary>
    internal static string Describe(ReadOnlyMemory<byte> protocol) => Encoding.ASCII.GetString(protocol.Span);

    private protected static void Refuse(bool isWrong, string property, string rule)
    {
        if (isWrong)
        {
            throw new ArgumentException($"{property} is not usable: {rule}.", property);
        }
    }
}
