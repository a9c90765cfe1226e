using System.Security.Cryptography;

using Causeway.Protocol;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>Secrets of the key schedule, as both ends derive them (RFC 8446, 7.1), and the exporter.</content>
internal abstract partial class Tls13Handshake
{
    private protected KeySchedule? Schedule { get; set; }

    /// <summary>client_handshake_traffic_secret, kept until the client's Finished.</summary>
    private protected byte[]? ClientHandshakeSecret { get; private set; }

    /// <summary>server_handshake_traffic_secret, kept until the server's Finished.</summary>
    private protected byte[]? ServerHandshakeSecret { get; private set; }

    /// <summary>client_application_traffic_secret_0.</summary>
    private protected byte[]? ClientApplicationSecret { get; private set; }

    /// <summary>server_application_traffic_secret_0.</summary>
    private protected byte[]? ServerApplicationSecret { get; private set; }

    private protected byte[]? ResumptionSecret { get; private set; }

    private protected byte[]? ExporterSecret { get; private set; }

    /// <summary>The key log of the options, once they are known.</summary>
    private protected KeyLog? KeyLog { get; set; }

    /// <summary>The random value of the ClientHello, by which a key log names the connection.</summary>
    private protected ReadOnlyMemory<byte> ClientRandom { get; set; }

    public bool TryExport(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, KeySchedule.MaxLabelLength, nameof(label));
        if (!IsComplete || ExporterSecret is null || IsOver)
        {
            return false;
        }

        // RFC 8446, 7.5: HKDF-Expand-Label(Derive-Secret(exporter_secret, label, ""), "exporter", Hash(context),
        // length).
        HashAlgorithmName hash = CipherSuites.HashOf(Suite);
        int length = CipherSuites.HashLength(hash);
        Span<byte> digest = stackalloc byte[CipherSuites.MaxHashLength];
        Span<byte> derived = stackalloc byte[CipherSuites.MaxHashLength];
        CryptographicOperations.HashData(hash, ReadOnlySpan<byte>.Empty, digest);
        KeySchedule.ExpandLabel(hash, ExporterSecret, label, digest[..length], derived[..length]);
        CryptographicOperations.HashData(hash, context, digest);
        KeySchedule.ExpandLabel(hash, derived[..length], "exporter"u8, digest[..length], destination);
        CryptographicOperations.ZeroMemory(derived);
        return true;
    }

    /// <summary>
    /// Mixes in the key exchange and derives the secrets of the Handshake level. The transcript ends with ServerHello.
    /// </summary>
    private protected void DeriveHandshakeSecrets(byte[] sharedSecret)
    {
        Schedule!.MixKeyExchange(sharedSecret);
        CryptographicOperations.ZeroMemory(sharedSecret);
        Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
        ReadOnlySpan<byte> hash = buffer[..Transcript.Current(buffer)];
        ClientHandshakeSecret = Schedule.Derive("c hs traffic"u8, hash);
        ServerHandshakeSecret = Schedule.Derive("s hs traffic"u8, hash);
        Log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", ClientHandshakeSecret);
        Log("SERVER_HANDSHAKE_TRAFFIC_SECRET", ServerHandshakeSecret);
    }

    /// <summary>
    /// Derives the secrets of the Application level and of exporters. The transcript ends with the server's Finished.
    /// </summary>
    private protected void DeriveApplicationSecrets()
    {
        Schedule!.FinishToMaster();
        Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
        ReadOnlySpan<byte> hash = buffer[..Transcript.Current(buffer)];
        ClientApplicationSecret = Schedule.Derive("c ap traffic"u8, hash);
        ServerApplicationSecret = Schedule.Derive("s ap traffic"u8, hash);
        ExporterSecret = Schedule.Derive("exp master"u8, hash);
        Log("CLIENT_TRAFFIC_SECRET_0", ClientApplicationSecret);
        Log("SERVER_TRAFFIC_SECRET_0", ServerApplicationSecret);
        Log("EXPORTER_SECRET", ExporterSecret);
    }

    /// <summary>
    /// Derives what tickets are made from, and forgets the schedule and the transcript, which ends with the client's
    /// Finished.
    /// </summary>
    private protected void DeriveResumptionSecret()
    {
        Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
        ResumptionSecret = Schedule!.Derive("res master"u8, buffer[..Transcript.Current(buffer)]);
        Schedule.Dispose();
        Schedule = null;
        Transcript.Dispose();
    }

    /// <summary>The PSK of a ticket (RFC 8446, 4.6.1).</summary>
    private protected byte[] ResumptionPsk(ReadOnlySpan<byte> nonce)
    {
        HashAlgorithmName hash = CipherSuites.HashOf(Suite);
        byte[] psk = new byte[CipherSuites.HashLength(hash)];
        KeySchedule.ExpandLabel(hash, ResumptionSecret, "resumption"u8, nonce, psk);
        return psk;
    }

    /// <summary>Writes this end's Finished message over the transcript so far (RFC 8446, 4.4.4).</summary>
    private protected byte[] WriteFinished(ReadOnlySpan<byte> baseKey)
    {
        Span<byte> hash = stackalloc byte[CipherSuites.MaxHashLength];
        int length = Transcript.Current(hash);
        byte[] message = new byte[4 + length];
        message[0] = (byte)HandshakeType.Finished;
        message[3] = (byte)length;
        Schedule!.VerifyData(baseKey, hash[..length], message.AsSpan(4));
        return message;
    }

    /// <summary>
    /// Whether the peer's Finished message fits the transcript before it; fails the handshake if not.
    /// </summary>
    private protected bool CheckFinished(ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> message)
    {
        byte[] expected = WriteFinished(baseKey);
        if (message.Length != expected.Length)
        {
            Fail(AlertDescription.DecodeError, "The Finished message has a wrong length.");
            return false;
        }

        if (!CryptographicOperations.FixedTimeEquals(message, expected))
        {
            Fail(AlertDescription.DecryptError, "The Finished message does not fit the handshake.");
            return false;
        }

        return true;
    }

    private protected void RaiseSecret(HandshakeEventKind kind, EncryptionLevel level, byte[]? secret) =>
        RaiseSecret(kind, level, secret, Suite);

    /// <summary>Hands out a copy, which is zeroed once it was read.</summary>
    private protected void RaiseSecret(
        HandshakeEventKind kind, EncryptionLevel level, byte[]? secret, CipherSuite suite) =>
        Raise(kind, level, secret!.AsSpan().ToArray(), suite);

    private protected void Log(string label, ReadOnlySpan<byte> secret) => KeyLog?.Invoke(label, ClientRandom.Span, secret);

    /// <summary>Zeroes everything but what tickets and exporters need.</summary>
    private protected void ForgetHandshakeSecrets()
    {
        CryptographicOperations.ZeroMemory(ClientHandshakeSecret);
        CryptographicOperations.ZeroMemory(ServerHandshakeSecret);
        CryptographicOperations.ZeroMemory(ClientApplicationSecret);
        CryptographicOperations.ZeroMemory(ServerApplicationSecret);
        ClientHandshakeSecret = ServerHandshakeSecret = ClientApplicationSecret = ServerApplicationSecret = null;
        Schedule?.Dispose();
        Schedule = null;
    }

    private protected void ForgetAllSecrets()
    {
        ForgetHandshakeSecrets();
        Transcript.Dispose();
        CryptographicOperations.ZeroMemory(ResumptionSecret);
        CryptographicOperations.ZeroMemory(ExporterSecret);
        ResumptionSecret = ExporterSecret = null;
    }
}
