using Causeway.Protocol.Fec;

namespace Causeway.Quic.Wire;

/// <summary>Limits that the wire format of the FEC extension sets (docs/wire/quic-fec.md).</summary>
internal static class FecLimits
{
    /// <summary>The most sources that a repair can cover: more have no coefficients of their own.</summary>
    public const int MostWindow = CauchyCode.MostSources;

    /// <summary>Bytes of the length in front of a symbol.</summary>
    public const int LengthSize = sizeof(ushort);

    /// <summary>Bytes of the shortest symbol: the length, and a source of one byte.</summary>
    public const int LeastSymbol = LengthSize + 1;

    /// <summary>Bytes of the longest FEC_SOURCE header that this end writes: a type, and a number of up to 2^30.</summary>
    public const int SourceHeader = 2 + 4;

    /// <summary>Bytes of the longest FEC_REPAIR header that this end writes: a type, two numbers of up to 2^30, a count.</summary>
    public const int MostRepairHeader = 2 + 4 + 4 + 2;

    /// <summary>
    /// What a packet with a source leaves free with its header, so that a repair over it fits into a packet, too, whose number may
    /// take three bytes more.
    /// </summary>
    public const int RepairOverhead = MostRepairHeader + LengthSize + 3;
}
