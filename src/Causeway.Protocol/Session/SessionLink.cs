namespace Causeway.Protocol;

/// <summary>What a session has to know of the link below it.</summary>
/// <param name="MaxDatagramSize">The largest payload that the link takes from the session, in bytes.</param>
/// <param name="Headroom">Bytes that the link adds in front of a payload.</param>
/// <param name="Tailroom">Bytes that the link adds behind a payload.</param>
/// <param name="Pool">Where datagrams are rented.</param>
public readonly record struct SessionLink(int MaxDatagramSize, int Headroom, int Tailroom, PacketPool Pool);
