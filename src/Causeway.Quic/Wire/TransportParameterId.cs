namespace Causeway.Quic.Wire;

/// <summary>Transport parameters as they are on the wire (RFC 9000, 18.2, and the extensions that are named).</summary>
internal static class TransportParameterId
{
    public const long OriginalDestinationConnectionId = 0x00;
    public const long MaxIdleTimeout = 0x01;
    public const long StatelessResetToken = 0x02;
    public const long MaxUdpPayloadSize = 0x03;
    public const long InitialMaxData = 0x04;
    public const long InitialMaxStreamDataBidirectionalLocal = 0x05;
    public const long InitialMaxStreamDataBidirectionalRemote = 0x06;
    public const long InitialMaxStreamDataUnidirectional = 0x07;
    public const long InitialMaxStreamsBidirectional = 0x08;
    public const long InitialMaxStreamsUnidirectional = 0x09;
    public const long AckDelayExponent = 0x0a;
    public const long MaxAckDelay = 0x0b;
    public const long DisableActiveMigration = 0x0c;
    public const long PreferredAddress = 0x0d;
    public const long ActiveConnectionIdLimit = 0x0e;
    public const long InitialSourceConnectionId = 0x0f;
    public const long RetrySourceConnectionId = 0x10;

    /// <summary>RFC 9368, 3.</summary>
    public const long VersionInformation = 0x11;

    /// <summary>RFC 9221, 3.</summary>
    public const long MaxDatagramFrameSize = 0x20;

    /// <summary>RFC 9287, 3.</summary>
    public const long GreaseQuicBit = 0x2ab2;

    /// <summary>draft-ietf-quic-ack-frequency, 3.</summary>
    public const long MinAckDelay = 0xff04de1b;

    /// <summary>Of our own: docs/wire/quic-fec.md, 2.</summary>
    public const long FecWindow = 0x1b119a56;

    /// <summary>A parameter that nobody will ever give a meaning (RFC 9000, 18.1).</summary>
    public static long Reserved(uint random) => (31L * random) + 27;
}
