using System.Text;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// What a server puts into a ticket, so that it need not remember the session itself (RFC 8446, 4.6.1).
/// </summary>
internal sealed class ServerSession
{
    private const byte FormatVersion = 1;

    public required CipherSuite Suite { get; init; }

    /// <summary>The resumption PSK.</summary>
    public required byte[] Psk { get; init; }

    /// <summary>When the ticket was issued, by the Unix epoch.</summary>
    public required long IssuedMilliseconds { get; init; }

    /// <summary>When the client was last authenticated without a ticket, by the Unix epoch.</summary>
    public required long AuthenticatedMilliseconds { get; init; }

    public required uint LifetimeSeconds { get; init; }

    public required uint AgeAdd { get; init; }

    public required ReadOnlyMemory<byte> ApplicationProtocol { get; init; }

    /// <summary>The name that the client asked for; empty if none.</summary>
    public required string ServerName { get; init; }

    /// <summary>What the ticket is bound to beside the name, such as the QUIC version (RFC 9369, 5).</summary>
    public required ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>The client's certificate; empty if it sent none.</summary>
    public required ReadOnlyMemory<byte> PeerCertificate { get; init; }

    /// <summary>The external PSK that authenticated the client; empty if none did.</summary>
    public required ReadOnlyMemory<byte> PskIdentity { get; init; }

    /// <summary>The fingerprint of that external PSK; empty if there was none.</summary>
    public required ReadOnlyMemory<byte> PskFingerprint { get; init; }

    /// <summary>What early data depends on; empty if the ticket does not allow it.</summary>
    public required ReadOnlyMemory<byte> EarlyDataContextHash { get; init; }

    public byte[] Encode()
    {
        TlsWriter writer = new(512 + PeerCertificate.Length);
        writer.WriteByte(FormatVersion);
        writer.WriteUInt16((ushort)Suite);
        writer.WriteVector(1, Psk);
        writer.WriteUInt64((ulong)IssuedMilliseconds);
        writer.WriteUInt64((ulong)AuthenticatedMilliseconds);
        writer.WriteUInt32(LifetimeSeconds);
        writer.WriteUInt32(AgeAdd);
        writer.WriteVector(1, ApplicationProtocol.Span);
        writer.WriteVector(2, Encoding.ASCII.GetBytes(ServerName));
        writer.WriteVector(1, Context.Span);
        writer.WriteVector(3, PeerCertificate.Span);
        writer.WriteVector(2, PskIdentity.Span);
        writer.WriteVector(1, PskFingerprint.Span);
        writer.WriteVector(1, EarlyDataContextHash.Span);
        byte[] state = writer.ToArray();
        writer.Zero();
        return state;
    }

    /// <summary>
    /// Reads what was sealed, perhaps by another release of this library. The result keeps nothing of the memory, which
    /// the caller zeroes.
    /// </summary>
    public static ServerSession? TryDecode(ReadOnlyMemory<byte> state)
    {
        TlsReader reader = new(state);
        if (!reader.TryReadByte(out byte version) || version != FormatVersion
            || !reader.TryReadUInt16(out ushort suite) || !CipherSuites.IsKnown((CipherSuite)suite)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> psk)
            || !reader.TryReadUInt64(out ulong issued)
            || !reader.TryReadUInt64(out ulong authenticated)
            || !reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> protocol)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> name)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> context)
            || !reader.TryReadVector24(out ReadOnlyMemory<byte> certificate)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> identity)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> fingerprint)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> contextHash)
            || !reader.IsEmpty)
        {
            return null;
        }

        return new ServerSession
        {
            Suite = (CipherSuite)suite,
            Psk = psk.ToArray(),
            IssuedMilliseconds = (long)issued,
            AuthenticatedMilliseconds = (long)authenticated,
            LifetimeSeconds = lifetime,
            AgeAdd = ageAdd,
            ApplicationProtocol = protocol.ToArray(),
            ServerName = Encoding.ASCII.GetString(name.Span),
            Context = context.ToArray(),
            PeerCertificate = certificate.ToArray(),
            PskIdentity = identity.ToArray(),
            PskFingerprint = fingerprint.ToArray(),
            EarlyDataContextHash = contextHash.ToArray(),
        };
    }

    /// <summary>
    /// Whether the ticket may still be used. A ticket from a server whose clock is a little ahead seems to come from
    /// the future. Tickets that come from tickets do not put off forever the check of the client's certificate (RFC
    /// 8446, 4.6.1).
    /// </summary>
    public bool IsFresh(long unixMilliseconds)
    {
        const long ClockSkewMilliseconds = 60_000;
        long age = unixMilliseconds - IssuedMilliseconds;
        return age > -ClockSkewMilliseconds && age < LifetimeSeconds * 1000L
            && unixMilliseconds - AuthenticatedMilliseconds < ClientSession.MaxLifetimeSeconds * 1000L;
    }
}
