namespace Causeway.Quic;

/// <summary>When a server answers a first packet with a Retry instead of a handshake (RFC 9000, 8.1.2).</summary>
public enum AddressValidationMode
{
    /// <summary>Never. Too many handshakes at once are refused.</summary>
    Never,

    /// <summary>While many handshakes of unproved addresses are under way.</summary>
    UnderLoad,

    /// <summary>Always, except to clients with a token of an earlier connection.</summary>
    Always,
}
