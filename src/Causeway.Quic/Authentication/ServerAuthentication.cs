using System.Net.Security;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic;

/// <summary>How a server shows who it is, and knows its clients.</summary>
/// <remarks>.NET's own options convert by themselves, as with <see cref="ClientAuthentication"/>.</remarks>
public sealed class ServerAuthentication
{
    private readonly Func<QuicClientHello, CancellationToken, ValueTask<ResolvedServerOptions>>? _byClient;
    private readonly ResolvedServerOptions? _fixed;

    private ServerAuthentication(
        ResolvedServerOptions? same, Func<QuicClientHello, CancellationToken, ValueTask<ResolvedServerOptions>>? byClient)
    {
        _fixed = same;
        _byClient = byClient;
    }

    /// <summary>
    /// Application protocols in order of preference (RFC 7301), where .NET's options are not what names them. Default: "causeway".
    /// </summary>
    public IReadOnlyList<SslApplicationProtocol> ApplicationProtocols { get; private init; } = [ClientAuthentication.DefaultProtocol];

    /// <summary>The same with other application protocols; for keys and secrets, where .NET's options do not name them.</summary>
    /// <param name="protocols">One at least, the preferred one first.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public ServerAuthentication WithApplicationProtocols(params IReadOnlyList<SslApplicationProtocol> protocols)
    {
        ArgumentNullException.ThrowIfNull(protocols);
        if (protocols.Count == 0)
        {
            throw new ArgumentException("There must be one application protocol at least.", nameof(protocols));
        }

        return new ServerAuthentication(_fixed, _byClient) { ApplicationProtocols = protocols, Secret = Secret };
    }

    /// <summary>By certificates, as <see cref="SslStream"/> does it.</summary>
    /// <exception cref="NotSupportedException">An option cannot be honoured; the message names it.</exception>
    public static ServerAuthentication FromSslOptions(SslServerAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.ServerCertificateSelectionCallback is null
            ? new ServerAuthentication(Resolve(options, serverName: null), byClient: null)
            : new ServerAuthentication(null, (hello, _) => new ValueTask<ResolvedServerOptions>(Resolve(options, hello.ServerName)));
    }

    /// <summary>By certificates, as <see cref="SslStream"/> does it.</summary>
    public static implicit operator ServerAuthentication(SslServerAuthenticationOptions options) => FromSslOptions(options);

    /// <summary>
    /// By certificates that are chosen when a client asks for a name (SNI, RFC 6066, 3). The callback runs on the thread pool; if it
    /// throws, the client is refused.
    /// </summary>
    /// <param name="choose">Takes the name, null if the client asked for none.</param>
    public static ServerAuthentication ByName(Func<string?, CancellationToken, ValueTask<SslServerAuthenticationOptions>> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return ByClient((hello, cancellation) => choose(hello.ServerName, cancellation));
    }

    /// <summary>
    /// By certificates that are chosen for each client that knocks, by the name that it asks for and where it comes from. The callback
    /// runs on the thread pool; if it throws, the client is refused.
    /// </summary>
    /// <param name="choose">Takes what is known of the client, and may leave an object with it that the connection will carry.</param>
    public static ServerAuthentication ByClient(Func<QuicClientHello, CancellationToken, ValueTask<SslServerAuthenticationOptions>> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new ServerAuthentication(
            null, async (hello, cancellation) => Resolve(await choose(hello, cancellation).ConfigureAwait(false), hello.ServerName));
    }

    /// <summary>The server has a key of its own, which clients know by its fingerprint.</summary>
    /// <param name="key">The key.</param>
    /// <param name="clients">Fingerprints of the clients that may connect; none lets everybody.</param>
    /// <exception cref="ArgumentException">One of them is not a fingerprint.</exception>
    public static ServerAuthentication WithKey(CausewayKey key, params IReadOnlyList<string> clients)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(clients);
        TlsServerOptions tls = new()
        {
            ApplicationProtocols = [ClientAuthentication.DefaultProtocol.Protocol],
            Credentials = [HandshakeCredential.FromContext(key.Context)],
            ClientCertificates = clients.Count == 0 ? ClientCertificateMode.None : ClientCertificateMode.Require,
            PinnedFingerprints = [.. clients.Select(CausewayKey.ParseFingerprint)],
        };
        return new ServerAuthentication(new ResolvedServerOptions(tls, Checker: null), byClient: null) { Secret = key.Secret };
    }

    /// <summary>Both ends know a secret, as in <see cref="ClientAuthentication.Shared"/>.</summary>
    /// <exception cref="ArgumentException">Name or secret is empty.</exception>
    public static ServerAuthentication Shared(string name, string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(secret);
        TlsServerOptions tls = new()
        {
            ApplicationProtocols = [ClientAuthentication.DefaultProtocol.Protocol],
            ExternalPsks = [ExternalPsk.FromSharedSecret(secret, name)],
        };
        return new ServerAuthentication(new ResolvedServerOptions(tls, Checker: null), byClient: null);
    }

    /// <summary>The server's secret unless the profile has one; empty for a random one. See <see cref="ServerSecret"/>.</summary>
    internal ReadOnlyMemory<byte> Secret { get; private init; }

    /// <summary>What serves every client; null if that depends on the name.</summary>
    internal ResolvedServerOptions? Fixed => _fixed is null ? null : WithProtocols(_fixed);

    internal async ValueTask<ResolvedServerOptions> ResolveAsync(QuicClientHello hello, CancellationToken cancellationToken) =>
        WithProtocols(_fixed ?? await _byClient!(hello, cancellationToken).ConfigureAwait(false));

    private static ResolvedServerOptions Resolve(SslServerAuthenticationOptions options, string? serverName)
    {
        TlsServerOptions tls = SslOptions.ToTls(options, options, serverName);
        return new ResolvedServerOptions(
            tls, tls.ClientCertificates == ClientCertificateMode.None ? null : CertificateChecker.For(options));
    }

    private ResolvedServerOptions WithProtocols(ResolvedServerOptions options)
    {
        bool isNamedHere = options.Tls.ApplicationProtocols.Count == 0 || options.Checker is null;
        bool isOwn = options.Tls.ApplicationProtocols.Count == 1
            && options.Tls.ApplicationProtocols[0].Span.SequenceEqual(ClientAuthentication.DefaultProtocol.Protocol.Span);
        return options.Tls.ApplicationProtocols.Count == 0 || (isNamedHere && isOwn)
            ? options with { Tls = options.Tls with { ApplicationProtocols = [.. ApplicationProtocols.Select(static p => p.Protocol)] } }
            : options;
    }
}

/// <summary>What serves a client: TLS's settings, and who checks the client's certificate; nobody if keys are pinned or none is asked for.</summary>
internal sealed record ResolvedServerOptions(TlsServerOptions Tls, CertificateChecker? Checker);
