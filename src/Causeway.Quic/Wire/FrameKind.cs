namespace Causeway.Quic.Wire;

/// <summary>What a frame is. A kind has one frame type, or several that differ in flags.</summary>
internal enum FrameKind : byte
{
    /// <summary>One or more zero bytes (RFC 9000, 19.1).</summary>
    Padding,

    /// <summary>Asks for an acknowledgement (RFC 9000, 19.2).</summary>
    Ping,

    /// <summary>Acknowledges packets (RFC 9000, 19.3).</summary>
    Ack,

    /// <summary>A sender gives a stream up (RFC 9000, 19.4).</summary>
    ResetStream,

    /// <summary>A receiver gives a stream up (RFC 9000, 19.5).</summary>
    StopSending,

    /// <summary>Handshake bytes (RFC 9000, 19.6).</summary>
    Crypto,

    /// <summary>A token for later connections (RFC 9000, 19.7).</summary>
    NewToken,

    /// <summary>Bytes of a stream (RFC 9000, 19.8).</summary>
    Stream,

    /// <summary>Raises the connection's flow-control limit (RFC 9000, 19.9).</summary>
    MaxData,

    /// <summary>Raises a stream's flow-control limit (RFC 9000, 19.10).</summary>
    MaxStreamData,

    /// <summary>Raises the limit of streams (RFC 9000, 19.11).</summary>
    MaxStreams,

    /// <summary>The connection's limit holds the sender back (RFC 9000, 19.12).</summary>
    DataBlocked,

    /// <summary>A stream's limit holds the sender back (RFC 9000, 19.13).</summary>
    StreamDataBlocked,

    /// <summary>The limit of streams holds the sender back (RFC 9000, 19.14).</summary>
    StreamsBlocked,

    /// <summary>One more connection id (RFC 9000, 19.15).</summary>
    NewConnectionId,

    /// <summary>One connection id less (RFC 9000, 19.16).</summary>
    RetireConnectionId,

    /// <summary>Asks whether a path carries both ways (RFC 9000, 19.17).</summary>
    PathChallenge,

    /// <summary>Answers that (RFC 9000, 19.18).</summary>
    PathResponse,

    /// <summary>The connection is over (RFC 9000, 19.19).</summary>
    ConnectionClose,

    /// <summary>The server confirms the handshake (RFC 9000, 19.20).</summary>
    HandshakeDone,

    /// <summary>Asks for an acknowledgement now (draft-ietf-quic-ack-frequency, 5).</summary>
    ImmediateAck,

    /// <summary>A datagram of the application (RFC 9221, 4).</summary>
    Datagram,

    /// <summary>Says how often to acknowledge (draft-ietf-quic-ack-frequency, 4).</summary>
    AckFrequency,

    /// <summary>The frames behind it are a source (docs/wire/quic-fec.md, 3).</summary>
    FecSource,

    /// <summary>Parity over a window of sources (docs/wire/quic-fec.md, 4).</summary>
    FecRepair,

    /// <summary>Sources that were rebuilt (docs/wire/quic-fec.md, 5).</summary>
    FecRecovered,
}
