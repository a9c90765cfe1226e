using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13.Groups;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>The client's side of TLS 1.3 over QUIC (RFC 8446, A.1; RFC 9001, 4).</summary>
internal sealed partial class Tls13Client : Tls13Handshake
{
    private readonly TlsClientOptions _options;
    private readonly List<KeyShare> _shares = [];
    private readonly List<OfferedPsk> _psks = [];
    private ClientSession? _session;
    private ClientHelloWriter? _writer;
    private State _state = State.Start;
    private bool _wasRetried;
    private bool _offersEarlyData;
    private int _selectedPsk = -1;
    private ReadOnlyMemory<byte>? _requestedSchemes;

    // For tickets: what the server said in this connection.
    private ReadOnlyMemory<byte> _serverTransportParameters;

    /// <param name="options">What the client chose; validated here.</param>
    /// <param name="environment">Random bytes and wall time.</param>
    /// <param name="limits">What the server may send; the default limits if null.</param>
    public Tls13Client(TlsClientOptions options, HandshakeEnvironment environment, HandshakeLimits? limits = null)
        : base(environment, limits ?? HandshakeLimits.Default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        KeyLog = options.KeyLog;
        ServerName = options.IndicatedName;
    }

    // Start -> WaitServerHello -> WaitEncryptedExtensions -> WaitCertificateOrRequest -> WaitCertificateVerify
    //       -> CheckingCertificate -> WaitFinished -> Connected
    // WaitServerHello -> WaitServerHello, once, by a HelloRetryRequest
    // WaitEncryptedExtensions -> WaitFinished, where a PSK authenticates the server
    // WaitCertificateOrRequest -> WaitCertificate -> WaitCertificateVerify, where the server asks for a certificate
    // WaitCertificateVerify -> WaitFinished, where pinned keys decide
    private enum State
    {
        Start,
        WaitServerHello,
        WaitEncryptedExtensions,
        WaitCertificateOrRequest,
        WaitCertificate,
        WaitCertificateVerify,
        CheckingCertificate,
        WaitFinished,
        Connected,
    }

    public override EndpointRole Role => EndpointRole.Client;

    /// <summary>Whether the ClientHello offered early data, so that 0-RTT packets may be sent.</summary>
    public bool OffersEarlyData => _offersEarlyData;

    /// <summary>
    /// The server's transport parameters of the earlier connection, by which early data is sent (RFC 9000, 7.4.1);
    /// empty if none is.
    /// </summary>
    public ReadOnlyMemory<byte> RememberedTransportParameters =>
        _offersEarlyData ? _session!.TransportParameters : ReadOnlyMemory<byte>.Empty;

    /// <summary>The application protocol by which early data is sent: that of the session (RFC 8446, 4.2.10).</summary>
    public ReadOnlyMemory<byte> RememberedApplicationProtocol =>
        _offersEarlyData ? _session!.ApplicationProtocol : ReadOnlyMemory<byte>.Empty;

    public override void Start(Timestamp now)
    {
        if (_state != State.Start)
        {
            throw new InvalidOperationException("The handshake was started before.");
        }

        _writer = new ClientHelloWriter(_options, Environment) { TransportParameters = LocalTransportParameters };
        ClientRandom = _writer.Random;
        foreach (NamedGroup group in _options.FirstShares)
        {
            _shares.Add(KeyShare.Create(group, Environment.Random));
        }

        long unixMilliseconds = Environment.UnixMilliseconds(now);
        ChooseSession(unixMilliseconds);
        CollectPsks(unixMilliseconds, onlyHash: null);
        byte[] hello = _writer.Write(_shares, _psks, _offersEarlyData, cookie: null, isRetry: false, Transcript);
        Send(EncryptionLevel.Initial, hello);
        _state = State.WaitServerHello;
        if (_offersEarlyData)
        {
            RaiseEarlySecret(hello);
        }
    }

    public override void AnswerCertificateCheck(HandshakeFailure? refusal, Timestamp now)
    {
        if (_state != State.CheckingCertificate || IsOver)
        {
            return;
        }

        if (refusal is not null)
        {
            Fail(refusal);
            return;
        }

        _state = State.WaitFinished;
        Resume(now);
    }

    private protected override bool Expects(HandshakeType type) => _state switch
    {
        State.WaitServerHello => type == HandshakeType.ServerHello,
        State.WaitEncryptedExtensions => type == HandshakeType.EncryptedExtensions,
        State.WaitCertificateOrRequest => type is HandshakeType.Certificate or HandshakeType.CertificateRequest,
        State.WaitCertificate => type == HandshakeType.Certificate,
        State.WaitCertificateVerify => type == HandshakeType.CertificateVerify,
        State.WaitFinished => type == HandshakeType.Finished,

        // KeyUpdate is not used over QUIC (RFC 9001, 6), and post-handshake authentication is not offered (4.4).
        State.Connected => type == HandshakeType.NewSessionTicket,
        _ => false,
    };

