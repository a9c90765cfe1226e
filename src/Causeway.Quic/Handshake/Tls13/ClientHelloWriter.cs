using System.Security.Cryptography;
using System.Text;

using Causeway.Quic.Handshake.Tls13.Groups;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>A PSK that a ClientHello offers (RFC 8446, 4.2.11).</summary>
/// <param name="Identity">Its name, or the ticket.</param>
/// <param name="Key">The key.</param>
/// <param name="Hash">The hash that it is bound to.</param>
/// <param name="IsExternal">Whether it was given beforehand rather than by a ticket.</param>
/// <param name="ObfuscatedAge">The age of the ticket; 0 for an external one.</param>
internal readonly record struct OfferedPsk(
    ReadOnlyMemory<byte> Identity, ReadOnlyMemory<byte> Key, HashAlgorithmName Hash, bool IsExternal, uint ObfuscatedAge);

/// <summary>Writes a ClientHello (RFC 8446, 4.1.2) from options and from what a HelloRetryRequest changed.</summary>
internal sealed class ClientHelloWriter
{
    private readonly TlsClientOptions _options;
    private readonly byte[] _greaseSeeds = new byte[4];

    /// <param name="options">What the client chose.</param>
    /// <param name="environment">For the random value and for the values of grease.</param>
    public ClientHelloWriter(TlsClientOptions options, HandshakeEnvironment environment)
    {
        _options = options;
        byte[] random = new byte[ClientHello.RandomLength];
        environment.Random(random);
        Random = random;
        environment.Random(_greaseSeeds);
    }

    /// <summary>The random value, which stays the same after a HelloRetryRequest.</summary>
    public ReadOnlyMemory<byte> Random { get; }

    /// <summary>This client's encoded transport parameters.</summary>
    public required ReadOnlyMemory<byte> TransportParameters { get; init; }

    /// <summary>Writes the message.</summary>
    /// <param name="shares">Keys to send shares of.</param>
    /// <param name="psks">PSKs to offer.</param>
    /// <param name="earlyData">Whether early data follows.</param>
    /// <param name="cookie">The cookie of a HelloRetryRequest; null if it had none.</param>
    /// <param name="isRetry">Whether this answers a HelloRetryRequest, so that only the wanted share may be
    /// there.</param>
    /// <param name="transcript">The transcript before this message, which binders cover.</param>
    public byte[] Write(
        IReadOnlyList<KeyShare> shares,
        IReadOnlyList<OfferedPsk> psks,
        bool earlyData,
        ReadOnlyMemory<byte>? cookie,
        bool isRetry,
        Transcript transcript)
    {
        TlsWriter writer = new(2048);
        int message = writer.BeginMessage(HandshakeType.ClientHello);
        writer.WriteUInt16(ClientHello.LegacyVersion);
        writer.WriteBytes(Random.Span);

        // No session id: QUIC has no middleboxes to please (RFC 9001, 8.4).
        writer.WriteByte(0);
        WriteSuites(writer);
        writer.WriteByte(1);
        writer.WriteByte(0);
        int extensions = writer.BeginVector(2);
        WriteGreaseExtension(writer, GreaseValues.FromSeed(_greaseSeeds[0]), []);
        WriteServerName(writer);
        WriteGroups(writer);
        CertificateMessages.WriteSchemes(writer, _options.SignatureSchemes);
        WriteApplicationProtocols(writer);
        WriteVersions(writer);
        WriteShares(writer, shares, isRetry);
        if (!TransportParameters.IsEmpty || _options.RequireQuic)
        {
            WriteExtension(writer, ExtensionType.QuicTransportParameters, TransportParameters.Span);
        }

        if (cookie is not null)
        {
            int extension = writer.BeginExtension(ExtensionType.Cookie);
            writer.WriteVector(2, cookie.Value.Span);
            writer.EndVector(extension, 2);
        }

        // psk_dhe_ke alone (RFC 8446, 4.2.9); without it the server may send no tickets.
        WriteExtension(writer, ExtensionType.PskKeyExchangeModes, [1, 1]);
        if (earlyData)
        {
            WriteExtension(writer, ExtensionType.EarlyData, []);
        }

        WriteGreaseExtension(writer, GreaseValues.OtherFromSeed(_greaseSeeds[0]), [0]);
        int binders = psks.Count > 0 ? WritePsks(writer, psks) : 0;
        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        if (psks.Count > 0)
        {
            FillBinders(writer, psks, binders, transcript);
        }

        return writer.ToArray();
    }

    private static void WriteExtension(TlsWriter writer, ExtensionType type, ReadOnlySpan<byte> data)
    {
        writer.WriteUInt16((ushort)type);
        writer.WriteVector(2, data);
    }

