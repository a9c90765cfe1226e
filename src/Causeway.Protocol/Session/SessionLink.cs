namespace Causeway.Protocol;

/// <summary>What a session has to know of the link below it.</summary>
/// <param name="MaxDatagramSize">The largest payload that the link takes from the session, in bytes.</param>
/// <param name="Headroom">Bytes that the link adds in front of a payload.</param>
/// <param name="Tailroom">Bytes that the link adds behind a payload.</param>
/// <param name="Pool">Where datagrams are rented.</param>
public readonly record struct SessionLink(int MaxDatagramSize, int Headroom, int Tailroom, PacketPool Pool)
{
    /// <summary>Where keys and ids come from; null where the engine makes none.</summary>
    public RandomBytes? Random { get; init; }

    /// <summary>The wall time at <see cref="Timestamp.Zero"/>, for what outlives a session: tickets and tokens.</summary>
    public DateTimeOffset UtcAtZero { get; init; }

    /// <summary>The local UDP port; 0 where there is none. Listeners of one host differ in it.</summary>
    public int LocalPort { get; init; }
}
