using Causeway.Protocol;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// What a handshake takes from the world outside: random bytes, and what wall time its timestamps mean.
/// </summary>
/// <param name="Random">Random bytes that nobody can guess.</param>
/// <param name="UtcAtZero">The wall time at <see cref="Timestamp.Zero"/>, for the age of tickets.</param>
internal sealed record HandshakeEnvironment(RandomBytes Random, DateTimeOffset UtcAtZero)
{
    /// <summary>Milliseconds since the Unix epoch at a time.</summary>
    public long UnixMilliseconds(Timestamp now) => UtcAtZero.ToUnixTimeMilliseconds() + (now.Microseconds / 1000);
}
