using System.Text;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// A ClientHello as a server reads it (RFC 8446, 4.1.2). Slices of one message; unknown values are kept unread.
/// </summary>
internal sealed class ClientHello
{
    /// <summary>Bytes of the random value.</summary>
    public const int RandomLength = 32;

    /// <summary>Bytes of the longest host name (RFC 1035, 2.3.4).</summary>
    public const int MaxServerNameLength = 255;

    /// <summary>The version that TLS 1.2 calls itself, which fills the legacy fields.</summary>
    public const ushort LegacyVersion = 0x0303;

    /// <summary>The version in supported_versions.</summary>
    public const ushort Version13 = 0x0304;

    private ClientHello(ReadOnlyMemory<byte> message) => Message = message;

    /// <summary>The whole message with its header.</summary>
    public ReadOnlyMemory<byte> Message { get; }

    public ushort Version { get; private set; }

    public ReadOnlyMemory<byte> Random { get; private set; }

    public ReadOnlyMemory<byte> SessionId { get; private set; }

    /// <summary>Suites in the client's order, two bytes each.</summary>
    public ReadOnlyMemory<byte> CipherSuites { get; private set; }

    public ReadOnlyMemory<byte> CompressionMethods { get; private set; }

    public Extensions Extensions { get; private set; } = Extensions.None;

    /// <summary>The name of the server that the client wants; null if it gave none.</summary>
    public string? ServerName { get; private set; }

    /// <summary>
    /// Application protocols, each after a byte of length, in the client's order; empty if it gave none.
    /// </summary>
    public ReadOnlyMemory<byte> ApplicationProtocols { get; private set; }

    public bool OffersTls13 { get; private set; }

    /// <summary>Groups in the client's order, two bytes each.</summary>
    public ReadOnlyMemory<byte> Groups { get; private set; }

    public bool HasKeyShares { get; private set; }

    public IReadOnlyList<(NamedGroup Group, ReadOnlyMemory<byte> Value)> KeyShares { get; private set; } = [];

    /// <summary>Signature schemes in the client's order, two bytes each.</summary>
    public ReadOnlyMemory<byte> SignatureSchemes { get; private set; }

    /// <summary>Whether psk_dhe_ke is among the PSK key exchange modes (RFC 8446, 4.2.9).</summary>
    public bool OffersPskWithDhe { get; private set; }

    public bool OffersEarlyData { get; private set; }

    public IReadOnlyList<(ReadOnlyMemory<byte> Identity, uint ObfuscatedAge)> PskIdentities { get; private set; } = [];

    public IReadOnlyList<ReadOnlyMemory<byte>> PskBinders { get; private set; } = [];

    /// <summary>Bytes of <see cref="Message"/> that binders cover (RFC 8446, 4.2.11.2).</summary>
    public int TruncatedLength { get; private set; }

    /// <summary>Encoded transport parameters; null if there are none.</summary>
    public ReadOnlyMemory<byte>? TransportParameters { get; private set; }

