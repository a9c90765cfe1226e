namespace Causeway.Http3;

/// <summary>
/// Application error codes of HTTP/3 (RFC 9114, 8.1) and QPACK (RFC 9204, 8.3). A peer may send any other number; it means the
/// same as <see cref="NoError"/>.
/// </summary>
public enum Http3ErrorCode : long
{
    /// <summary>The transport knows no code, as when the path broke.</summary>
    None = 0,

    /// <summary>H3_NO_ERROR: the end is wanted, nothing is wrong.</summary>
    NoError = 0x100,

    /// <summary>H3_GENERAL_PROTOCOL_ERROR: the peer broke a rule that no other code names.</summary>
    GeneralProtocolError = 0x101,

    /// <summary>H3_INTERNAL_ERROR: the HTTP stack failed.</summary>
    InternalError = 0x102,

    /// <summary>H3_STREAM_CREATION_ERROR: the peer opened a stream that it may not open.</summary>
    StreamCreationError = 0x103,

    /// <summary>H3_CLOSED_CRITICAL_STREAM: a control stream or a QPACK stream was closed.</summary>
    ClosedCriticalStream = 0x104,

    /// <summary>H3_FRAME_UNEXPECTED: a frame is not permitted in this state or on this stream.</summary>
    FrameUnexpected = 0x105,

    /// <summary>H3_FRAME_ERROR: a frame's layout or size is wrong.</summary>
    FrameError = 0x106,

    /// <summary>H3_EXCESSIVE_LOAD: the peer causes work that serves no purpose.</summary>
    ExcessiveLoad = 0x107,

    /// <summary>H3_ID_ERROR: a stream or push ID exceeds or reduces a limit, or is used again.</summary>
    IdError = 0x108,

    /// <summary>H3_SETTINGS_ERROR: the payload of a SETTINGS frame is wrong.</summary>
    SettingsError = 0x109,

    /// <summary>H3_MISSING_SETTINGS: the control stream does not begin with a SETTINGS frame.</summary>
    MissingSettings = 0x10a,

    /// <summary>H3_REQUEST_REJECTED: the server did nothing for the request; it can be sent again.</summary>
    RequestRejected = 0x10b,

    /// <summary>H3_REQUEST_CANCELLED: the request, or its response, is no longer wanted.</summary>
    RequestCancelled = 0x10c,

    /// <summary>H3_REQUEST_INCOMPLETE: the request ended before it was whole.</summary>
    RequestIncomplete = 0x10d,

    /// <summary>H3_MESSAGE_ERROR: a request or a response is malformed.</summary>
    MessageError = 0x10e,

    /// <summary>H3_CONNECT_ERROR: the TCP connection behind a CONNECT request failed.</summary>
    ConnectError = 0x10f,

    /// <summary>H3_VERSION_FALLBACK: the request cannot be served over HTTP/3.</summary>
    VersionFallback = 0x110,

    /// <summary>QPACK_DECOMPRESSION_FAILED: a field section could not be decoded.</summary>
    QpackDecompressionFailed = 0x200,

    /// <summary>QPACK_ENCODER_STREAM_ERROR: an instruction on the peer's encoder stream is wrong.</summary>
    QpackEncoderStreamError = 0x201,

    /// <summary>QPACK_DECODER_STREAM_ERROR: an instruction on the peer's decoder stream is wrong.</summary>
    QpackDecoderStreamError = 0x202,
}
