using System.Buffers.Binary;
using System.Net;
using System.Text;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels.Dynamic;

/// <summary>Addresses of SOCKS 5 (RFC 1928, 5).</summary>
internal static class SocksAddress
{
    public const byte IPv4 = 1;
    public const byte Name = 3;
    public const byte IPv6 = 4;

    /// <summary>The address of a request.</summary>
    /// <returns>Null if it is a name that no host can have.</returns>
    public static EndPoint? Read(bool isName, ReadOnlySpan<byte> host, int port)
    {
        if (!isName)
        {
            return new IPEndPoint(new IPAddress(host), port);
        }

        return host.IsEmpty || host.ContainsAnyExceptInRange((byte)'!', (byte)'~') ? null : WireAddress.NewHost(Encoding.ASCII.GetString(host), port);
    }

    /// <summary>Takes the address off the front of a datagram.</summary>
    /// <returns>Bytes that it takes; 0 if there is none whole.</returns>
    public static int Measure(ReadOnlySpan<byte> bytes)
    {
        int length = bytes.IsEmpty ? 0 : bytes[0] switch
        {
            IPv4 => 1 + 4 + 2,
            IPv6 => 1 + 16 + 2,
            Name when bytes.Length > 1 => 2 + bytes[1] + 2,
            _ => 0,
        };
        return length <= bytes.Length ? length : 0;
    }

    /// <summary>The address whose whole length was measured.</summary>
    public static EndPoint? Read(ReadOnlySpan<byte> bytes)
    {
        bool isName = bytes[0] == Name;
        return Read(isName, bytes[(isName ? 2 : 1)..^2], BinaryPrimitives.ReadUInt16BigEndian(bytes[^2..]));
    }

    public static byte[] Write(IPEndPoint address)
    {
        byte[] host = address.Address.GetAddressBytes();
        byte[] bytes = [host.Length == 4 ? IPv4 : IPv6, .. host, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(1 + host.Length), (ushort)address.Port);
        return bytes;
    }
}