    private static int WritePsks(TlsWriter writer, IReadOnlyList<OfferedPsk> psks)
    {
        int extension = writer.BeginExtension(ExtensionType.PreSharedKey);
        int identities = writer.BeginVector(2);
        foreach (OfferedPsk psk in psks)
        {
            writer.WriteVector(2, psk.Identity.Span);
            writer.WriteUInt32(psk.ObfuscatedAge);
        }

        writer.EndVector(identities, 2);
        int position = writer.Length;
        int binders = writer.BeginVector(2);
        Span<byte> zeros = stackalloc byte[CipherSuites.MaxHashLength];
        zeros.Clear();
        foreach (OfferedPsk psk in psks)
        {
            writer.WriteVector(1, zeros[..CipherSuites.HashLength(psk.Hash)]);
        }

        writer.EndVector(binders, 2);
        writer.EndVector(extension, 2);
        return position;
    }

    /// <summary>
    /// Binders cover the message up to their own list, with its lengths already right (RFC 8446, 4.2.11.2).
    /// </summary>
    private static void FillBinders(TlsWriter writer, IReadOnlyList<OfferedPsk> psks, int binders, Transcript transcript)
    {
        Span<byte> hash = stackalloc byte[CipherSuites.MaxHashLength];
        Span<byte> binder = stackalloc byte[CipherSuites.MaxHashLength];
        int position = binders + 2;
        foreach (OfferedPsk psk in psks)
        {
            int length = transcript.CurrentWith(psk.Hash, writer.Written[..binders], hash);
            using KeySchedule schedule = new(psk.Hash, psk.Key.Span);
            schedule.Binder(psk.IsExternal, hash[..length], binder[..length]);
            writer.Overwrite(position + 1, binder[..length]);
            position += 1 + length;
        }
    }

    private void WriteGreaseExtension(TlsWriter writer, ushort type, ReadOnlySpan<byte> data)
    {
        if (_options.Grease)
        {
            WriteExtension(writer, (ExtensionType)type, data);
        }
    }

    private void WriteSuites(TlsWriter writer)
    {
        int list = writer.BeginVector(2);
        if (_options.Grease)
        {
            writer.WriteUInt16(GreaseValues.FromSeed(_greaseSeeds[1]));
        }

        foreach (CipherSuite suite in _options.CipherSuites)
        {
            writer.WriteUInt16((ushort)suite);
        }

        writer.EndVector(list, 2);
    }

    private void WriteServerName(TlsWriter writer)
    {
        if (_options.IndicatedName is not string name)
        {
            return;
        }

        int extension = writer.BeginExtension(ExtensionType.ServerName);
        int list = writer.BeginVector(2);
        writer.WriteByte(0);
        writer.WriteVector(2, Encoding.ASCII.GetBytes(name));
        writer.EndVector(list, 2);
        writer.EndVector(extension, 2);
    }

    private void WriteGroups(TlsWriter writer)
    {
        int extension = writer.BeginExtension(ExtensionType.SupportedGroups);
        int list = writer.BeginVector(2);
        if (_options.Grease)
        {
            writer.WriteUInt16(GreaseValues.FromSeed(_greaseSeeds[2]));
        }

        foreach (NamedGroup group in _options.Groups)
        {
            writer.WriteUInt16((ushort)group);
        }

        writer.EndVector(list, 2);
        writer.EndVector(extension, 2);
    }

    private void WriteApplicationProtocols(TlsWriter writer)
    {
        if (_options.ApplicationProtocols.Count == 0)
        {
            return;
        }

        int extension = writer.BeginExtension(ExtensionType.ApplicationLayerProtocolNegotiation);
        int list = writer.BeginVector(2);
        foreach (ReadOnlyMemory<byte> protocol in _options.ApplicationProtocols)
        {
            writer.WriteVector(1, protocol.Span);
        }

        writer.EndVector(list, 2);
        writer.EndVector(extension, 2);
    }

    private void WriteVersions(TlsWriter writer)
    {
        int extension = writer.BeginExtension(ExtensionType.SupportedVersions);
        int list = writer.BeginVector(1);
        if (_options.Grease)
        {
            writer.WriteUInt16(GreaseValues.FromSeed(_greaseSeeds[3]));
        }

        writer.WriteUInt16(ClientHello.Version13);
        writer.EndVector(list, 1);
        writer.EndVector(extension, 2);
    }

    private void WriteShares(TlsWriter writer, IReadOnlyList<KeyShare> shares, bool isRetry)
    {
        int extension = writer.BeginExtension(ExtensionType.KeyShare);
        int list = writer.BeginVector(2);
        if (_options.Grease && !isRetry)
        {
            // The same group as in supported_groups: a share for a group that is not there is not allowed (RFC 8701,
            // 3.1).
            writer.WriteUInt16(GreaseValues.FromSeed(_greaseSeeds[2]));
            writer.WriteVector(2, [0]);
        }

        foreach (KeyShare share in shares)
        {
            writer.WriteUInt16((ushort)share.Group);
            writer.WriteVector(2, share.PublicValue);
        }

        writer.EndVector(list, 2);
        writer.EndVector(extension, 2);
    }
}
