namespace Causeway.Quic.Streams;

/// <summary>The kinds of streams, as the two lowest bits of their ids tell (RFC 9000, 2.1).</summary>
internal static class StreamId
{
    /// <summary>The most streams of a kind (RFC 9000, 4.6).</summary>
    public const long MaxCount = 1L << 60;

    private const long Server = 1;
    private const long Unidirectional = 2;

    /// <summary>The id of the n-th stream of a kind, counted from 0.</summary>
    public static long Of(EndpointRole opener, bool isUnidirectional, long index) =>
        (index << 2) | (isUnidirectional ? Unidirectional : 0) | (opener == EndpointRole.Server ? Server : 0);

    /// <summary>Who opens the stream.</summary>
    public static EndpointRole Opener(long id) => (id & Server) == 0 ? EndpointRole.Client : EndpointRole.Server;

    /// <summary>Whether only its opener sends.</summary>
    public static bool IsUnidirectional(long id) => (id & Unidirectional) != 0;

    /// <summary>Its number among the streams of its kind.</summary>
    public static long Index(long id) => id >> 2;
}
