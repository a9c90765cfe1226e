using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Whether a server asks clients for a certificate.</summary>
internal enum ClientCertificateMode
{
    /// <summary>It does not ask.</summary>
    None,

    /// <summary>It asks, and the check decides about a client that sends none.</summary>
    Request,

    /// <summary>It asks, and a client that sends none is refused with certificate_required.</summary>
    Require,
}

/// <summary>What a server chooses for a handshake, by the name that the client asked for.</summary>
internal sealed record TlsServerOptions : TlsOptions
{
    /// <summary>The certificates with their keys. The first that the client can verify is used.</summary>
    public IReadOnlyList<HandshakeCredential> Credentials { get; init; } = [];

    /// <summary>
    /// Whether clients are asked for a certificate. One that authenticates by an external PSK is not (RFC 8446, 4.3.2); a
    /// ticket stands for the certificate of the connection that it came from, so a certificate that was withdrawn since
    /// is taken until <see cref="TicketLifetime"/> is over.
    /// </summary>
    public ClientCertificateMode ClientCertificates { get; init; }

    /// <summary>Seals session tickets; null, the default, for none.</summary>
    public TicketSealer? Tickets { get; init; }

    /// <summary>
    /// Tickets for each connection. Two by default, so that a client may open two connections without reuse.
    /// </summary>
    public int TicketCount { get; init; } = 2;

    /// <summary>How long a ticket may be used; at most 7 days (RFC 8446, 4.6.1), 1 day by default.</summary>
    public TimeSpan TicketLifetime { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Detects replays of early data; null, the default, refuses early data.</summary>
    public StrikeRegister? EarlyData { get; init; }

    /// <summary>
    /// What early data depends on, such as the limits in the transport parameters and the settings of the application
    /// (RFC 9001, 4.6.1). Early data by a ticket of another context is refused.
    /// </summary>
    public ReadOnlyMemory<byte> EarlyDataContext { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Refuse(
            Credentials.Count == 0 && ExternalPsks.Count == 0,
            nameof(Credentials),
            "a server needs one, or an external PSK");
        Refuse(TicketCount is < 0 or > 8, nameof(TicketCount), "it is 0 to 8");
        Refuse(
            TicketLifetime <= TimeSpan.Zero || TicketLifetime > TimeSpan.FromDays(7),
            nameof(TicketLifetime),
            "it is at most 7 days (RFC 8446, 4.6.1)");
        Refuse(
            ClientCertificates == ClientCertificateMode.Require && Credentials.Count == 0,
            nameof(ClientCertificates),
            "a client that authenticates by a PSK is not asked for a certificate (RFC 8446, 4.3.2)");
    }
}
