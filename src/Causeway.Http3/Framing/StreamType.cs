namespace Causeway.Http3.Framing;

/// <summary>Types of unidirectional streams (RFC 9114, 6.2; RFC 9204, 4.2), the first integer on each.</summary>
internal static class StreamType
{
    public const long Control = 0x00;
    public const long Push = 0x01;
    public const long QpackEncoder = 0x02;
    public const long QpackDecoder = 0x03;
}
