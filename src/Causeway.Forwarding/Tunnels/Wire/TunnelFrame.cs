using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>
/// What the first bytes of a stream say in either direction: what it is for, or how that was answered (docs/wire/tunnel.md 2).
/// Writing and parsing are inverse.
/// </summary>
internal sealed record TunnelFrame
{
    /// <summary>Version, code and length.</summary>
    public const int PrefixLength = 4;

    public const byte Version = 1;

    /// <summary>The longest body that is read. Address, origin and text of the greatest length fit.</summary>
    public const int MaxBodyLength = 1020;

    /// <summary>The code of an answer that grants.</summary>
    public const byte Granted = 0;

    private const int MaxTextLength = 255;
    private const byte TextOption = 1;
    private const byte OriginOption = 2;
    private const byte ListenerOption = 3;

    /// <summary>The <see cref="TunnelKind"/> of a request; zero or the <see cref="TunnelRefusal"/> of an answer.</summary>
    public required byte Code { get; init; }

    /// <summary>
    /// An <see cref="IPEndPoint"/>, a <see cref="DnsEndPoint"/> or a <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/>; null for none, which in a
    /// request means the peer's own target.
    /// </summary>
    public EndPoint? Address { get; init; }

    /// <summary>Words for people.</summary>
    public string? Text { get; init; }

    /// <summary>Who connected where the stream began.</summary>
    public IPEndPoint? Origin { get; init; }

    /// <summary>The id of the stream that asked to listen.</summary>
    public long? Listener { get; init; }

    public static TunnelFrame Request(TunnelKind kind, EndPoint? address = null) => new() { Code = (byte)kind, Address = address };

    public static TunnelFrame Grant(EndPoint? bound = null) => new() { Code = Granted, Address = bound };

    public static TunnelFrame Refuse(TunnelRefusal reason, string text) => new() { Code = (byte)reason, Text = text };

    /// <summary>The frame as it goes over the wire.</summary>
    /// <exception cref="ArgumentException">An address cannot be written.</exception>
    public byte[] ToBytes()
    {
        Span<byte> bytes = stackalloc byte[PrefixLength + MaxBodyLength];
        int at = PrefixLength;
        at += WireAddress.Write(Address, bytes[at..]);
        if (Text is { Length: > 0 } text)
        {
            Span<byte> value = bytes.Slice(at + 2, MaxTextLength);
            Encoding.UTF8.GetEncoder().Convert(text, value, flush: true, out _, out int length, out _);
            bytes[at] = TextOption;
            bytes[at + 1] = (byte)length;
            at += 2 + length;
        }

        if (Origin is not null)
        {
            int length = WireAddress.Write(Origin, bytes[(at + 2)..]);
            bytes[at] = OriginOption;
            bytes[at + 1] = (byte)length;
            at += 2 + length;
        }

        if (Listener is { } listener)
        {
            bytes[at] = ListenerOption;
            bytes[at + 1] = sizeof(long);
            BinaryPrimitives.WriteInt64BigEndian(bytes[(at + 2)..], listener);
            at += 2 + sizeof(long);
        }

        bytes[0] = Version;
        bytes[1] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)(at - PrefixLength));
        return bytes[..at].ToArray();
    }

    /// <summary>Parses what follows the prefix.</summary>
    /// <returns>Null if it is malformed. Options that are not known are passed over.</returns>
    public static TunnelFrame? ParseBody(byte code, ReadOnlySpan<byte> body)
    {
        if (!WireAddress.TryParse(ref body, out EndPoint? address))
        {
            return null;
        }

        TunnelFrame frame = new() { Code = code, Address = address };
        while (!body.IsEmpty)
        {
            if (body.Length < 2 || body.Length < 2 + body[1] || frame.With(body[0], body.Slice(2, body[1])) is not { } more)
            {
                return null;
            }

            frame = more;
            body = body[(2 + body[1])..];
        }

        return frame;
    }

    private TunnelFrame? With(byte option, ReadOnlySpan<byte> value)
    {
        switch (option)
        {
            case TextOption:
                return this with { Text = ForPeople(value) };
            case OriginOption:
                return WireAddress.TryParse(ref value, out EndPoint? origin) && value.IsEmpty && origin is IPEndPoint ip
                    ? this with { Origin = ip }
                    : null;
            case ListenerOption:
                return value.Length == sizeof(long) && BinaryPrimitives.ReadInt64BigEndian(value) is >= 0 and { } listener
                    ? this with { Listener = listener }
                    : null;
            default:
                return this;
        }
    }

    /// <summary>Text of the peer's, without what could change lines or colours of a log.</summary>
    private static string ForPeople(ReadOnlySpan<byte> value)
    {
        char[] text = Encoding.UTF8.GetString(value).ToCharArray();
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]) || char.IsSurrogate(text[i]) || text[i] is '\u2028' or '\u2029')
            {
                text[i] = '?';
            }
        }

        return new string(text);
    }
}
