using System.Buffers;
using Causeway.Http3.Framing;
using Causeway.Http3.Qpack;

namespace Causeway.Http3.Tests;

/// <summary>Bytes as a peer may send them, whether or not it may.</summary>
internal static class Wire
{
    public static byte[] Integer(long value)
    {
        byte[] bytes = new byte[VarInt.Length(value)];
        VarInt.Write(bytes, value);
        return bytes;
    }

    public static byte[] Frame(long type, params byte[] payload) => [.. Integer(type), .. Integer(payload.Length), .. payload];

    public static byte[] Headers(params HttpField[] fields)
    {
        ArrayBufferWriter<byte> section = new();
        QpackEncoder.Encode(fields, section);
        return Frame(FrameType.Headers, section.WrittenSpan.ToArray());
    }

    public static byte[] Data(params byte[] content) => Frame(FrameType.Data, content);

    public static byte[] Settings(params long[] idsAndValues) =>
        Frame(FrameType.Settings, [.. idsAndValues.SelectMany(Integer)]);

    /// <summary>A request with what every request needs, and more fields.</summary>
    public static byte[] Request(string method, params HttpField[] more) => Headers([
        new(":method", method), new(":scheme", "https"), new(":authority", "a.example"), new(":path", "/"), .. more]);

    public static byte[] Response(string status, params HttpField[] more) => Headers([new(":status", status), .. more]);

    public static byte[] Concat(params byte[][] parts) => [.. parts.SelectMany(static part => part)];
}
