
namespace Causeway.Quic.Recovery;

/// <summary>A packet number space (RFC 9000, 12.3).</summary>
internal enum PacketSpaceId
{
    /// <summary>Initial packets.</summary>
    Initial,

    /// <summary>Handshake packets.</summary>
    Handshake,

    /// <summary>0-RTT and 1-RTT packets.</summary>
    Application,
}

/// <summary>Which level belongs to which space.</summary>
internal static class PacketSpaces
{
    /// <summary>How many there are.</summary>
    public const int Count = 3;

    /// <summary>The space of the packets that an encryption level protects.</summary>
    public static PacketSpaceId Of(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => PacketSpaceId.Initial,
        EncryptionLevel.Handshake => PacketSpaceId.Handshake,
        _ => PacketSpaceId.Application,
    };
}
