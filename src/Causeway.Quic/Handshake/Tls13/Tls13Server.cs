using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>The server's side of TLS 1.3 over QUIC (RFC 8446, A.2; RFC 9001, 4).</summary>
internal sealed partial class Tls13Server : Tls13Handshake
{
    private const ushort Ssl30 = 0x0300;

    private TlsServerOptions? _options;
    private ClientHello? _hello;
    private State _state = State.WaitClientHello;

    /// <param name="environment">Random bytes and wall time.</param>
    /// <param name="limits">What the client may send; the default limits if null.</param>
    public Tls13Server(HandshakeEnvironment environment, HandshakeLimits? limits = null)
        : base(environment, limits ?? HandshakeLimits.Default)
    {
    }

    // WaitClientHello -> ChoosingOptions -> WaitFinished -> Connected
    // ChoosingOptions -> WaitSecondClientHello -> WaitFinished, after a HelloRetryRequest
    // ChoosingOptions or WaitSecondClientHello -> WaitCertificate -> WaitCertificateVerify -> CheckingCertificate
    //     -> WaitFinished, where the client is asked for a certificate
    // WaitCertificate -> CheckingCertificate, where the client has none and that is for the check to judge
    // WaitCertificateVerify -> WaitFinished, where pinned keys decide
    private enum State
    {
        WaitClientHello,
        ChoosingOptions,
        WaitSecondClientHello,
        WaitCertificate,
        WaitCertificateVerify,
        CheckingCertificate,
        WaitFinished,
        Connected,
    }

    public override EndpointRole Role => EndpointRole.Server;

    /// <summary>Whether early data was accepted.</summary>
    public bool AcceptedEarlyData { get; private set; }

    /// <summary>
    /// The client's application protocols, each after a byte of its length, for the choice of options.
    /// </summary>
    public ReadOnlyMemory<byte> OfferedApplicationProtocols => _hello?.ApplicationProtocols ?? default;

    /// <summary>A server has nothing to send before the ClientHello.</summary>
    public override void Start(Timestamp now)
    {
    }

    /// <summary>
    /// Answers <see cref="HandshakeEventKind.ServerOptionsNeeded"/>. <see
    /// cref="Tls13Handshake.LocalTransportParameters"/> are set before.
    /// </summary>
    /// <param name="options">What serves the name that the client asked for; validated here.</param>
    /// <param name="now">The time.</param>
    public void AnswerServerOptions(TlsServerOptions options, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (_state != State.ChoosingOptions || IsOver)
        {
            return;
        }

        options.Validate();
        _options = options;
        KeyLog = options.KeyLog;
        IsSuspended = false;
        if (CheckForQuic(_hello!) && Negotiate(_hello!, now))
        {
            Resume(now);
        }
    }

    /// <summary>Answers <see cref="HandshakeEventKind.ServerOptionsNeeded"/> by ending the handshake.</summary>
    /// <param name="refusal">Why, for example <see cref="AlertDescription.UnrecognizedName"/>.</param>
    public void RefuseClientHello(HandshakeFailure refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        if (_state == State.ChoosingOptions && !IsOver)
        {
            Fail(refusal);
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
        State.WaitClientHello or State.WaitSecondClientHello => type == HandshakeType.ClientHello,
        State.WaitCertificate => type == HandshakeType.Certificate,
        State.WaitCertificateVerify => type == HandshakeType.CertificateVerify,
        State.WaitFinished => type == HandshakeType.Finished,

        // A client has nothing to send after its Finished: no KeyUpdate over QUIC (RFC 9001, 6), nor EndOfEarlyData
        // (8.3).
        _ => false,
    };

    private protected override void OnMessage(HandshakeType type, ReadOnlyMemory<byte> message, Timestamp now)
    {
        switch (type)
        {
            case HandshakeType.ClientHello:
                OnClientHello(message, now);
                break;
            case HandshakeType.Certificate:
                OnCertificate(message);
                break;
            case HandshakeType.CertificateVerify:
                OnCertificateVerify(message);
                break;
            default:
                OnFinished(message, now);
                break;
        }
    }

    private protected override void ForgetSecrets()
    {
        ForgetAllSecrets();
        ForgetPsk();
    }

    private void OnClientHello(ReadOnlyMemory<byte> message, Timestamp now)
    {
        AlertDescription alert = ClientHello.Parse(message, out ClientHello hello);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The ClientHello does not parse.");
            return;
        }

        if (_state == State.WaitSecondClientHello)
        {
            OnSecondClientHello(hello, now);
            return;
        }

        if (!CheckClientHello(hello))
        {
            return;
        }

        _hello = hello;
        ServerName = hello.ServerName;
        ClientRandom = hello.Random.ToArray();
        _state = State.ChoosingOptions;
        IsSuspended = true;
        if (hello.TransportParameters is ReadOnlyMemory<byte> parameters)
        {
            Raise(HandshakeEventKind.PeerTransportParameters, EncryptionLevel.Initial, parameters);
        }

        Raise(HandshakeEventKind.ServerOptionsNeeded, EncryptionLevel.Initial, default);
    }

