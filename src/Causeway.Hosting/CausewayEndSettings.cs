using System.Security.Cryptography.X509Certificates;

namespace Causeway.Hosting;

/// <summary>What the settings of listeners and clients have in common. They bind from configuration; docs/hosting.md has a table.</summary>
/// <remarks>
/// Files with a relative path are below the host's content root.
/// Secrets have no property: the methods <c>Use...</c> and the configuration's keys <c>Key</c>, <c>SharedSecret</c> and
/// <c>CertificatePassword</c> set them, and nothing that shows these settings shows a secret.
/// </remarks>
public abstract class CausewayEndSettings
{
    private readonly HiddenSettings _hidden = new();

    private protected CausewayEndSettings()
    {
    }

    /// <summary>
    /// Where to listen ("address:port", with "*" for all addresses and port 0 for a free one) or whom to connect to ("name:port"). IPv6
    /// addresses stand in brackets. Required, but with <see cref="KcptunFile"/>, whose own address it replaces.
    /// </summary>
    public string? EndPoint { get; set; }

    /// <summary>A file with this end's own key in PEM, as <c>causeway keygen</c> writes it (<see cref="Quic.CausewayKey"/>).</summary>
    public string? KeyFile { get; set; }

    /// <summary>
    /// Fingerprints ("sha256:" and 64 hexadecimal digits) of the own keys that the other end may have. A client trusts servers with one of
    /// them, and no others; a listener with an own key takes only clients with one of them, or everybody if there is none.
    /// </summary>
    public IList<string> Peers { get; } = [];

    /// <summary>
    /// A file with this end's certificate: PEM, with its intermediates behind it, or PKCS #12 (".pfx", ".p12"). The private key is in it or in
    /// <see cref="CertificateKeyFile"/>.
    /// </summary>
    public string? CertificateFile { get; set; }

    /// <summary>A file with the private key of a certificate in PEM. Null: it is in <see cref="CertificateFile"/>.</summary>
    public string? CertificateKeyFile { get; set; }

    /// <summary>
    /// A file in PEM with the authorities that sign the other end's certificate. A client trusts these in place of the system's; a listener
    /// with a certificate asks clients for one that they signed. Null: the system's at clients, and listeners ask for none.
    /// </summary>
    public string? AuthorityFile { get; set; }

    /// <summary>The name of the shared secret, which goes over the wire in the clear; both ends need the same. Default "causeway".</summary>
    public string SharedSecretName { get; set; } = "causeway";

    /// <summary>A file with a secret that both ends share; white space around it does not count.</summary>
    public string? SharedSecretFile { get; set; }

    /// <summary>
    /// A JSON file of kcptun, for the kcptun profile in place of QUIC: it brings the key, and all settings of the connection. Excludes the
    /// other files and what belongs to QUIC.
    /// </summary>
    public string? KcptunFile { get; set; }

    /// <summary>Application protocols in order of preference (RFC 7301). None: "causeway". With QUIC.</summary>
    public IList<string> ApplicationProtocols { get; } = [];

    /// <summary>
    /// After how long without a sign of the peer a connection is over; 0 (leaves it to the peer) to one day. Null: 30 s. With QUIC.
    /// </summary>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>How long a connection may be quiet before the peer is asked for a sign of life; 0 for never, or 100 ms to one day. Null: 15 s. With QUIC.</summary>
    public TimeSpan? KeepAliveInterval { get; set; }

    /// <summary>How long a handshake may take, 100 ms to one hour. Null: 10 s. With QUIC.</summary>
    public TimeSpan? HandshakeTimeout { get; set; }

    /// <summary>Bidirectional streams that the peer may have open at once, 0 to 2^60. Null: 1024. With QUIC.</summary>
    public long? MaxInboundBidirectionalStreams { get; set; }

    /// <summary>Unidirectional streams that the peer may have open at once, 0 to 2^60. Null: 1024. With QUIC.</summary>
    public long? MaxInboundUnidirectionalStreams { get; set; }

    /// <summary>Bytes of received data that one connection may hold, 1 MiB to 1 GiB. Null: 64 MiB. With QUIC.</summary>
    public long? MemoryBudget { get; set; }

    /// <summary>Streams of the peer that may wait to be accepted, 1 to 65536. Default 1024.</summary>
    public int StreamBacklog { get; set; } = 1024;

    /// <summary>How long an orderly close waits for the peer to acknowledge what was written; not negative. Default 10 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Sets this end's own key: PEM, as <see cref="Quic.CausewayKey.ToPem"/> gives it. In configuration: <c>Key</c>.</summary>
    public void UseKey(string pem)
    {
        ArgumentException.ThrowIfNullOrEmpty(pem);
        _hidden.Key = new SecretText(pem);
    }

    /// <summary>Sets the secret that both ends share. In configuration: <c>SharedSecret</c>. See <see cref="SharedSecretName"/>.</summary>
    public void UseSharedSecret(string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(secret);
        _hidden.SharedSecret = new SecretText(secret);
    }

    /// <summary>Sets this end's certificate in place of <see cref="CertificateFile"/>. It has its private key, and stays the caller's.</summary>
    public void UseCertificate(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        _hidden.Certificate = certificate;
    }

    /// <summary>
    /// Sets what the private key of <see cref="CertificateFile"/> or <see cref="CertificateKeyFile"/> is encrypted with. In configuration:
    /// <c>CertificatePassword</c>.
    /// </summary>
    public void UseCertificatePassword(string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(password);
        _hidden.CertificatePassword = new SecretText(password);
    }

    // Not a property: what binds settings, or shows them, goes by properties.
    internal HiddenSettings Hidden() => _hidden;
}
