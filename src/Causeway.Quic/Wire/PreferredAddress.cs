using System.Buffers.Binary;
using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>Where a server would like a client to move to (RFC 9000, 9.6 and 18.2).</summary>
/// <param name="IPv4">Its IPv4 address; none if it has none.</param>
/// <param name="IPv6">Its IPv6 address; none if it has none.</param>
/// <param name="ConnectionId">The connection id of sequence number 1; not empty.</param>
/// <param name="ResetToken">Its stateless reset token.</param>
internal readonly record struct PreferredAddress(
    PeerAddress IPv4, PeerAddress IPv6, ConnectionId ConnectionId, StatelessResetToken ResetToken)
{
    private const int IPv4Length = 4;
    private const int IPv6Length = 16;

    /// <summary>Reads the value of the parameter, all of it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out PreferredAddress address)
    {
        address = default;
        WireReader reader = new(value);
        if (!reader.TryReadBytes(IPv4Length + sizeof(ushort), out ReadOnlySpan<byte> ipv4)
            || !reader.TryReadBytes(IPv6Length + sizeof(ushort), out ReadOnlySpan<byte> ipv6)
            || !reader.TryReadShortPrefixed(out ReadOnlySpan<byte> id)
            || !reader.TryReadBytes(StatelessResetToken.Length, out ReadOnlySpan<byte> token)
            || !reader.IsAtEnd
            || id.IsEmpty
            || id.Length > ConnectionId.MaxLength)
        {
            return false;
        }

        address = new PreferredAddress(
            ReadAddress(ipv4), ReadAddress(ipv6), new ConnectionId(id), new StatelessResetToken(token));
        return true;
    }

    /// <summary>Writes the value of the parameter.</summary>
    public void Write(ref WireWriter writer)
    {
        Span<byte> bytes = stackalloc byte[IPv4Length + sizeof(ushort) + IPv6Length + sizeof(ushort)];
        bytes.Clear();
        WriteAddress(bytes[..(IPv4Length + sizeof(ushort))], IPv4);
        WriteAddress(bytes[(IPv4Length + sizeof(ushort))..], IPv6);
        writer.Bytes(bytes);
        writer.ShortPrefixed(ConnectionId.Span);
        writer.Bytes(ResetToken.Span);
    }

    // All zeros say that there is none (RFC 9000, 18.2).
    private static PeerAddress ReadAddress(ReadOnlySpan<byte> bytes) =>
        bytes.ContainsAnyExcept((byte)0)
            ? PeerAddress.FromBytes(bytes[..^sizeof(ushort)], BinaryPrimitives.ReadUInt16BigEndian(bytes[^sizeof(ushort)..]))
            : default;

    private static void WriteAddress(Span<byte> bytes, in PeerAddress address)
    {
        if (address.IsNone)
        {
            return;
        }

        if (bytes.Length == IPv4Length + sizeof(ushort))
        {
            address.WriteBytes(bytes);
        }
        else
        {
            address.WriteIPv6Bytes(bytes);
        }

        BinaryPrimitives.WriteUInt16BigEndian(bytes[^sizeof(ushort)..], (ushort)address.Port);
    }
}
