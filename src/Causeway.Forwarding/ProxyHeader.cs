using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>
/// The header by which a target learns who connected, in front of what a forwarder sends it (the PROXY protocol, version 2, as HAProxy's
/// doc/proxy-protocol.txt section 2.2 has it).
/// </summary>
internal static class ProxyHeader
{
    private const int FixedLength = 16;

    // Version 2, and the command PROXY: on behalf of somebody.
    private const byte VersionAndCommand = 0x21;

    private const byte Unspecified = 0x00;
    private const byte TcpOverIPv4 = 0x11;
    private const byte TcpOverIPv6 = 0x21;

    private static ReadOnlySpan<byte> Signature => [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

    /// <summary>The header for a connection.</summary>
    /// <param name="source">Who connected; null if that has no address.</param>
    /// <param name="destination">Where; of another family than the source, or null, it counts as unknown.</param>
    public static byte[] For(EndPoint? source, EndPoint? destination)
    {
        if (Plain(source) is not { } from)
        {
            return [.. Signature, VersionAndCommand, Unspecified, 0, 0];
        }

        bool isIPv4 = from.AddressFamily == AddressFamily.InterNetwork;
        IPEndPoint to = Plain(destination) is { } known && known.AddressFamily == from.AddressFamily
            ? known
            : new IPEndPoint(isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, (Plain(destination)?.Port).GetValueOrDefault());
        int length = isIPv4 ? 4 : 16;
        byte[] header = new byte[FixedLength + (2 * length) + 4];
        Signature.CopyTo(header);
        header[12] = VersionAndCommand;
        header[13] = isIPv4 ? TcpOverIPv4 : TcpOverIPv6;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)(header.Length - FixedLength));
        from.Address.TryWriteBytes(header.AsSpan(FixedLength), out _);
        to.Address.TryWriteBytes(header.AsSpan(FixedLength + length), out _);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(FixedLength + (2 * length)), (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(FixedLength + (2 * length) + 2), (ushort)to.Port);
        return header;
    }

    private static IPEndPoint? Plain(EndPoint? endPoint) => endPoint is not IPEndPoint ip ? null
        : ip.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port)
        : ip;
}
