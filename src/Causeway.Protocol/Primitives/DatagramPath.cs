using System.Diagnostics.CodeAnalysis;

namespace Causeway.Protocol;

/// <summary>
/// The way of a datagram: the peer's address, and this machine's address that the peer spoke to. A value, so that a
/// datagram carries it, and a session keeps it, without an allocation.
/// </summary>
/// <remarks>
/// A socket that is bound to any address has one local address for each address of the machine. A peer takes an answer
/// only from the address that it spoke to, so that whoever answers sends on the path of what arrived.
/// </remarks>
public readonly struct DatagramPath : IEquatable<DatagramPath>
{
    /// <summary>Makes a path.</summary>
    /// <param name="remote">The peer's address; none for the peer of a connected link.</param>
    /// <param name="local">This machine's address; none leaves the choice to the system.</param>
    public DatagramPath(PeerAddress remote, PeerAddress local = default)
    {
        Remote = remote;
        Local = local;
    }

    /// <summary>The peer's address; none for the peer of a connected link.</summary>
    public PeerAddress Remote { get; }

    /// <summary>
    /// This machine's address that a datagram came to, or is to leave from; none if the link does not tell, or the
    /// system may choose.
    /// </summary>
    public PeerAddress Local { get; }

    /// <inheritdoc/>
    public bool Equals(DatagramPath other) => Remote == other.Remote && Local == other.Local;

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is DatagramPath other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Remote, Local);

    /// <inheritdoc/>
    public override string ToString() => Local.IsNone ? Remote.ToString() : $"{Local} -> {Remote}";

    /// <summary>Equality by value.</summary>
    public static bool operator ==(DatagramPath left, DatagramPath right) => left.Equals(right);

    /// <summary>Inequality by value.</summary>
    public static bool operator !=(DatagramPath left, DatagramPath right) => !left.Equals(right);
}
