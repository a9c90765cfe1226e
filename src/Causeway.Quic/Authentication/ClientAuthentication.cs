using System.Net.Security;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic;

/// <summary>How a client knows its server, and shows who it is itself.</summary>
/// <remarks>
/// .NET's own options convert by themselves: <c>ClientAuthentication = new SslClientAuthenticationOptions { ... }</c>. What TLS 1.3
/// over QUIC cannot honour of them is refused by the property's name when the profile is validated.
/// </remarks>
public sealed class ClientAuthentication
{
    private readonly Func<TlsClientOptions> _options;
    private readonly CertificateChecker? _checker;

    private ClientAuthentication(Func<TlsClientOptions> options, CertificateChecker? checker)
    {
        _options = options;
        _checker = checker;
    }

    /// <summary>
    /// Application protocols in order of preference (RFC 7301), where .NET's options are not what names them. Default: "causeway".
    /// </summary>
    public IReadOnlyList<SslApplicationProtocol> ApplicationProtocols { get; private init; } = [DefaultProtocol];

    /// <summary>The same with other application protocols; for keys and secrets, where .NET's options do not name them.</summary>
    /// <param name="protocols">One at least, the preferred one first.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public ClientAuthentication WithApplicationProtocols(params IReadOnlyList<SslApplicationProtocol> protocols)
    {
        ArgumentNullException.ThrowIfNull(protocols);
        if (protocols.Count == 0)
        {
            throw new ArgumentException("There must be one application protocol at least.", nameof(protocols));
        }

        return new ClientAuthentication(_options, _checker) { ApplicationProtocols = protocols };
    }

    /// <summary>The application protocol between two of ours that name none.</summary>
    public static SslApplicationProtocol DefaultProtocol { get; } = new("causeway");

    /// <summary>By certificates, as <see cref="SslStream"/> does it.</summary>
    /// <exception cref="NotSupportedException">An option cannot be honoured; the message names it.</exception>
    public static ClientAuthentication FromSslOptions(SslClientAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TlsClientOptions tls = SslOptions.ToTls(options);
        return new ClientAuthentication(() => tls, CertificateChecker.For(options));
    }

    /// <summary>By certificates, as <see cref="SslStream"/> does it.</summary>
    public static implicit operator ClientAuthentication(SslClientAuthenticationOptions options) => FromSslOptions(options);

    /// <summary>The server has one of the keys whose fingerprints these are; who signed its certificate does not matter.</summary>
    /// <param name="fingerprints">One at least, each "sha256:" and 64 hexadecimal digits (<see cref="CausewayKey.Fingerprint"/>).</param>
    /// <exception cref="ArgumentException">There is none, or one is not a fingerprint.</exception>
    public static ClientAuthentication Pinned(params IReadOnlyList<string> fingerprints) => Pinned(null, fingerprints);

    /// <summary>The same, for a client that shows a key of its own to servers that ask for one.</summary>
    /// <param name="ownKey">The client's key; null for none.</param>
    /// <param name="fingerprints">One at least.</param>
    /// <exception cref="ArgumentException">There is none, or one is not a fingerprint.</exception>
    public static ClientAuthentication Pinned(CausewayKey? ownKey, IReadOnlyList<string> fingerprints)
    {
        ArgumentNullException.ThrowIfNull(fingerprints);
        if (fingerprints.Count == 0)
        {
            throw new ArgumentException("There must be one fingerprint at least.", nameof(fingerprints));
        }

        TlsClientOptions tls = new()
        {
            ApplicationProtocols = [DefaultProtocol.Protocol],
            PinnedFingerprints = [.. fingerprints.Select(CausewayKey.ParseFingerprint)],
            Credential = ownKey is null ? null : HandshakeCredential.FromContext(ownKey.Context),
        };
        return new ClientAuthentication(() => tls, checker: null);
    }

    /// <summary>Both ends know a secret (an external PSK, RFC 8446, 4.2.11), which proves each to the other.</summary>
    /// <param name="name">Which secret it is; goes over the wire in the clear.</param>
    /// <param name="secret">The secret, the same at the server. Random and long: whoever records a handshake can try guesses.</param>
    /// <exception cref="ArgumentException">Name or secret is empty.</exception>
    public static ClientAuthentication Shared(string name, string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(secret);
        TlsClientOptions tls = new()
        {
            ApplicationProtocols = [DefaultProtocol.Protocol],
            ExternalPsks = [ExternalPsk.FromSharedSecret(secret, name)],
        };
        return new ClientAuthentication(() => tls, checker: null);
    }

    internal CertificateChecker? Checker => _checker;

    internal TlsClientOptions ToTls()
    {
        TlsClientOptions tls = _options();
        bool isNamedHere = tls.ApplicationProtocols.Count == 0 || _checker is null;
        return isNamedHere ? tls with { ApplicationProtocols = [.. ApplicationProtocols.Select(static p => p.Protocol)] } : tls;
    }
}
