namespace Causeway.Quic.Handshake.Tls13;

/// <summary>A ServerHello or a HelloRetryRequest as a client reads it (RFC 8446, 4.1.3, 4.1.4).</summary>
internal sealed class ServerHello
{
    private ServerHello()
    {
    }

    /// <summary>
    /// The value of random that makes a ServerHello a HelloRetryRequest: SHA-256 of "HelloRetryRequest".
    /// </summary>
    public static ReadOnlySpan<byte> RetryRandom =>
    [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];

    public ushort LegacyVersion { get; private set; }

    public ReadOnlyMemory<byte> Random { get; private set; }

    public ReadOnlyMemory<byte> SessionId { get; private set; }

    public CipherSuite Suite { get; private set; }

    public byte Compression { get; private set; }

    public Extensions Extensions { get; private set; } = Extensions.None;

    public bool IsRetryRequest => Random.Span.SequenceEqual(RetryRandom);

    /// <summary>Whether the server marked that it negotiated less than it could (RFC 8446, 4.1.3).</summary>
    public bool HasDowngradeMark
    {
        get
        {
            ReadOnlySpan<byte> tail = Random.Span[(ClientHello.RandomLength - 8)..];
            return tail[..7].SequenceEqual("DOWNGRD"u8) && tail[7] <= 1;
        }
    }

    /// <summary>Reads a whole message with its header.</summary>
    /// <returns><see cref="AlertDescription.CloseNotify"/> if all is well.</returns>
    public static AlertDescription Parse(ReadOnlyMemory<byte> message, out ServerHello hello)
    {
        hello = new ServerHello();
        TlsReader reader = new(message[4..]);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(ClientHello.RandomLength, out ReadOnlyMemory<byte> random)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> sessionId) || sessionId.Length > 32
            || !reader.TryReadUInt16(out ushort suite)
            || !reader.TryReadByte(out byte compression))
        {
            return AlertDescription.DecodeError;
        }

        hello.LegacyVersion = version;
        hello.Random = random;
        hello.SessionId = sessionId;
        hello.Suite = (CipherSuite)suite;
        hello.Compression = compression;
        if (reader.IsEmpty)
        {
            // A server of an earlier version may have no extensions; the missing supported_versions is told by the
            // caller.
            return AlertDescription.CloseNotify;
        }

        AlertDescription alert = Extensions.Parse(ref reader, out Extensions extensions);
        hello.Extensions = extensions;
        return alert;
    }

    /// <summary>Writes a ServerHello; the extensions follow key_share, supported_versions, pre_shared_key.</summary>
    public static byte[] Write(
        ReadOnlySpan<byte> random,
        ReadOnlySpan<byte> sessionId,
        CipherSuite suite,
        NamedGroup group,
        ReadOnlySpan<byte> share,
        int selectedPsk)
    {
        TlsWriter writer = new(256 + share.Length);
        int message = WriteFixed(writer, random, sessionId, suite);
        int extensions = writer.BeginVector(2);
        int extension = writer.BeginExtension(ExtensionType.KeyShare);
        writer.WriteUInt16((ushort)group);
        writer.WriteVector(2, share);
        writer.EndVector(extension, 2);
        WriteVersion(writer);
        if (selectedPsk >= 0)
        {
            extension = writer.BeginExtension(ExtensionType.PreSharedKey);
            writer.WriteUInt16((ushort)selectedPsk);
            writer.EndVector(extension, 2);
        }

        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    /// <summary>Writes a HelloRetryRequest that asks for a share of a group.</summary>
    public static byte[] WriteRetryRequest(ReadOnlySpan<byte> sessionId, CipherSuite suite, NamedGroup group)
    {
        TlsWriter writer = new();
        int message = WriteFixed(writer, RetryRandom, sessionId, suite);
        int extensions = writer.BeginVector(2);
        WriteVersion(writer);
        int extension = writer.BeginExtension(ExtensionType.KeyShare);
        writer.WriteUInt16((ushort)group);
        writer.EndVector(extension, 2);
        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    private static int WriteFixed(
        TlsWriter writer, ReadOnlySpan<byte> random, ReadOnlySpan<byte> sessionId, CipherSuite suite)
    {
        int message = writer.BeginMessage(HandshakeType.ServerHello);
        writer.WriteUInt16(ClientHello.LegacyVersion);
        writer.WriteBytes(random);
        writer.WriteVector(1, sessionId);
        writer.WriteUInt16((ushort)suite);
        writer.WriteByte(0);
        return message;
    }

    private static void WriteVersion(TlsWriter writer)
    {
        int extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.WriteUInt16(ClientHello.Version13);
        writer.EndVector(extension, 2);
    }
}
