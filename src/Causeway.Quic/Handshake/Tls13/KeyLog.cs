namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Takes secrets for a debugger such as Wireshark (SSLKEYLOGFILE, RFC 9850). Who has them reads the connection.
/// </summary>
/// <param name="label">Which secret it is, as the file names it.</param>
/// <param name="clientRandom">The random value of the ClientHello, by which a debugger finds the connection.</param>
/// <param name="secret">The secret.</param>
internal delegate void KeyLog(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret);
