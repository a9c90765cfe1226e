namespace Causeway.Quic;

/// <summary>Transport error codes (RFC 9000, 20.1), as a CONNECTION_CLOSE frame of type 0x1c carries them.</summary>
internal enum TransportErrorCode : ulong
{
    /// <summary>The connection is closed without an error.</summary>
    NoError = 0x00,

    /// <summary>The endpoint failed by its own fault.</summary>
    InternalError = 0x01,

    /// <summary>A server takes no new connection.</summary>
    ConnectionRefused = 0x02,

    /// <summary>More data than was advertised.</summary>
    FlowControlError = 0x03,

    /// <summary>More streams than were advertised.</summary>
    StreamLimitError = 0x04,

    /// <summary>A frame for a stream whose state does not allow it.</summary>
    StreamStateError = 0x05,

    /// <summary>The final size of a stream changed or was exceeded.</summary>
    FinalSizeError = 0x06,

    /// <summary>A frame that does not parse.</summary>
    FrameEncodingError = 0x07,

    /// <summary>Transport parameters that do not parse or contradict.</summary>
    TransportParameterError = 0x08,

    /// <summary>More connection ids than were allowed.</summary>
    ConnectionIdLimitError = 0x09,

    /// <summary>A breach that no other code names.</summary>
    ProtocolViolation = 0x0a,

    /// <summary>A server refuses a client's address token.</summary>
    InvalidToken = 0x0b,

    /// <summary>The application or its protocol caused the close.</summary>
    ApplicationError = 0x0c,

    /// <summary>More CRYPTO data than can be buffered.</summary>
    CryptoBufferExceeded = 0x0d,

    /// <summary>A key update that is not allowed (RFC 9001, 6).</summary>
    KeyUpdateError = 0x0e,

    /// <summary>The limits of the AEAD were reached (RFC 9001, 6.6).</summary>
    AeadLimitReached = 0x0f,

    /// <summary>No path can carry the connection.</summary>
    NoViablePath = 0x10,

    /// <summary>Version negotiation went wrong (RFC 9368, 10.2).</summary>
    VersionNegotiationError = 0x11,

    /// <summary>The handshake failed with an alert, which is added (RFC 9001, 4.8).</summary>
    CryptoError = 0x0100,
}
