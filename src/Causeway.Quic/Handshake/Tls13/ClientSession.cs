using System.Security.Cryptography;
using System.Text;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// What a client keeps of a connection to resume it (RFC 8446, 4.6.1), as an opaque blob of bytes. The blob holds a
/// key: who has it can pose as the client.
/// </summary>
internal sealed class ClientSession
{
    /// <summary>Longest use of a ticket (RFC 8446, 4.6.1): 7 days, in seconds.</summary>
    public const uint MaxLifetimeSeconds = 604_800;

    private const byte FormatVersion = 1;

    public required CipherSuite Suite { get; init; }

    /// <summary>The resumption PSK.</summary>
    public required byte[] Psk { get; init; }

    public required ReadOnlyMemory<byte> Ticket { get; init; }

    public required uint LifetimeSeconds { get; init; }

    /// <summary>Added to the age so that nobody can link connections by it (RFC 8446, 4.2.11.1).</summary>
    public required uint AgeAdd { get; init; }

    /// <summary>When the ticket came, by the Unix epoch.</summary>
    public required long ReceivedMilliseconds { get; init; }

    /// <summary>When the server was last authenticated without a ticket, by the Unix epoch.</summary>
    public required long AuthenticatedMilliseconds { get; init; }

    public required bool AllowsEarlyData { get; init; }

    public required ReadOnlyMemory<byte> ApplicationProtocol { get; init; }

    public required string ServerName { get; init; }

    /// <summary>What the ticket is bound to beside the name, such as the QUIC version (RFC 9369, 5).</summary>
    public required ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>The server's transport parameters, which bound early data (RFC 9001, 4.6.1; RFC 9000, 7.4.1).</summary>
    public required ReadOnlyMemory<byte> TransportParameters { get; init; }

    /// <summary>The server's certificate; empty if an external PSK authenticated it.</summary>
    public required ReadOnlyMemory<byte> PeerCertificate { get; init; }

    /// <summary>The external PSK that authenticated the server; empty if a certificate did.</summary>
    public required ReadOnlyMemory<byte> PskIdentity { get; init; }

    /// <summary>The fingerprint of that external PSK; empty if there was none.</summary>
    public required ReadOnlyMemory<byte> PskFingerprint { get; init; }

    /// <summary>
    /// SHA-256 of this client's own certificate; empty if it had none. A session speaks for that identity alone.
    /// </summary>
    public required ReadOnlyMemory<byte> LocalCertificateHash { get; init; }

    public byte[] Encode()
    {
        TlsWriter writer = new(512 + Ticket.Length + PeerCertificate.Length);
        writer.WriteByte(FormatVersion);
        writer.WriteUInt16((ushort)Suite);
        writer.WriteVector(1, Psk);
        writer.WriteVector(2, Ticket.Span);
        writer.WriteUInt32(LifetimeSeconds);
        writer.WriteUInt32(AgeAdd);
        writer.WriteUInt64((ulong)ReceivedMilliseconds);
        writer.WriteUInt64((ulong)AuthenticatedMilliseconds);
        writer.WriteByte(AllowsEarlyData ? (byte)1 : (byte)0);
        writer.WriteVector(1, ApplicationProtocol.Span);
        writer.WriteVector(2, Encoding.ASCII.GetBytes(ServerName));
        writer.WriteVector(1, Context.Span);
        writer.WriteVector(2, TransportParameters.Span);
        writer.WriteVector(3, PeerCertificate.Span);
        writer.WriteVector(2, PskIdentity.Span);
        writer.WriteVector(1, PskFingerprint.Span);
        writer.WriteVector(1, LocalCertificateHash.Span);
        byte[] blob = writer.ToArray();
        writer.Zero();
        return blob;
    }

    /// <summary>Reads a blob, which a caller may have kept in a file for long.</summary>
    /// <returns>Null if it is not one, which only costs the resumption.</returns>
    public static ClientSession? TryDecode(ReadOnlyMemory<byte> blob)
    {
        TlsReader reader = new(blob);
        if (!reader.TryReadByte(out byte version) || version != FormatVersion
            || !reader.TryReadUInt16(out ushort suite) || !CipherSuites.IsKnown((CipherSuite)suite)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> psk)
            || psk.Length != CipherSuites.HashLength(CipherSuites.HashOf((CipherSuite)suite))
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> ticket) || ticket.IsEmpty
            || !reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadUInt64(out ulong received)
            || !reader.TryReadUInt64(out ulong authenticated)
            || !reader.TryReadByte(out byte earlyData)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> protocol)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> name)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> context)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> parameters)
            || !reader.TryReadVector24(out ReadOnlyMemory<byte> certificate)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> identity)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> fingerprint)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> local)
            || !reader.IsEmpty)
        {
            return null;
        }

        return new ClientSession
        {
            Suite = (CipherSuite)suite,
            Psk = psk.ToArray(),
            Ticket = ticket,
            LifetimeSeconds = lifetime,
            AgeAdd = ageAdd,
            ReceivedMilliseconds = (long)received,
            AuthenticatedMilliseconds = (long)authenticated,
            AllowsEarlyData = earlyData != 0,
            ApplicationProtocol = protocol,
            ServerName = Encoding.ASCII.GetString(name.Span),
            Context = context,
            TransportParameters = parameters,
            PeerCertificate = certificate,
            PskIdentity = identity,
            PskFingerprint = fingerprint,
            LocalCertificateHash = local,
        };
    }

    /// <summary>
    /// Whether the ticket may still be used. Tickets that come from tickets do not put off forever the check of the
    /// server's certificate (RFC 8446, 4.6.1).
    /// </summary>
    public bool IsFresh(long unixMilliseconds)
    {
        long age = unixMilliseconds - ReceivedMilliseconds;
        return age >= 0 && age < Math.Min(LifetimeSeconds, MaxLifetimeSeconds) * 1000L
            && unixMilliseconds - AuthenticatedMilliseconds < MaxLifetimeSeconds * 1000L;
    }

    /// <summary>The age as the ClientHello states it.</summary>
    public uint ObfuscatedAge(long unixMilliseconds) => unchecked((uint)(unixMilliseconds - ReceivedMilliseconds) + AgeAdd);

    public void Zero() => CryptographicOperations.ZeroMemory(Psk);
}