    private protected override void OnMessage(HandshakeType type, ReadOnlyMemory<byte> message, Timestamp now)
    {
        switch (type)
        {
            case HandshakeType.ServerHello:
                OnServerHello(message, now);
                break;
            case HandshakeType.EncryptedExtensions:
                OnEncryptedExtensions(message);
                break;
            case HandshakeType.CertificateRequest:
                OnCertificateRequest(message);
                break;
            case HandshakeType.Certificate:
                if (TryReadCertificates(message, mayBeEmpty: false))
                {
                    _state = State.WaitCertificateVerify;
                }

                break;
            case HandshakeType.CertificateVerify:
                OnCertificateVerify(message);
                break;
            case HandshakeType.Finished:
                OnFinished(message);
                break;
            default:
                OnNewSessionTicket(message, now);
                break;
        }
    }

    private protected override void ForgetSecrets()
    {
        ForgetAllSecrets();
        ForgetKeyShares();
        _session?.Zero();
    }

    /// <summary>Takes the session of an earlier connection if it fits this one.</summary>
    private void ChooseSession(long unixMilliseconds)
    {
        if (!_options.AllowResumption || _options.Session.IsEmpty
            || ClientSession.TryDecode(_options.Session) is not ClientSession session)
        {
            return;
        }

        bool fits = session.IsFresh(unixMilliseconds)
            && session.Context.Span.SequenceEqual(SessionContext.Span)
            && string.Equals(session.ServerName, _options.ServerName ?? "", StringComparison.OrdinalIgnoreCase)
            && _options.CipherSuites.Any(suite => CipherSuites.HashOf(suite) == CipherSuites.HashOf(session.Suite))
            && session.LocalCertificateHash.Span.SequenceEqual(LocalCertificateHash())
            && IsTrusted(session);
        if (!fits)
        {
            session.Zero();
            return;
        }

        // A PSK of a ticket authenticates as the earlier connection did, so what that one trusted must be trusted
        // still.
        _session = session;
        _offersEarlyData = _options.OfferEarlyData && session.AllowsEarlyData
            && _options.CipherSuites.Contains(session.Suite)
            && (session.ApplicationProtocol.IsEmpty
                || _options.ApplicationProtocols.Any(name => name.Span.SequenceEqual(session.ApplicationProtocol.Span)));
        if (_offersEarlyData)
        {
            ApplicationProtocol = session.ApplicationProtocol;
        }
    }

    private byte[] LocalCertificateHash() =>
        _options.Credential is null ? [] : SHA256.HashData(_options.Credential.Chain[0].Span);

    private bool IsTrusted(ClientSession session)
    {
        bool byPsk = !session.PskIdentity.IsEmpty;
        if (byPsk || (_options.ExternalPsks.Count > 0 && _options.RequirePsk))
        {
            return byPsk && _options.ExternalPsks.Any(psk => psk.IsOf(session.PskIdentity, session.PskFingerprint));
        }

        return _options.PinnedFingerprints.Count == 0
            || (PinnedKeys.TryFingerprint(session.PeerCertificate, out byte[] fingerprint)
                && PinnedKeys.Contains(_options.PinnedFingerprints, fingerprint));
    }

    /// <summary>
    /// Lists the PSKs to offer: the session's first, since early data is bound to the first (RFC 8446, 4.2.10).
    /// </summary>
    private void CollectPsks(long unixMilliseconds, HashAlgorithmName? onlyHash)
    {
        _psks.Clear();
        if (_session is not null)
        {
            _psks.Add(new OfferedPsk(
                _session.Ticket,
                _session.Psk,
                CipherSuites.HashOf(_session.Suite),
                IsExternal: false,
                _session.ObfuscatedAge(unixMilliseconds)));
        }

        foreach (ExternalPsk psk in _options.ExternalPsks)
        {
            if (_options.CipherSuites.Any(suite => CipherSuites.HashOf(suite) == psk.Hash))
            {
                _psks.Add(new OfferedPsk(psk.Identity, psk.Key, psk.Hash, IsExternal: true, ObfuscatedAge: 0));
            }
        }

        // After a HelloRetryRequest the suite is known, and PSKs of another hash cannot be chosen (RFC 8446, 4.1.4).
        if (onlyHash is not null)
        {
            _psks.RemoveAll(psk => psk.Hash != onlyHash);
        }
    }

    private void RaiseEarlySecret(byte[] hello)
    {
        // RFC 8446, 7.1: over the ClientHello alone.
        HashAlgorithmName hash = CipherSuites.HashOf(_session!.Suite);
        byte[] digest = CryptographicOperations.HashData(hash, hello);
        using KeySchedule schedule = new(hash, _session.Psk);
        byte[] secret = schedule.Derive("c e traffic"u8, digest);
        Log("CLIENT_EARLY_TRAFFIC_SECRET", secret);
        RaiseSecret(HandshakeEventKind.WriteSecret, EncryptionLevel.EarlyData, secret, _session.Suite);
        CryptographicOperations.ZeroMemory(secret);
    }

    private void ForgetKeyShares()
    {
        foreach (KeyShare share in _shares)
        {
            share.Dispose();
        }

        _shares.Clear();
    }
}