    /// <summary>What must be true of every ClientHello, whatever the options are.</summary>
    private bool CheckClientHello(ClientHello hello)
    {
        // RFC 8446, D.5, forbids the version of SSL 3.0 even where supported_versions decides.
        if (!hello.OffersTls13 || hello.Version == Ssl30)
        {
            Fail(AlertDescription.ProtocolVersion, "The client does not offer TLS 1.3.");
            return false;
        }

        if (!hello.CompressionMethods.Span.SequenceEqual<byte>([0]))
        {
            // RFC 8446, 4.1.2.
            Fail(AlertDescription.IllegalParameter, "The client offers compression.");
            return false;
        }

        if (hello.Groups.IsEmpty || !hello.HasKeyShares)
        {
            // RFC 8446, 9.2. A PSK without a key exchange is not supported, so both are needed always.
            Fail(AlertDescription.MissingExtension, "The client sent no supported_groups or no key_share.");
            return false;
        }

        if (hello.PskIdentities.Count == 0 && hello.SignatureSchemes.IsEmpty)
        {
            Fail(AlertDescription.MissingExtension, "The client sent no signature_algorithms.");
            return false;
        }

        if (hello.PskIdentities.Count > 0 && !hello.Extensions.Contains(ExtensionType.PskKeyExchangeModes))
        {
            // RFC 8446, 4.2.9.
            Fail(AlertDescription.MissingExtension, "The client offers a PSK without psk_key_exchange_modes.");
            return false;
        }

        if (hello.OffersEarlyData && hello.PskIdentities.Count == 0)
        {
            // RFC 8446, 4.2.10.
            Fail(AlertDescription.IllegalParameter, "The client offers early data without a PSK.");
            return false;
        }

        foreach ((NamedGroup group, ReadOnlyMemory<byte> _) in hello.KeyShares)
        {
            if (!ClientHello.Lists(hello.Groups, (ushort)group))
            {
                // RFC 8446, 4.2.8.
                Fail(
                    AlertDescription.IllegalParameter,
                    "The client sent a key share for a group that it does not support.");
                return false;
            }
        }

        return true;
    }

    private bool CheckForQuic(ClientHello hello)
    {
        if (!_options!.RequireQuic)
        {
            return true;
        }

        if (!hello.SessionId.IsEmpty)
        {
            // RFC 9001, 8.4.
            Fail(
                AlertDescription.IllegalParameter,
                "The client sent a session id, which QUIC does not use.",
                TransportErrorCode.ProtocolViolation);
            return false;
        }

        if (hello.TransportParameters is null)
        {
            // RFC 9001, 8.2.
            Fail(AlertDescription.MissingExtension, "The client sent no transport parameters.");
            return false;
        }

        return true;
    }

    private void OnCertificate(ReadOnlyMemory<byte> message)
    {
        if (!TryReadCertificates(message, mayBeEmpty: true))
        {
            return;
        }

        if (PeerCertificates.Count > 0)
        {
            _state = State.WaitCertificateVerify;
        }
        else if (_options!.ClientCertificates == ClientCertificateMode.Require || _options.PinnedFingerprints.Count > 0)
        {
            // RFC 8446, 4.4.2.4.
            Fail(AlertDescription.CertificateRequired, "The client sent no certificate.");
        }
        else
        {
            _state = State.CheckingCertificate;
            AskForCertificateCheck();
        }
    }

    private void OnCertificateVerify(ReadOnlyMemory<byte> message)
    {
        if (!TryVerifyCertificate(message, byServer: false, _options!.SignatureSchemes))
        {
            return;
        }

        if (_options.PinnedFingerprints.Count > 0)
        {
            if (CheckPins(_options.PinnedFingerprints))
            {
                _state = State.WaitFinished;
            }

            return;
        }

        _state = State.CheckingCertificate;
        AskForCertificateCheck();
    }

    private void OnFinished(ReadOnlyMemory<byte> message, Timestamp now)
    {
        if (!CheckFinished(ClientHandshakeSecret, message.Span))
        {
            return;
        }

        Transcript.Add(message.Span);
        if (!TryAdvance(EncryptionLevel.Application))
        {
            return;
        }

        // RFC 9001, 5.7: only now may 1-RTT packets be opened.
        DeriveResumptionSecret();
        RaiseSecret(HandshakeEventKind.ReadSecret, EncryptionLevel.Application, ClientApplicationSecret);
        ForgetHandshakeSecrets();
        IsComplete = true;
        _state = State.Connected;
        Raise(HandshakeEventKind.Completed, EncryptionLevel.Application, default);
        SendTickets(now);
        CryptographicOperations.ZeroMemory(ResumptionSecret);

        // A connection may live long after; a ClientHello takes up to 64 KiB.
        _hello = null;
    }
}
