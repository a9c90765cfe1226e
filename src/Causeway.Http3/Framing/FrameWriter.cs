using System.Buffers;

namespace Causeway.Http3.Framing;

/// <summary>Writes frames into a buffer; the payload of DATA follows by itself.</summary>
internal static class FrameWriter
{
    /// <summary>Bytes of the longest frame header: two integers.</summary>
    public const int MaxHeaderLength = 2 * VarInt.MaxLength;

    public static int WriteHeader(Span<byte> destination, long type, long payloadLength)
    {
        int length = VarInt.Write(destination, type);
        return length + VarInt.Write(destination[length..], payloadLength);
    }

    public static void WriteFrame(ArrayBufferWriter<byte> output, long type, ReadOnlySpan<byte> payload)
    {
        output.Advance(WriteHeader(output.GetSpan(MaxHeaderLength), type, payload.Length));
        output.Write(payload);
    }

    /// <summary>A frame whose payload is one integer: GOAWAY, MAX_PUSH_ID, CANCEL_PUSH.</summary>
    public static void WriteIdFrame(ArrayBufferWriter<byte> output, long type, long id)
    {
        Span<byte> payload = stackalloc byte[VarInt.MaxLength];
        WriteFrame(output, type, payload[..VarInt.Write(payload, id)]);
    }

    /// <summary>
    /// What the control stream begins with: its type, our SETTINGS, and reserved ones if wanted. The QPACK settings keep their
    /// default of zero: no dynamic table.
    /// </summary>
    public static void WriteControlPreface(ArrayBufferWriter<byte> output, Http3Limits limits)
    {
        output.Advance(VarInt.Write(output.GetSpan(VarInt.MaxLength), StreamType.Control));
        Span<byte> settings = stackalloc byte[8 * VarInt.MaxLength];
        int length = WriteSetting(settings, PeerSettings.QpackMaxTableCapacityId, 0);
        length += WriteSetting(settings[length..], PeerSettings.MaxFieldSectionSizeId, limits.MaxFieldSectionSize);
        length += WriteSetting(settings[length..], PeerSettings.QpackBlockedStreamsId, 0);
        if (limits.SendReserved)
        {
            length += WriteSetting(settings[length..], Reserved.Next(), Random.Shared.Next());
        }

        WriteFrame(output, FrameType.Settings, settings[..length]);
        if (limits.SendReserved)
        {
            WriteFrame(output, Reserved.Next(), "reserved"u8[..Random.Shared.Next(9)]);
        }
    }

    private static int WriteSetting(Span<byte> destination, long id, long value)
    {
        int length = VarInt.Write(destination, id);
        return length + VarInt.Write(destination[length..], value);
    }
}
