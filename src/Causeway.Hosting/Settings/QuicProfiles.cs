using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Quic;

namespace Causeway.Hosting;

/// <summary>Makes the QUIC profile of a listener or a client.</summary>
internal static class QuicProfiles
{
    /// <exception cref="SettingsException">The settings do not say, or say twice, how the listener shows who it is.</exception>
    public static QuicProfile ForListener(CausewayListenerSettings settings, IdentityReader identity)
    {
        int ways = Count(identity.HasKey, identity.HasCertificate, identity.HasSharedSecret);
        if (ways != 1)
        {
            throw new SettingsException(
                (ways == 0 ? "Nothing says how the listener shows who it is" : "More than one setting says how the listener shows who it is")
                + "; there must be one of KeyFile (or Key), CertificateFile, SharedSecretFile (or SharedSecret), or KcptunFile.");
        }

        if (settings.Peers.Count > 0 && !identity.HasKey)
        {
            throw new SettingsException($"{nameof(settings.Peers)} has {settings.Peers.Count} fingerprints; a listener needs a key of its own (KeyFile) for them.");
        }

        if (settings.AuthorityFile is not null && !identity.HasCertificate)
        {
            throw new SettingsException($"{nameof(settings.AuthorityFile)} is \"{settings.AuthorityFile}\"; a listener needs CertificateFile for it.");
        }

        ServerAuthentication authentication =
            identity.HasKey ? ServerAuthentication.WithKey(identity.ReadKey(), [.. settings.Peers])
            : identity.HasSharedSecret ? ServerAuthentication.Shared(SecretName(settings), identity.ReadSharedSecret())
            : ByCertificate(settings, identity);
        return Tuned(settings, new QuicProfile { ServerAuthentication = WithProtocols(settings, authentication) });
    }

    /// <exception cref="SettingsException">The settings say twice how the client knows its server.</exception>
    public static QuicProfile ForClient(CausewayClientSettings settings, IdentityReader identity, EndPoint remote)
    {
        bool isByCertificate = settings.AuthorityFile is not null || identity.HasCertificate || settings.TargetHost is not null;
        if (Count(settings.Peers.Count > 0, identity.HasSharedSecret, isByCertificate) > 1)
        {
            throw new SettingsException(
                "More than one setting says how the client knows its server; there must be one of Peers, SharedSecretFile (or SharedSecret), and "
                + "certificates (AuthorityFile, TargetHost, CertificateFile).");
        }

        if (identity.HasKey && settings.Peers.Count == 0)
        {
            throw new SettingsException("KeyFile (or Key) is set and Peers is empty; a client with a key of its own knows its server by Peers.");
        }

        ClientAuthentication authentication =
            settings.Peers.Count > 0 ? ClientAuthentication.Pinned(identity.HasKey ? identity.ReadKey() : null, [.. settings.Peers])
            : identity.HasSharedSecret ? ClientAuthentication.Shared(SecretName(settings), identity.ReadSharedSecret())
            : new SslClientAuthenticationOptions
            {
                TargetHost = settings.TargetHost ?? HostEndPoint.HostOf(remote),
                ApplicationProtocols = Protocols(settings),
                ClientCertificateContext = identity.HasCertificate ? identity.ReadCertificate() : null,
                CertificateChainPolicy = identity.ReadAuthorities(),
            };
        return Tuned(settings, new QuicProfile { ClientAuthentication = WithProtocols(settings, authentication) });
    }

    private static string SecretName(CausewayEndSettings settings) => settings.SharedSecretName is { Length: > 0 } name
        ? name
        : throw new SettingsException($"{nameof(settings.SharedSecretName)} is empty; it must have one character at least, and be the same at both ends.");

    private static ServerAuthentication ByCertificate(CausewayListenerSettings settings, IdentityReader identity)
    {
        X509ChainPolicy? authorities = identity.ReadAuthorities();
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = identity.ReadCertificate(),
            ApplicationProtocols = Protocols(settings),
            ClientCertificateRequired = authorities is not null,
            CertificateChainPolicy = authorities,
        };
    }

    private static QuicProfile Tuned(CausewayEndSettings settings, QuicProfile profile) => profile with
    {
        IdleTimeout = settings.IdleTimeout ?? profile.IdleTimeout,
        KeepAliveInterval = settings.KeepAliveInterval ?? profile.KeepAliveInterval,
        HandshakeTimeout = settings.HandshakeTimeout ?? profile.HandshakeTimeout,
        MaxInboundBidirectionalStreams = settings.MaxInboundBidirectionalStreams ?? profile.MaxInboundBidirectionalStreams,
        MaxInboundUnidirectionalStreams = settings.MaxInboundUnidirectionalStreams ?? profile.MaxInboundUnidirectionalStreams,
        MemoryBudget = settings.MemoryBudget ?? profile.MemoryBudget,
    };

    private static List<SslApplicationProtocol> Protocols(CausewayEndSettings settings)
    {
        foreach (string protocol in settings.ApplicationProtocols)
        {
            // RFC 7301, 3.1: a name is 1 to 255 bytes.
            if (System.Text.Encoding.UTF8.GetByteCount(protocol) is < 1 or > 255)
            {
                throw new SettingsException($"{nameof(settings.ApplicationProtocols)} has \"{protocol}\"; a protocol's name is from 1 to 255 bytes.");
            }
        }

        return settings.ApplicationProtocols.Count == 0
            ? [ClientAuthentication.DefaultProtocol]
            : [.. settings.ApplicationProtocols.Select(static name => new SslApplicationProtocol(name))];
    }

    private static ClientAuthentication WithProtocols(CausewayEndSettings settings, ClientAuthentication authentication) =>
        authentication.WithApplicationProtocols(Protocols(settings));

    private static ServerAuthentication WithProtocols(CausewayEndSettings settings, ServerAuthentication authentication) =>
        authentication.WithApplicationProtocols(Protocols(settings));

    private static int Count(params ReadOnlySpan<bool> conditions) => conditions.Count(true);
}
