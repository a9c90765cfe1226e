using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>
/// Judges a peer's chain as <see cref="SslStream"/> does: by <see cref="X509Chain"/>, by the name, and by the caller's
/// callback. It may read files and ask servers, so a driver calls it away from the threads that move packets, and
/// answers the handshake with the result. Thread-safe.
/// </summary>
internal sealed class CertificateChecker
{
    // Extended key usages (RFC 5280, 4.2.1.12), which SslStream demands where the policy names none.
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly EndpointRole _role;
    private readonly string? _serverName;
    private readonly X509ChainPolicy? _policy;
    private readonly X509RevocationMode _revocation;
    private readonly RemoteCertificateValidationCallback? _callback;

    private CertificateChecker(
        EndpointRole role,
        string? serverName,
        X509ChainPolicy? policy,
        X509RevocationMode revocation,
        RemoteCertificateValidationCallback? callback)
    {
        _role = role;
        _serverName = serverName;
        _policy = policy;
        _revocation = revocation;
        _callback = callback;
    }

    /// <summary>Checks servers for a client.</summary>
    public static CertificateChecker For(SslClientAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new CertificateChecker(
            EndpointRole.Client,
            options.TargetHost,
            options.CertificateChainPolicy,
            options.CertificateRevocationCheckMode,
            options.RemoteCertificateValidationCallback);
    }

    /// <summary>Checks clients for a server.</summary>
    public static CertificateChecker For(SslServerAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new CertificateChecker(
            EndpointRole.Server,
            serverName: null,
            options.CertificateChainPolicy,
            options.CertificateRevocationCheckMode,
            options.RemoteCertificateValidationCallback);
    }

    /// <summary>
    /// Checks a chain. An exception of the caller's callback goes through. The callback may not keep the certificates,
    /// which are disposed afterwards.
    /// </summary>
    /// <param name="sender">What the callback is told as its sender.</param>
    /// <param name="certificates">The chain in DER, the end entity first; empty if the peer sent none.</param>
    /// <returns>Why it is refused; null if it is good.</returns>
    public HandshakeFailure? Check(object sender, IReadOnlyList<ReadOnlyMemory<byte>> certificates)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        if (certificates.Count == 0)
        {
            return Judge(sender, leaf: null, chain: null, SslPolicyErrors.RemoteCertificateNotAvailable);
        }

        List<X509Certificate2> parsed = [];
        try
        {
            foreach (ReadOnlyMemory<byte> encoded in certificates)
            {
                if (!CertificateParser.TryParse(encoded, out X509Certificate2? certificate))
                {
                    return Malformed();
                }

                parsed.Add(certificate);
            }

            using X509Chain chain = new() { ChainPolicy = PolicyFor(parsed) };
            SslPolicyErrors errors = chain.Build(parsed[0])
                ? SslPolicyErrors.None
                : SslPolicyErrors.RemoteCertificateChainErrors;
            if (_role == EndpointRole.Client && !HasName(parsed[0]))
            {
                errors |= SslPolicyErrors.RemoteCertificateNameMismatch;
            }

            HandshakeFailure? failure = Judge(sender, parsed[0], chain, errors);
            foreach (X509ChainElement element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }

            return failure;
        }
        catch (CryptographicException)
        {
            return Malformed();
        }
        finally
        {
            parsed.ForEach(certificate => certificate.Dispose());
        }
    }

    private static HandshakeFailure Malformed() =>
        new((byte)AlertDescription.BadCertificate, "A certificate of the peer's chain does not parse.");

    private static (AlertDescription Alert, string Reason) Explain(X509Chain chain)
    {
        X509ChainStatusFlags all = X509ChainStatusFlags.NoError;
        foreach (X509ChainStatus status in chain.ChainStatus)
        {
            all |= status.Status;
        }

        // The most telling first; several may be true at once.
        AlertDescription alert =
            Has(X509ChainStatusFlags.Revoked) ? AlertDescription.CertificateRevoked
            : Has(X509ChainStatusFlags.NotTimeValid) ? AlertDescription.CertificateExpired
            : Has(X509ChainStatusFlags.NotSignatureValid) ? AlertDescription.BadCertificate
            : Has(X509ChainStatusFlags.UntrustedRoot) || Has(X509ChainStatusFlags.PartialChain) ? AlertDescription.UnknownCa
            : Has(X509ChainStatusFlags.NotValidForUsage) ? AlertDescription.UnsupportedCertificate
            : AlertDescription.CertificateUnknown;
        return (alert, all.ToString());

        bool Has(X509ChainStatusFlags flag) => all.HasFlag(flag);
    }

    private X509ChainPolicy PolicyFor(List<X509Certificate2> certificates)
    {
        X509ChainPolicy policy = _policy?.Clone()
            ?? new X509ChainPolicy { RevocationMode = _revocation, RevocationFlag = X509RevocationFlag.ExcludeRoot };
        if (policy.ApplicationPolicy.Count == 0)
        {
            string usage = _role == EndpointRole.Client ? ServerAuthentication : ClientAuthentication;
            policy.ApplicationPolicy.Add(new Oid(usage));
        }

        for (int index = 1; index < certificates.Count; index++)
        {
            policy.ExtraStore.Add(certificates[index]);
        }

        return policy;
    }

    private bool HasName(X509Certificate2 leaf)
    {
        try
        {
            return !string.IsNullOrEmpty(_serverName) && leaf.MatchesHostname(_serverName.TrimEnd('.'));
        }
        catch (ArgumentException)
        {
            // The name is not one that a certificate can have.
            return false;
        }
    }

    private HandshakeFailure? Judge(object sender, X509Certificate2? leaf, X509Chain? chain, SslPolicyErrors errors)
    {
        bool good = _callback?.Invoke(sender, leaf, chain, errors) ?? errors == SslPolicyErrors.None;
        if (good)
        {
            return null;
        }

        if (leaf is null)
        {
            return new HandshakeFailure((byte)AlertDescription.CertificateRequired, "The peer sent no certificate.");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            (AlertDescription alert, string reason) = Explain(chain!);
            return new HandshakeFailure((byte)alert, $"The peer's chain is refused: {reason}.");
        }

        return new HandshakeFailure(
            (byte)AlertDescription.CertificateUnknown,
            errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)
                ? $"The peer's certificate is not for the name {_serverName}."
                : "The callback refused the peer's certificate.");
    }
}
