using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>Where frames may stand and what they cause (RFC 9000, 12.4, table 3).</summary>
internal static class FrameRules
{
    // Frames that set one up, or end it: Initial and Handshake packets have no others (RFC 9000, 17.2.2 and 17.2.4).
    private const uint InHandshake =
        (1u << (int)FrameKind.Padding) | (1u << (int)FrameKind.Ping) | (1u << (int)FrameKind.Ack)
        | (1u << (int)FrameKind.Crypto) | (1u << (int)FrameKind.ConnectionClose);

    private const uint OfFec =
        (1u << (int)FrameKind.FecSource) | (1u << (int)FrameKind.FecRepair) | (1u << (int)FrameKind.FecRecovered);

    // What may stand behind FEC_SOURCE: payload, and nothing that says what becomes of the connection.
    private const uint Protected = (1u << (int)FrameKind.Stream) | (1u << (int)FrameKind.Datagram);

    // Early data can be neither acknowledged nor answered by a client that has no 1-RTT keys yet (RFC 9000, 12.5). The
    // frames of ACK frequency and FEC need parameters that are not remembered.
    private const uint NotInZeroRtt =
        (1u << (int)FrameKind.Ack) | (1u << (int)FrameKind.Crypto) | (1u << (int)FrameKind.HandshakeDone)
        | (1u << (int)FrameKind.NewToken) | (1u << (int)FrameKind.PathResponse)
        | (1u << (int)FrameKind.RetireConnectionId) | (1u << (int)FrameKind.AckFrequency)
        | (1u << (int)FrameKind.ImmediateAck) | OfFec;

    private const uint ByServerOnly = (1u << (int)FrameKind.HandshakeDone) | (1u << (int)FrameKind.NewToken);

    private const uint NotAckEliciting =
        (1u << (int)FrameKind.Padding) | (1u << (int)FrameKind.Ack) | (1u << (int)FrameKind.ConnectionClose)
        | (1u << (int)FrameKind.FecRecovered);

    private const uint Probing =
        (1u << (int)FrameKind.Padding) | (1u << (int)FrameKind.PathChallenge) | (1u << (int)FrameKind.PathResponse)
        | (1u << (int)FrameKind.NewConnectionId);

    private const uint NotInFlight =
        (1u << (int)FrameKind.Ack) | (1u << (int)FrameKind.ConnectionClose) | (1u << (int)FrameKind.FecRecovered);

    /// <summary>Whether a frame may be in a packet of this type; if not, that is a PROTOCOL_VIOLATION.</summary>
    public static bool IsAllowed(in Frame frame, PacketType packet, EndpointRole sender)
    {
        uint bit = 1u << (int)frame.Kind;
        if (sender == EndpointRole.Client && (ByServerOnly & bit) != 0)
        {
            return false;
        }

        return packet switch
        {
            // What the application has to say is no business of who may read a handshake (RFC 9000, 10.2.3).
            PacketType.Initial or PacketType.Handshake =>
                (InHandshake & bit) != 0 && frame.Type != FrameType.ApplicationClose,
            PacketType.ZeroRtt => (NotInZeroRtt & bit) == 0,
            PacketType.OneRtt => true,
            _ => false,
        };
    }

    /// <summary>Whether such a frame may be a part of a source (docs/wire/quic-fec.md, 3).</summary>
    public static bool IsProtected(FrameKind kind) => (Protected & (1u << (int)kind)) != 0;

    /// <summary>Whether a packet with such a frame is to be acknowledged (RFC 9000, 13.2).</summary>
    public static bool IsAckEliciting(FrameKind kind) => (NotAckEliciting & (1u << (int)kind)) == 0;

    /// <summary>
    /// Whether a packet that has only such frames does not move a connection to its path (RFC 9000, 9.1).
    /// </summary>
    public static bool IsProbing(FrameKind kind) => (Probing & (1u << (int)kind)) != 0;

    /// <summary>Whether a packet with such a frame counts as in flight (RFC 9002, 2).</summary>
    public static bool IsInFlight(FrameKind kind) => (NotInFlight & (1u << (int)kind)) == 0;
}
