using System.Net;

using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>What a client chooses for its handshakes.</summary>
internal sealed record TlsClientOptions : TlsOptions
{
    /// <summary>
    /// The name that the server's certificate must have, which is also asked for (RFC 6066, 3). An address is not asked
    /// for.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>
    /// Groups to send a share for at once. By default the first of <see cref="TlsOptions.Groups"/>, and X25519 beside
    /// the hybrid, because many servers know only that and would need another round trip.
    /// </summary>
    public IReadOnlyList<NamedGroup>? KeyShareGroups { get; init; }

    /// <summary>The client's own certificate, for servers that ask for one; null for none.</summary>
    public HandshakeCredential? Credential { get; init; }

    /// <summary>
    /// Whether the server must use one of <see cref="TlsOptions.ExternalPsks"/>, or a ticket that came from such a connection. On
    /// by default where there are any: otherwise whoever has some certificate could stand in for the server.
    /// </summary>
    public bool RequirePsk { get; init; } = true;

    /// <summary>
    /// What an earlier connection gave by <see cref="HandshakeEventKind.TicketReceived"/>; empty for none. The server is
    /// trusted as it was there: pinned keys and external PSKs are compared again, a chain is not checked again.
    /// </summary>
    public ReadOnlyMemory<byte> Session { get; init; }

    /// <summary>
    /// Whether to offer early data if the session allows it. Off by default: whoever records early data can send it
    /// again (RFC 8446, 8), so it is for requests that may be answered twice.
    /// </summary>
    public bool OfferEarlyData { get; init; }

    /// <summary>The groups that the first ClientHello has shares for.</summary>
    internal IReadOnlyList<NamedGroup> FirstShares => KeyShareGroups
        ?? (Groups[0] == NamedGroup.X25519MLKem768 && Groups.Contains(NamedGroup.X25519)
            ? [NamedGroup.X25519MLKem768, NamedGroup.X25519]
            : [Groups[0]]);

    /// <summary>The name that goes into server_name; null if it is an address, which may not (RFC 6066, 3).</summary>
    internal string? IndicatedName =>
        string.IsNullOrEmpty(ServerName) || IPAddress.TryParse(ServerName, out _) ? null : ServerName.TrimEnd('.');

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Refuse(
            IndicatedName is string name
                && (name.Length is 0 or > ClientHello.MaxServerNameLength || !name.All(char.IsAscii)),
            nameof(ServerName),
            "a name has 1 to 255 ASCII characters");
        Refuse(
            KeyShareGroups is not null && !KeyShareGroups.All(Groups.Contains),
            nameof(KeyShareGroups),
            "each must be one of Groups (RFC 8446, 4.2.8)");
        Refuse(ExternalPsks.Count > 8, nameof(ExternalPsks), "at most 8 fit a ClientHello");
    }
}
