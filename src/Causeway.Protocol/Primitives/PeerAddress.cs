using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Protocol;

/// <summary>
/// The address a datagram came from or goes to, as a value of 24 bytes: a dictionary key that costs no allocation.
/// The core only stores and compares it. An IPv4 address and the same address mapped into IPv6 are equal.
/// </summary>
public readonly struct PeerAddress : IEquatable<PeerAddress>
{
    private readonly ulong _high;
    private readonly ulong _low;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly Kind _kind;

    private PeerAddress(ulong high, ulong low, uint scope, ushort port, Kind kind)
    {
        _high = high;
        _low = low;
        _scope = scope;
        _port = port;
        _kind = kind;
    }

    private enum Kind : ushort
    {
        None,
        IPv4,
        IPv6,
    }

    /// <summary>Whether no address is set, as in a datagram for a connected link.</summary>
    public bool IsNone => _kind == Kind.None;

    /// <summary>Whether this is an IPv6 address (one that is not a mapped IPv4 address).</summary>
    public bool IsIPv6 => _kind == Kind.IPv6;

    /// <summary>The UDP port, in host order.</summary>
    public int Port => _port;

    /// <summary>The IPv6 scope id, 0 otherwise.</summary>
    public uint ScopeId => _scope;

    /// <summary>Makes an address from 4 (IPv4) or 16 (IPv6) bytes in network order.</summary>
    /// <exception cref="ArgumentException"><paramref name="address"/> has another length.</exception>
    public static PeerAddress FromBytes(ReadOnlySpan<byte> address, int port, uint scopeId = 0)
    {
        if (address.Length == 4)
        {
            return new PeerAddress(0, BinaryPrimitives.ReadUInt32BigEndian(address), 0, (ushort)port, Kind.IPv4);
        }

        if (address.Length != 16)
        {
            throw new ArgumentException("An address has 4 or 16 bytes.", nameof(address));
        }

        ulong high = BinaryPrimitives.ReadUInt64BigEndian(address);
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);

        // ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) is how a dual-stack socket reports an IPv4 peer.
        return high == 0 && low >> 32 == 0xFFFF
            ? new PeerAddress(0, low & 0xFFFF_FFFF, 0, (ushort)port, Kind.IPv4)
            : new PeerAddress(high, low, scopeId, (ushort)port, Kind.IPv6);
    }

    /// <summary>Makes an address from an IP end point.</summary>
    public static PeerAddress FromEndPoint(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        Span<byte> bytes = stackalloc byte[16];
        endPoint.Address.TryWriteBytes(bytes, out int length);
        uint scope = endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)endPoint.Address.ScopeId : 0;
        return FromBytes(bytes[..length], endPoint.Port, scope);
    }

    /// <summary>The same host, whatever the port: port 0.</summary>
    public PeerAddress WithoutPort() => new(_high, _low, _scope, 0, _kind);

    /// <summary>Writes the address in network order and returns its length, 4 or 16.</summary>
    public int WriteBytes(Span<byte> destination)
    {
        if (_kind == Kind.IPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return 4;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        return 16;
    }

    /// <summary>Writes the address as IPv6, an IPv4 address in its mapped form: what a dual-stack socket expects.</summary>
    public void WriteIPv6Bytes(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _kind == Kind.IPv4 ? 0xFFFF_0000_0000 | _low : _low);
    }

    /// <summary>The same address as an <see cref="IPEndPoint"/> (allocates).</summary>
    public IPEndPoint ToEndPoint()
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = WriteBytes(bytes);
        IPAddress address = length == 4 ? new IPAddress(bytes[..4]) : new IPAddress(bytes, _scope);
        return new IPEndPoint(address, _port);
    }

    /// <inheritdoc/>
    public bool Equals(PeerAddress other) =>
        _low == other._low && _high == other._high && _port == other._port && _kind == other._kind && _scope == other._scope;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is PeerAddress other && Equals(other);

    /// <inheritdoc/>
    /// <remarks>Randomised per process by <see cref="HashCode"/>, so that a peer cannot aim at one bucket.</remarks>
    public override int GetHashCode() => HashCode.Combine(_high, _low, _port, _scope);

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "none" : ToEndPoint().ToString();

    /// <summary>Equality by value.</summary>
    public static bool operator ==(PeerAddress left, PeerAddress right) => left.Equals(right);

    /// <summary>Inequality by value.</summary>
    public static bool operator !=(PeerAddress left, PeerAddress right) => !left.Equals(right);
}
