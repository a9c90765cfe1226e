using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>How short packets and datagrams may be.</summary>
internal static class PaddingRules
{
    /// <summary>
    /// The fewest bytes of frames that a packet has: with the packet number four, so that there is a sample for header
    /// protection (RFC 9001, 5.4.2).
    /// </summary>
    public static int MinPayloadLength(int packetNumberLength) => PacketNumber.MaxLength - packetNumberLength;

    /// <summary>
    /// Whether a datagram with an Initial packet is to be filled up to <see cref="QuicLimits.MinInitialDatagramSize"/>
    /// bytes: a client's always, a server's if that packet is to be acknowledged (RFC 9000, 14.1).
    /// </summary>
    public static bool MustExpandInitial(EndpointRole sender, bool isAckEliciting) =>
        sender == EndpointRole.Client || isAckEliciting;

    /// <summary>
    /// Whether a server drops an Initial packet because of the datagram around it: that was too short for a client, who
    /// would use the server to send more than it sent itself (RFC 9000, 14.1).
    /// </summary>
    public static bool IsInitialTooShort(EndpointRole receiver, int datagramLength) =>
        receiver == EndpointRole.Server && datagramLength < QuicLimits.MinInitialDatagramSize;

    /// <summary>
    /// The least length that the destination connection id of a client's first Initial packet has (RFC 9000, 7.2).
    /// </summary>
    public const int MinClientDestinationIdLength = 8;
}
