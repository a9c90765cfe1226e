using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13.Groups;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>ServerHello and HelloRetryRequest (RFC 8446, 4.1.3, 4.1.4).</content>
internal sealed partial class Tls13Client
{
    // A cookie goes back in the second ClientHello, which must stay within what a server takes.
    private const int MaxCookieLength = 16 * 1024;

    private void OnServerHello(ReadOnlyMemory<byte> message, Timestamp now)
    {
        AlertDescription alert = ServerHello.Parse(message, out ServerHello hello);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The ServerHello does not parse.");
            return;
        }

        if (!CheckVersion(hello) || !CheckFixedFields(hello))
        {
            return;
        }

        if (hello.IsRetryRequest)
        {
            OnRetryRequest(hello, message, now);
        }
        else
        {
            Agree(hello, message);
        }
    }

    private bool CheckVersion(ServerHello hello)
    {
        if (!hello.Extensions.TryGet(ExtensionType.SupportedVersions, out ReadOnlyMemory<byte> data))
        {
            // RFC 8446, 4.1.3: the mark says that somebody in between made both ends settle for less.
            Fail(
                hello.HasDowngradeMark ? AlertDescription.IllegalParameter : AlertDescription.ProtocolVersion,
                "The server chose a version before TLS 1.3.");
            return false;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadUInt16(out ushort version) || !reader.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The server's supported_versions does not parse.");
            return false;
        }

        if (version != ClientHello.Version13 || hello.LegacyVersion != ClientHello.LegacyVersion)
        {
            // RFC 8446, 4.2.1.
            Fail(AlertDescription.IllegalParameter, "The server chose a version that was not offered.");
            return false;
        }

        return true;
    }

    private bool CheckFixedFields(ServerHello hello)
    {
        if (!hello.SessionId.IsEmpty || hello.Compression != 0)
        {
            Fail(AlertDescription.IllegalParameter, "The ServerHello echoes a session id or chose a compression.");
            return false;
        }

        // The suite of a HelloRetryRequest stands (RFC 8446, 4.1.4).
        if (!_options.CipherSuites.Contains(hello.Suite) || (_wasRetried && hello.Suite != Suite))
        {
            Fail(AlertDescription.IllegalParameter, "The server chose a cipher suite that was not offered.");
            return false;
        }

        return true;
    }

    private void OnRetryRequest(ServerHello hello, ReadOnlyMemory<byte> message, Timestamp now)
    {
        if (_wasRetried)
        {
            Fail(AlertDescription.UnexpectedMessage, "A second HelloRetryRequest came.");
            return;
        }

        if (!CheckExtensions(
                hello.Extensions,
                [ExtensionType.SupportedVersions, ExtensionType.KeyShare, ExtensionType.Cookie])
            || !TryReadCookie(hello, out ReadOnlyMemory<byte>? cookie)
            || !TryReplaceShare(hello, cookie is not null))
        {
            return;
        }

        _wasRetried = true;
        Suite = hello.Suite;
        HashAlgorithmName hash = CipherSuites.HashOf(Suite);
        Transcript.SelectHash(hash);
        Transcript.ReplaceByMessageHash();
        Transcript.Add(message.Span);
        if (_offersEarlyData)
        {
            // RFC 9001, 4.6.2: a HelloRetryRequest refuses early data.
            RejectEarlyData();
        }

        CollectPsks(Environment.UnixMilliseconds(now), hash);
        Send(EncryptionLevel.Initial, _writer!.Write(_shares, _psks, earlyData: false, cookie, isRetry: true, Transcript));
    }

    private bool TryReadCookie(ServerHello hello, out ReadOnlyMemory<byte>? cookie)
    {
        cookie = null;
        if (!hello.Extensions.TryGet(ExtensionType.Cookie, out ReadOnlyMemory<byte> data))
        {
            return true;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> value) || !reader.IsEmpty || value.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The cookie does not parse.");
            return false;
        }

        if (value.Length > MaxCookieLength)
        {
            Fail(AlertDescription.IllegalParameter, "The cookie is too long to be sent back.");
            return false;
        }

        cookie = value;
        return true;
    }

    private bool TryReplaceShare(ServerHello hello, bool hasCookie)
    {
        if (!hello.Extensions.TryGet(ExtensionType.KeyShare, out ReadOnlyMemory<byte> data))
        {
            if (!hasCookie)
            {
                // RFC 8446, 4.1.4.
                Fail(AlertDescription.IllegalParameter, "The HelloRetryRequest would change nothing.");
            }

            return hasCookie;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadUInt16(out ushort value) || !reader.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The key_share of the HelloRetryRequest does not parse.");
            return false;
        }

        NamedGroup group = (NamedGroup)value;
        if (!_options.Groups.Contains(group) || _shares.Exists(share => share.Group == group))
        {
            // RFC 8446, 4.2.8: it must be a group that was offered and had no share.
            Fail(
                AlertDescription.IllegalParameter,
                "The HelloRetryRequest asks for a group that was not offered, or had a share.");
            return false;
        }

        ForgetKeyShares();
        _shares.Add(KeyShare.Create(group, Environment.Random));
        return true;
    }

    private void Agree(ServerHello hello, ReadOnlyMemory<byte> message)
    {
        if (!CheckExtensions(
                hello.Extensions,
                _psks.Count > 0
                    ? [ExtensionType.SupportedVersions, ExtensionType.KeyShare, ExtensionType.PreSharedKey]
                    : [ExtensionType.SupportedVersions, ExtensionType.KeyShare])
            || !TrySelectPsk(hello)
            || !TryAgreeKeys(hello, out byte[] secret))
        {
            return;
        }

        if (_offersEarlyData && _selectedPsk != 0)
        {
            // Early data is bound to the first PSK, so the refusal is certain before EncryptedExtensions.
            RejectEarlyData();
        }

        Suite = hello.Suite;
        HashAlgorithmName hash = CipherSuites.HashOf(Suite);
        Transcript.SelectHash(hash);
        Transcript.Add(message.Span);
        Schedule = new KeySchedule(hash, _selectedPsk >= 0 ? _psks[_selectedPsk].Key.Span : []);
        DeriveHandshakeSecrets(secret);
        ForgetKeyShares();
        if (!TryAdvance(EncryptionLevel.Handshake))
        {
            return;
        }

        RaiseSecret(HandshakeEventKind.ReadSecret, EncryptionLevel.Handshake, ServerHandshakeSecret);
        RaiseSecret(HandshakeEventKind.WriteSecret, EncryptionLevel.Handshake, ClientHandshakeSecret);
        _state = State.WaitEncryptedExtensions;
    }

    private bool TrySelectPsk(ServerHello hello)
    {
        if (!hello.Extensions.TryGet(ExtensionType.PreSharedKey, out ReadOnlyMemory<byte> data))
        {
            if (_options.ExternalPsks.Count > 0 && _options.RequirePsk)
            {
                Fail(AlertDescription.HandshakeFailure, "The server does not know the shared key.");
                return false;
            }

            return true;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadUInt16(out ushort selected) || !reader.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The server's pre_shared_key does not parse.");
            return false;
        }

        if (selected >= _psks.Count || _psks[selected].Hash != CipherSuites.HashOf(hello.Suite))
        {
            // RFC 8446, 4.2.11.
            Fail(AlertDescription.IllegalParameter, "The server chose a PSK that was not offered, or not for this suite.");
            return false;
        }

        _selectedPsk = selected;
        IsResumed = !_psks[selected].IsExternal;
        PskIdentity = IsResumed ? _session!.PskIdentity : _psks[selected].Identity;
        PskFingerprint = IsResumed ? _session!.PskFingerprint : FingerprintOf(PskIdentity);
        if (IsResumed && !_session!.PeerCertificate.IsEmpty)
        {
            PeerCertificates = [_session.PeerCertificate];
        }

        return true;
    }

    private byte[] FingerprintOf(ReadOnlyMemory<byte> identity) =>
        _options.ExternalPsks.First(psk => psk.Identity.Span.SequenceEqual(identity.Span)).Fingerprint();

    private bool TryAgreeKeys(ServerHello hello, out byte[] secret)
    {
        secret = [];
        if (!hello.Extensions.TryGet(ExtensionType.KeyShare, out ReadOnlyMemory<byte> data))
        {
            Fail(AlertDescription.MissingExtension, "The server sent no key share.");
            return false;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadUInt16(out ushort group)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> share) || !reader.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The server's key share does not parse.");
            return false;
        }

        KeyShare? own = _shares.Find(candidate => candidate.Group == (NamedGroup)group);
        if (own is null || !own.TryAgree(share, out secret))
        {
            Fail(AlertDescription.IllegalParameter, "The server's key share is for another group or not valid.");
            return false;
        }

        Group = own.Group;
        return true;
    }

    private void RejectEarlyData()
    {
        _offersEarlyData = false;
        ApplicationProtocol = default;
        Raise(HandshakeEventKind.EarlyDataRejected, EncryptionLevel.EarlyData, default);
    }

    /// <summary>
    /// Refuses extensions that may not stand in a message (RFC 8446, 4.2): illegal_parameter for those that were
    /// offered but belong elsewhere, unsupported_extension for those that were not offered.
    /// </summary>
    private bool CheckExtensions(Extensions extensions, ReadOnlySpan<ExtensionType> allowed)
    {
        for (int index = 0; index < extensions.Count; index++)
        {
            ExtensionType type = extensions[index].Type;
            if (!allowed.Contains(type))
            {
                Fail(
                    WasOffered(type) ? AlertDescription.IllegalParameter : AlertDescription.UnsupportedExtension,
                    $"The server sent extension {type} where it may not stand.");
                return false;
            }
        }

        return true;
    }

    private bool WasOffered(ExtensionType type) => type switch
    {
        ExtensionType.ServerName => _options.IndicatedName is not null,
        ExtensionType.ApplicationLayerProtocolNegotiation => _options.ApplicationProtocols.Count > 0,
        ExtensionType.SupportedGroups or ExtensionType.SignatureAlgorithms or ExtensionType.SupportedVersions
            or ExtensionType.KeyShare or ExtensionType.PskKeyExchangeModes or ExtensionType.QuicTransportParameters => true,
        ExtensionType.PreSharedKey => _psks.Count > 0,
        ExtensionType.EarlyData => _offersEarlyData,
        _ => false,
    };
}
