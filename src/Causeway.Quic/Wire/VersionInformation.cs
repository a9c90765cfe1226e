using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>The version_information parameter (RFC 9368, 3), as a value.</summary>
/// <remarks>
/// Of what a peer lists, it keeps the first sixteen versions that are not reserved: nobody speaks as many.
/// </remarks>
internal struct VersionInformation
{
    /// <summary>How many versions it has room for.</summary>
    public const int MaxAvailable = 16;

    private Versions _available;

    /// <summary>The version of the packet that the parameter is in: never 0 in what was read.</summary>
    public QuicVersion Chosen { get; private set; }

    /// <summary>How many versions are listed.</summary>
    public int AvailableCount { get; private set; }

    /// <summary>Whether the parameter was there.</summary>
    public readonly bool IsPresent => Chosen != QuicVersion.Negotiation;

    /// <summary>
    /// The versions that a client's first flight is compatible with, by preference, or that a server has deployed. They
    /// live as long as this value does.
    /// </summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<QuicVersion> Available => ((ReadOnlySpan<QuicVersion>)_available)[..AvailableCount];

    /// <summary>Makes one to send.</summary>
    /// <param name="chosen">The version in use: a client's original one, a server's negotiated one.</param>
    /// <param name="available">At most <see cref="MaxAvailable"/> versions; a client's include the chosen one.</param>
    public static VersionInformation Create(QuicVersion chosen, ReadOnlySpan<QuicVersion> available)
    {
        VersionInformation information = new() { Chosen = chosen, AvailableCount = available.Length };
        available.CopyTo(information._available);
        return information;
    }

    /// <summary>Reads the value of the parameter, all of it (RFC 9368, 4).</summary>
    /// <param name="value">The value.</param>
    /// <param name="sender">Who sent it.</param>
    /// <param name="information">What was read.</param>
    public static bool TryRead(ReadOnlySpan<byte> value, EndpointRole sender, out VersionInformation information)
    {
        information = default;
        if (value.Length % sizeof(uint) != 0
            || !BinaryPrimitives.TryReadUInt32BigEndian(value, out uint chosen)
            || chosen == 0)
        {
            return false;
        }

        bool isChosenAvailable = false;
        for (value = value[sizeof(uint)..]; value.Length > 0; value = value[sizeof(uint)..])
        {
            uint version = BinaryPrimitives.ReadUInt32BigEndian(value);
            if (version == 0)
            {
                return false;
            }

            isChosenAvailable |= version == chosen;
            if (information.AvailableCount < MaxAvailable && !VersionNegotiationPacket.IsReserved(version))
            {
                information._available[information.AvailableCount++] = (QuicVersion)version;
            }
        }

        information.Chosen = (QuicVersion)chosen;
        return isChosenAvailable || sender == EndpointRole.Server;
    }

    /// <summary>Writes the value of the parameter.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="reserved">A reserved version to list first; 0 for none.</param>
    public readonly void Write(ref WireWriter writer, uint reserved)
    {
        writer.UInt32((uint)Chosen);
        if (reserved != 0)
        {
            writer.UInt32(reserved);
        }

        foreach (QuicVersion version in Available)
        {
            writer.UInt32((uint)version);
        }
    }

    [InlineArray(MaxAvailable)]
    private struct Versions
    {
        private QuicVersion _first;
    }
}
