namespace Causeway.Quic.Handshake.Tls13;

/// <summary>CertificateRequest, Certificate and CertificateVerify (RFC 8446, 4.3.2, 4.4.2, 4.4.3).</summary>
internal static class CertificateMessages
{
    private static ReadOnlySpan<byte> ServerContext => "TLS 1.3, server CertificateVerify"u8;

    private static ReadOnlySpan<byte> ClientContext => "TLS 1.3, client CertificateVerify"u8;

    public static byte[] WriteCertificate(IReadOnlyList<ReadOnlyMemory<byte>> chain, ReadOnlySpan<byte> requestContext)
    {
        TlsWriter writer = new(4096);
        int message = writer.BeginMessage(HandshakeType.Certificate);
        writer.WriteVector(1, requestContext);
        int list = writer.BeginVector(3);
        foreach (ReadOnlyMemory<byte> certificate in chain)
        {
            writer.WriteVector(3, certificate.Span);
            writer.WriteUInt16(0);
        }

        writer.EndVector(list, 3);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    /// <summary>
    /// Reads a Certificate message; its extensions must be empty, since none that belongs there is ever offered.
    /// </summary>
    public static AlertDescription ParseCertificate(
        ReadOnlyMemory<byte> message,
        HandshakeLimits limits,
        out ReadOnlyMemory<byte> requestContext,
        out List<ReadOnlyMemory<byte>> chain)
    {
        chain = [];
        TlsReader reader = new(message[4..]);
        if (!reader.TryReadVector8(out requestContext)
            || !reader.TryReadVector24(out ReadOnlyMemory<byte> list) || !reader.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        TlsReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector24(out ReadOnlyMemory<byte> certificate) || certificate.IsEmpty
                || !entries.TryReadVector16(out ReadOnlyMemory<byte> extensions))
            {
                return AlertDescription.DecodeError;
            }

            if (!extensions.IsEmpty)
            {
                return AlertDescription.UnsupportedExtension;
            }

            if (chain.Count == limits.MaxCertificates)
            {
                return AlertDescription.BadCertificate;
            }

            chain.Add(certificate);
        }

        return AlertDescription.CloseNotify;
    }

    public static byte[] WriteCertificateRequest(IReadOnlyList<SignatureScheme> schemes, ushort grease)
    {
        TlsWriter writer = new();
        int message = writer.BeginMessage(HandshakeType.CertificateRequest);
        writer.WriteByte(0);
        int extensions = writer.BeginVector(2);
        WriteSchemes(writer, schemes);
        if (grease != 0)
        {
            writer.WriteUInt16(grease);
            writer.WriteUInt16(0);
        }

        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    /// <summary>Reads a CertificateRequest of the main handshake, whose context is empty (RFC 8446, 4.3.2).</summary>
    public static AlertDescription ParseCertificateRequest(ReadOnlyMemory<byte> message, out ReadOnlyMemory<byte> schemes)
    {
        schemes = default;
        TlsReader reader = new(message[4..]);
        if (!reader.TryReadVector8(out ReadOnlyMemory<byte> context))
        {
            return AlertDescription.DecodeError;
        }

        AlertDescription alert = Extensions.Parse(ref reader, out Extensions extensions);
        if (alert != AlertDescription.CloseNotify)
        {
            return alert;
        }

        bool isMisplaced = extensions.HasMisplaced(
        [
            ExtensionType.SignatureAlgorithms, ExtensionType.SignatureAlgorithmsCert, ExtensionType.CertificateAuthorities,
            ExtensionType.StatusRequest,
        ]);
        if (!context.IsEmpty || isMisplaced)
        {
            return AlertDescription.IllegalParameter;
        }

        if (!extensions.TryGet(ExtensionType.SignatureAlgorithms, out ReadOnlyMemory<byte> data))
        {
            return AlertDescription.MissingExtension;
        }

        TlsReader list = new(data);
        return list.TryReadVector16(out schemes) && list.IsEmpty && !schemes.IsEmpty && schemes.Length % 2 == 0
            ? AlertDescription.CloseNotify
            : AlertDescription.DecodeError;
    }

    /// <summary>Writes signature_algorithms (RFC 8446, 4.2.3).</summary>
    public static void WriteSchemes(TlsWriter writer, IReadOnlyList<SignatureScheme> schemes)
    {
        int extension = writer.BeginExtension(ExtensionType.SignatureAlgorithms);
        int list = writer.BeginVector(2);
        foreach (SignatureScheme scheme in schemes)
        {
            writer.WriteUInt16((ushort)scheme);
        }

        writer.EndVector(list, 2);
        writer.EndVector(extension, 2);
    }

    public static byte[] WriteCertificateVerify(SignatureScheme scheme, ReadOnlySpan<byte> signature)
    {
        TlsWriter writer = new();
        int message = writer.BeginMessage(HandshakeType.CertificateVerify);
        writer.WriteUInt16((ushort)scheme);
        writer.WriteVector(2, signature);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    public static bool TryParseCertificateVerify(
        ReadOnlyMemory<byte> message, out SignatureScheme scheme, out ReadOnlyMemory<byte> signature)
    {
        TlsReader reader = new(message[4..]);
        signature = default;
        bool parsed = reader.TryReadUInt16(out ushort value) && reader.TryReadVector16(out signature) && reader.IsEmpty;
        scheme = (SignatureScheme)value;
        return parsed;
    }

    /// <summary>What a CertificateVerify signs (RFC 8446, 4.4.3).</summary>
    public static byte[] SignedContent(bool byServer, ReadOnlySpan<byte> transcriptHash)
    {
        ReadOnlySpan<byte> context = byServer ? ServerContext : ClientContext;
        byte[] content = new byte[64 + context.Length + 1 + transcriptHash.Length];
        content.AsSpan(0, 64).Fill((byte)' ');
        context.CopyTo(content.AsSpan(64));
        transcriptHash.CopyTo(content.AsSpan(64 + context.Length + 1));
        return content;
    }
}
