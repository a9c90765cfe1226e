using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>Addresses as frames carry them: the types of SOCKS 5 (RFC 1928, 5), and two more (docs/wire/tunnel.md 2.1).</summary>
internal static class WireAddress
{
    public const byte None = 0;
    public const byte IPv4 = 1;
    public const byte Name = 3;
    public const byte IPv6 = 4;
    public const byte UnixPath = 5;

    /// <summary>The longest path that a socket has on every system (macOS: 104 bytes with the zero at the end).</summary>
    public const int MaxPathLength = 103;

    private const int MaxNameLength = 255;
    private const int IPv4Length = 4;
    private const int IPv6Length = 16;

    /// <summary>Writes an address, null as none.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentException">It cannot be written.</exception>
    public static int Write(EndPoint? address, Span<byte> bytes)
    {
        switch (address)
        {
            case null:
                bytes[0] = None;
                return 1;
            case IPEndPoint ip:
                ip.Address.TryWriteBytes(bytes[1..], out int length);
                bytes[0] = length == IPv4Length ? IPv4 : IPv6;
                BinaryPrimitives.WriteUInt16BigEndian(bytes[(1 + length)..], (ushort)ip.Port);
                return 1 + length + sizeof(ushort);
            case DnsEndPoint dns:
                int count = WriteText(Name, dns.Host, MaxNameLength, bytes);
                BinaryPrimitives.WriteUInt16BigEndian(bytes[count..], (ushort)dns.Port);
                return count + sizeof(ushort);
            case UnixDomainSocketEndPoint path:
                return WriteText(UnixPath, path.ToString(), MaxPathLength, bytes);
            default:
                throw new ArgumentException($"The address {address} is of a kind that the tunnel protocol does not carry.", nameof(address));
        }
    }

    /// <summary>Takes an address from the front.</summary>
    /// <returns>False if there is none whole and well-formed.</returns>
    public static bool TryParse(ref ReadOnlySpan<byte> bytes, out EndPoint? address)
    {
        address = null;
        if (bytes.IsEmpty)
        {
            return false;
        }

        byte type = bytes[0];
        ReadOnlySpan<byte> rest = bytes[1..];
        switch (type)
        {
            case None:
                bytes = rest;
                return true;
            case IPv4 or IPv6:
                int length = type == IPv4 ? IPv4Length : IPv6Length;
                if (rest.Length < length + sizeof(ushort))
                {
                    return false;
                }

                IPAddress ip = new(rest[..length]);
                address = new IPEndPoint(
                    ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, BinaryPrimitives.ReadUInt16BigEndian(rest[length..]));
                bytes = rest[(length + sizeof(ushort))..];
                return true;
            case Name:
                if (!TryReadText(ref rest, MaxNameLength, out string? host) || rest.Length < sizeof(ushort))
                {
                    return false;
                }

                address = NewHost(host, BinaryPrimitives.ReadUInt16BigEndian(rest));
                bytes = rest[sizeof(ushort)..];
                return true;
            case UnixPath:
                if (!TryReadText(ref rest, MaxPathLength, out string? path) || path[0] is not ('/' or '@') || !Socket.OSSupportsUnixDomainSockets)
                {
                    return false;
                }

                address = new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path);
                bytes = rest;
                return true;
            default:
                return false;
        }
    }

    /// <summary>A name, or the address that it spells: rules about addresses must not be got around by writing one as a name.</summary>
    public static EndPoint NewHost(string host, int port) => IPAddress.TryParse(host, out IPAddress? address)
        ? new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port)
        : new DnsEndPoint(host, port);

    private static int WriteText(byte type, string text, int most, Span<byte> bytes)
    {
        if (text.Length == 0 || text.Length > most || !IsPlain(text))
        {
            throw new ArgumentException($"\"{text}\" must have 1 to {most} characters, all of them printable ASCII without spaces.", nameof(text));
        }

        bytes[0] = type;
        bytes[1] = (byte)text.Length;
        return 2 + Encoding.ASCII.GetBytes(text, bytes[2..]);
    }

    private static bool TryReadText(ref ReadOnlySpan<byte> bytes, int most, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (bytes.IsEmpty || bytes[0] == 0 || bytes[0] > most || bytes.Length < 1 + bytes[0])
        {
            return false;
        }

        text = Encoding.Latin1.GetString(bytes.Slice(1, bytes[0]));
        bytes = bytes[(1 + bytes[0])..];
        return IsPlain(text);
    }

    private static bool IsPlain(string text) => !text.AsSpan().ContainsAnyExceptInRange('!', '~');
}
