namespace Causeway.Quic.Wire;

/// <summary>Frame types as they are on the wire.</summary>
internal static class FrameType
{
    public const long Padding = 0x00;
    public const long Ping = 0x01;
    public const long Ack = 0x02;
    public const long AckWithEcn = 0x03;
    public const long ResetStream = 0x04;
    public const long StopSending = 0x05;
    public const long Crypto = 0x06;
    public const long NewToken = 0x07;

    /// <summary>
    /// The first of eight; see <see cref="StreamFin"/>, <see cref="StreamLength"/>, <see cref="StreamOffset"/>.
    /// </summary>
    public const long Stream = 0x08;

    /// <summary>The last of the eight.</summary>
    public const long StreamLast = 0x0f;

    /// <summary>A flag: the stream ends with the frame.</summary>
    public const long StreamFin = 0x01;

    /// <summary>A flag: there is a length; else the frame ends with the packet.</summary>
    public const long StreamLength = 0x02;

    /// <summary>A flag: there is an offset; else it is 0.</summary>
    public const long StreamOffset = 0x04;

    public const long MaxData = 0x10;
    public const long MaxStreamData = 0x11;
    public const long MaxStreamsBidirectional = 0x12;
    public const long MaxStreamsUnidirectional = 0x13;
    public const long DataBlocked = 0x14;
    public const long StreamDataBlocked = 0x15;
    public const long StreamsBlockedBidirectional = 0x16;
    public const long StreamsBlockedUnidirectional = 0x17;
    public const long NewConnectionId = 0x18;
    public const long RetireConnectionId = 0x19;
    public const long PathChallenge = 0x1a;
    public const long PathResponse = 0x1b;

    /// <summary>CONNECTION_CLOSE with a code of the transport.</summary>
    public const long ConnectionClose = 0x1c;

    /// <summary>CONNECTION_CLOSE with a code of the application.</summary>
    public const long ApplicationClose = 0x1d;

    public const long HandshakeDone = 0x1e;
    public const long ImmediateAck = 0x1f;

    /// <summary>DATAGRAM that ends with the packet.</summary>
    public const long Datagram = 0x30;

    /// <summary>DATAGRAM with a length.</summary>
    public const long DatagramWithLength = 0x31;

    public const long AckFrequency = 0xaf;

    /// <summary>The frames behind it in the packet are a source of the FEC extension (docs/wire/quic-fec.md).</summary>
    public const long FecSource = 0x24ed;

    /// <summary>Parity over a window of sources.</summary>
    public const long FecRepair = 0x24ee;

    /// <summary>Sources that were rebuilt.</summary>
    public const long FecRecovered = 0x24ef;
}