    /// <summary>Reads a whole message with its header.</summary>
    /// <returns><see cref="AlertDescription.CloseNotify"/> if all is well.</returns>
    public static AlertDescription Parse(ReadOnlyMemory<byte> message, out ClientHello hello)
    {
        hello = new ClientHello(message);
        TlsReader reader = new(message[4..]);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(RandomLength, out ReadOnlyMemory<byte> random)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> sessionId) || sessionId.Length > 32
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> suites) || suites.IsEmpty || suites.Length % 2 != 0
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> compression) || compression.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        hello.Version = version;
        hello.Random = random;
        hello.SessionId = sessionId;
        hello.CipherSuites = suites;
        hello.CompressionMethods = compression;
        if (reader.IsEmpty)
        {
            // No extensions, which only a client of an earlier version sends.
            return AlertDescription.ProtocolVersion;
        }

        AlertDescription alert = Extensions.Parse(ref reader, out Extensions extensions);
        if (alert != AlertDescription.CloseNotify)
        {
            return alert;
        }

        hello.Extensions = extensions;
        for (int index = 0; index < extensions.Count; index++)
        {
            (ExtensionType type, ReadOnlyMemory<byte> data) = extensions[index];
            if (type == ExtensionType.PreSharedKey && index != extensions.Count - 1)
            {
                // RFC 8446, 4.2.11: it must be the last, because binders cover everything before them.
                return AlertDescription.IllegalParameter;
            }

            alert = hello.ReadExtension(type, data);
            if (alert != AlertDescription.CloseNotify)
            {
                return alert;
            }
        }

        return AlertDescription.CloseNotify;
    }

    /// <summary>Whether a list of two-byte values holds one.</summary>
    public static bool Lists(ReadOnlyMemory<byte> list, ushort value)
    {
        ReadOnlySpan<byte> bytes = list.Span;
        for (int index = 0; index + 1 < bytes.Length; index += 2)
        {
            if (((bytes[index] << 8) | bytes[index + 1]) == value)
            {
                return true;
            }
        }

        return false;
    }

    private AlertDescription ReadExtension(ExtensionType type, ReadOnlyMemory<byte> data)
    {
        TlsReader reader = new(data);
        switch (type)
        {
            case ExtensionType.ServerName:
                return ReadServerName(ref reader);
            case ExtensionType.ApplicationLayerProtocolNegotiation:
                return ReadApplicationProtocols(ref reader);
            case ExtensionType.SupportedVersions:
                bool versions = reader.TryReadVector8(out ReadOnlyMemory<byte> list) && reader.IsEmpty
                    && !list.IsEmpty && list.Length % 2 == 0;
                OffersTls13 = versions && Lists(list, Version13);
                return versions ? AlertDescription.CloseNotify : AlertDescription.DecodeError;
            case ExtensionType.SupportedGroups:
                AlertDescription groups = ReadList(ref reader, out ReadOnlyMemory<byte> groupList);
                Groups = groupList;
                return groups;
            case ExtensionType.SignatureAlgorithms:
                AlertDescription schemes = ReadList(ref reader, out ReadOnlyMemory<byte> schemeList);
                SignatureSchemes = schemeList;
                return schemes;
            case ExtensionType.KeyShare:
                return ReadKeyShares(ref reader);
            case ExtensionType.PskKeyExchangeModes:
                bool modes = reader.TryReadVector8(out ReadOnlyMemory<byte> modeList)
                    && reader.IsEmpty && !modeList.IsEmpty;
                OffersPskWithDhe = modes && modeList.Span.Contains((byte)1);
                return modes ? AlertDescription.CloseNotify : AlertDescription.DecodeError;
            case ExtensionType.PreSharedKey:
                return ReadPreSharedKeys(ref reader);
            case ExtensionType.EarlyData:
                OffersEarlyData = true;
                return reader.IsEmpty ? AlertDescription.CloseNotify : AlertDescription.DecodeError;
            case ExtensionType.QuicTransportParameters:
                TransportParameters = data;
                return AlertDescription.CloseNotify;
            default:
                return AlertDescription.CloseNotify;
        }
    }

    private static AlertDescription ReadList(ref TlsReader reader, out ReadOnlyMemory<byte> list) =>
        reader.TryReadVector16(out list) && reader.IsEmpty && !list.IsEmpty && list.Length % 2 == 0
            ? AlertDescription.CloseNotify
            : AlertDescription.DecodeError;

    private AlertDescription ReadServerName(ref TlsReader reader)
    {
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> list) || !reader.IsEmpty || list.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        const byte HostName = 0;
        TlsReader names = new(list);
        while (!names.IsEmpty)
        {
            if (!names.TryReadByte(out byte kind) || !names.TryReadVector16(out ReadOnlyMemory<byte> name) || name.IsEmpty)
            {
                return AlertDescription.DecodeError;
            }

            if (kind != HostName)
            {
                continue;
            }

            // RFC 6066, 3: one name of a kind, in ASCII.
            if (ServerName is not null || name.Length > MaxServerNameLength || name.Span.Contains((byte)0)
                || !Ascii.IsValid(name.Span))
            {
                return AlertDescription.IllegalParameter;
            }

            ServerName = Encoding.ASCII.GetString(name.Span);
        }

        return AlertDescription.CloseNotify;
    }

    private AlertDescription ReadApplicationProtocols(ref TlsReader reader)
    {
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> list) || !reader.IsEmpty || list.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        TlsReader names = new(list);
        while (!names.IsEmpty)
        {
            if (!names.TryReadVector8(out ReadOnlyMemory<byte> name) || name.IsEmpty)
            {
                return AlertDescription.DecodeError;
            }
        }

        ApplicationProtocols = list;
        return AlertDescription.CloseNotify;
    }

    private AlertDescription ReadKeyShares(ref TlsReader reader)
    {
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> list) || !reader.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        // Shares for groups that do not exist here are dropped, so the list stays as short as our list of groups.
        List<(NamedGroup Group, ReadOnlyMemory<byte> Value)> shares = [];
        TlsReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadUInt16(out ushort group) || !entries.TryReadVector16(out ReadOnlyMemory<byte> value)
                || value.IsEmpty)
            {
                return AlertDescription.DecodeError;
            }

            if (!Tls13.Groups.KeyShare.IsKnown((NamedGroup)group))
            {
                continue;
            }

            // RFC 8446, 4.2.8: no two shares for a group.
            if (shares.Exists(share => share.Group == (NamedGroup)group))
            {
                return AlertDescription.IllegalParameter;
            }

            shares.Add(((NamedGroup)group, value));
        }

        HasKeyShares = true;
        KeyShares = shares;
        return AlertDescription.CloseNotify;
    }

    private AlertDescription ReadPreSharedKeys(ref TlsReader reader)
    {
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> identities) || identities.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        TruncatedLength = Message.Length - reader.Remaining;
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> binders) || !reader.IsEmpty || binders.IsEmpty)
        {
            return AlertDescription.DecodeError;
        }

        List<(ReadOnlyMemory<byte> Identity, uint ObfuscatedAge)> identityList = [];
        TlsReader entries = new(identities);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector16(out ReadOnlyMemory<byte> identity) || identity.IsEmpty
                || !entries.TryReadUInt32(out uint age))
            {
                return AlertDescription.DecodeError;
            }

            identityList.Add((identity, age));
        }

        List<ReadOnlyMemory<byte>> binderList = [];
        entries = new TlsReader(binders);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector8(out ReadOnlyMemory<byte> binder) || binder.Length < 32)
            {
                return AlertDescription.DecodeError;
            }

            binderList.Add(binder);
        }

        PskIdentities = identityList;
        PskBinders = binderList;

        // RFC 8446, 4.2.11: one binder for each identity, in the same order.
        return identityList.Count == binderList.Count ? AlertDescription.CloseNotify : AlertDescription.IllegalParameter;
    }
}
