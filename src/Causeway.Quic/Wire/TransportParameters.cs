using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>
/// The transport parameters of one endpoint (RFC 9000, 18.2; RFC 9221; RFC 9287; RFC 9368;
/// draft-ietf-quic-ack-frequency). What is not set has the value that its absence means.
/// </summary>
/// <remarks><see cref="TransportParameterCodec"/> reads and writes them.</remarks>
internal sealed class TransportParameters
{
    /// <summary>The default of <see cref="AckDelayExponent"/>.</summary>
    public const int DefaultAckDelayExponent = 3;

    /// <summary>The default of <see cref="MaxAckDelay"/>.</summary>
    public const int DefaultMaxAckDelay = 25;

    /// <summary>The default, and the largest useful value, of <see cref="MaxUdpPayloadSize"/>.</summary>
    public const long DefaultMaxUdpPayloadSize = 65527;

    /// <summary>The default, and the least value, of <see cref="ActiveConnectionIdLimit"/>.</summary>
    public const long DefaultActiveConnectionIdLimit = 2;

    /// <summary>Of a server: the destination connection id of the client's first Initial packet.</summary>
    public ConnectionId? OriginalDestinationConnectionId { get; set; }

    /// <summary>Milliseconds; 0 if there is no timeout.</summary>
    public long MaxIdleTimeout { get; set; }

    /// <summary>Of a server: the token of the connection id that it used in the handshake.</summary>
    public StatelessResetToken? StatelessResetToken { get; set; }

    /// <summary>The largest datagram that is wanted, in bytes of UDP payload.</summary>
    public long MaxUdpPayloadSize { get; set; } = DefaultMaxUdpPayloadSize;

    /// <summary>Bytes that the peer may send on the connection.</summary>
    public long InitialMaxData { get; set; }

    /// <summary>Bytes that the peer may send on each bidirectional stream that the sender of this opens.</summary>
    public long InitialMaxStreamDataBidirectionalLocal { get; set; }

    /// <summary>Bytes that the peer may send on each bidirectional stream that the peer opens.</summary>
    public long InitialMaxStreamDataBidirectionalRemote { get; set; }

    /// <summary>Bytes that the peer may send on each unidirectional stream.</summary>
    public long InitialMaxStreamDataUnidirectional { get; set; }

    /// <summary>How many bidirectional streams the peer may open; at most 2^60.</summary>
    public long InitialMaxStreamsBidirectional { get; set; }

    /// <summary>How many unidirectional streams the peer may open; at most 2^60.</summary>
    public long InitialMaxStreamsUnidirectional { get; set; }

    /// <summary>By which power of two delays in ACK frames are divided; at most 20.</summary>
    public int AckDelayExponent { get; set; } = DefaultAckDelayExponent;

    /// <summary>Milliseconds by which acknowledgements may be late; less than 2^14.</summary>
    public int MaxAckDelay { get; set; } = DefaultMaxAckDelay;

    /// <summary>Whether the peer must not move to another address.</summary>
    public bool DisableActiveMigration { get; set; }

    /// <summary>Of a server: where it would like the client to move to.</summary>
    public PreferredAddress? PreferredAddress { get; set; }

    /// <summary>How many connection ids of the peer are kept; at least 2.</summary>
    public long ActiveConnectionIdLimit { get; set; } = DefaultActiveConnectionIdLimit;

    /// <summary>
    /// The source connection id of the sender's first Initial packet. Null if missing, which is an error (7.3).
    /// </summary>
    public ConnectionId? InitialSourceConnectionId { get; set; }

    /// <summary>Of a server that sent a Retry packet: the source connection id of that.</summary>
    public ConnectionId? RetrySourceConnectionId { get; set; }

    /// <summary>The versions of the sender (RFC 9368).</summary>
    public VersionInformation VersionInformation { get; set; }

    /// <summary>Bytes of the largest DATAGRAM frame, with type and length; 0 if none is taken (RFC 9221).</summary>
    public long MaxDatagramFrameSize { get; set; }

    /// <summary>Whether the fixed bit may be clear in what is sent to the sender of this (RFC 9287).</summary>
    public bool GreaseQuicBit { get; set; }

    /// <summary>
    /// Microseconds below which acknowledgements are not delayed; null if ACK_FREQUENCY is not understood.
    /// </summary>
    public long? MinAckDelay { get; set; }

    /// <summary>
    /// Source packets that the sender of this remembers for repairs; 0 if it does not know the FEC extension (docs/wire/quic-fec.md).
    /// </summary>
    public long FecWindow { get; set; }

    /// <summary>Sets everything back to what absence means.</summary>
    public void Reset()
    {
        OriginalDestinationConnectionId = null;
        MaxIdleTimeout = 0;
        StatelessResetToken = null;
        MaxUdpPayloadSize = DefaultMaxUdpPayloadSize;
        InitialMaxData = 0;
        InitialMaxStreamDataBidirectionalLocal = 0;
        InitialMaxStreamDataBidirectionalRemote = 0;
        InitialMaxStreamDataUnidirectional = 0;
        InitialMaxStreamsBidirectional = 0;
        InitialMaxStreamsUnidirectional = 0;
        AckDelayExponent = DefaultAckDelayExponent;
        MaxAckDelay = DefaultMaxAckDelay;
        DisableActiveMigration = false;
        PreferredAddress = null;
        ActiveConnectionIdLimit = DefaultActiveConnectionIdLimit;
        InitialSourceConnectionId = null;
        RetrySourceConnectionId = null;
        VersionInformation = default;
        MaxDatagramFrameSize = 0;
        GreaseQuicBit = false;
        MinAckDelay = null;
        FecWindow = 0;
    }
}
