using Causeway.Protocol;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>The rest of the server's flight, the client's answer to it, and tickets.</content>
internal sealed partial class Tls13Client
{
    // A ticket goes back in a ClientHello, which must stay within what a server takes.
    private const int MaxTicketLength = 16 * 1024;

    // Servers send one to four. Each that is kept costs the client a copy of the server's certificate.
    private const int MaxTickets = 16;

    private int _tickets;

    private void OnEncryptedExtensions(ReadOnlyMemory<byte> message)
    {
        TlsReader reader = new(message[4..]);
        AlertDescription alert = Extensions.Parse(ref reader, out Extensions extensions);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The EncryptedExtensions do not parse.");
            return;
        }

        List<ExtensionType> allowed = [ExtensionType.SupportedGroups, ExtensionType.QuicTransportParameters];
        if (_options.IndicatedName is not null)
        {
            allowed.Add(ExtensionType.ServerName);
        }

        if (_options.ApplicationProtocols.Count > 0)
        {
            allowed.Add(ExtensionType.ApplicationLayerProtocolNegotiation);
        }

        if (_offersEarlyData)
        {
            allowed.Add(ExtensionType.EarlyData);
        }

        if (!CheckExtensions(extensions, allowed.ToArray())
            || !TryReadApplicationProtocol(extensions, out ReadOnlyMemory<byte> protocol)
            || !TryReadTransportParameters(extensions)
            || !TryReadEarlyDataAnswer(extensions, protocol))
        {
            return;
        }

        ApplicationProtocol = protocol;
        Transcript.Add(message.Span);
        _state = _selectedPsk >= 0 ? State.WaitFinished : State.WaitCertificateOrRequest;
    }

    private bool TryReadApplicationProtocol(Extensions extensions, out ReadOnlyMemory<byte> protocol)
    {
        protocol = default;
        if (!extensions.TryGet(ExtensionType.ApplicationLayerProtocolNegotiation, out ReadOnlyMemory<byte> data))
        {
            if (_options.RequireApplicationProtocol)
            {
                // RFC 9001, 8.1.
                Fail(AlertDescription.NoApplicationProtocol, "The server chose no application protocol.");
                return false;
            }

            return true;
        }

        TlsReader reader = new(data);
        if (!reader.TryReadVector16(out ReadOnlyMemory<byte> list) || !reader.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The server's application protocol does not parse.");
            return false;
        }

        TlsReader names = new(list);
        if (!names.TryReadVector8(out ReadOnlyMemory<byte> name) || !names.IsEmpty || name.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The server chose not exactly one application protocol.");
            return false;
        }

        protocol = name;
        if (!_options.ApplicationProtocols.Any(offered => offered.Span.SequenceEqual(name.Span)))
        {
            Fail(AlertDescription.IllegalParameter, "The server chose an application protocol that was not offered.");
            return false;
        }

        return true;
    }

    private bool TryReadTransportParameters(Extensions extensions)
    {
        if (extensions.TryGet(ExtensionType.QuicTransportParameters, out ReadOnlyMemory<byte> parameters))
        {
            _serverTransportParameters = parameters;
            Raise(HandshakeEventKind.PeerTransportParameters, EncryptionLevel.Handshake, parameters);
        }
        else if (_options.RequireQuic)
        {
            // RFC 9001, 8.2.
            Fail(AlertDescription.MissingExtension, "The server sent no transport parameters.");
            return false;
        }

        return true;
    }

    private bool TryReadEarlyDataAnswer(Extensions extensions, ReadOnlyMemory<byte> protocol)
    {
        if (!_offersEarlyData)
        {
            return true;
        }

        if (!extensions.TryGet(ExtensionType.EarlyData, out ReadOnlyMemory<byte> data))
        {
            RejectEarlyData();
            return true;
        }

        // RFC 8446, 4.2.10: the server must have chosen the values that early data was sent by.
        if (!data.IsEmpty || Suite != _session!.Suite || !protocol.Span.SequenceEqual(_session.ApplicationProtocol.Span))
        {
            Fail(
                AlertDescription.IllegalParameter,
                "The server accepted early data but chose other values than it was sent by.");
            return false;
        }

        Raise(HandshakeEventKind.EarlyDataAccepted, EncryptionLevel.EarlyData, default);
        return true;
    }

    private void OnCertificateRequest(ReadOnlyMemory<byte> message)
    {
        AlertDescription alert = CertificateMessages.ParseCertificateRequest(message, out ReadOnlyMemory<byte> schemes);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The CertificateRequest does not parse.");
            return;
        }

        _requestedSchemes = schemes;
        Transcript.Add(message.Span);
        _state = State.WaitCertificate;
    }

    private void OnCertificateVerify(ReadOnlyMemory<byte> message)
    {
        if (!TryVerifyCertificate(message, byServer: true, _options.SignatureSchemes))
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

    private void OnFinished(ReadOnlyMemory<byte> message)
    {
        if (!CheckFinished(ServerHandshakeSecret, message.Span))
        {
            return;
        }

        Transcript.Add(message.Span);
        if (!TryAdvance(EncryptionLevel.Application))
        {
            return;
        }

        DeriveApplicationSecrets();
        if (_requestedSchemes is not null && !TryAnswerCertificateRequest(_requestedSchemes.Value))
        {
            return;
        }

        Send(EncryptionLevel.Handshake, WriteFinished(ClientHandshakeSecret));
        DeriveResumptionSecret();
        RaiseSecret(HandshakeEventKind.WriteSecret, EncryptionLevel.Application, ClientApplicationSecret);
        RaiseSecret(HandshakeEventKind.ReadSecret, EncryptionLevel.Application, ServerApplicationSecret);
        ForgetHandshakeSecrets();
        _session?.Zero();
        IsComplete = true;
        _state = State.Connected;
        Raise(HandshakeEventKind.Completed, EncryptionLevel.Application, default);
    }

    private bool TryAnswerCertificateRequest(ReadOnlyMemory<byte> schemes)
    {
        SignatureScheme scheme = _options.Credential is null
            ? SignatureScheme.None
            : ChooseScheme(_options.Credential, schemes);
        if (scheme != SignatureScheme.None)
        {
            return TrySendCertificate(_options.Credential!, scheme, byServer: false);
        }

        // An empty list says that there is none (RFC 8446, 4.4.2); the server decides whether that will do.
        Send(EncryptionLevel.Handshake, CertificateMessages.WriteCertificate([], requestContext: []));
        return true;
    }

    private void OnNewSessionTicket(ReadOnlyMemory<byte> message, Timestamp now)
    {
        TlsReader reader = new(message[4..]);
        if (!reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadVector8(out ReadOnlyMemory<byte> nonce)
            || !reader.TryReadVector16(out ReadOnlyMemory<byte> ticket) || ticket.IsEmpty)
        {
            Fail(AlertDescription.DecodeError, "The NewSessionTicket does not parse.");
            return;
        }

        AlertDescription alert = Extensions.Parse(ref reader, out Extensions extensions);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The extensions of the NewSessionTicket do not parse.");
            return;
        }

        if (extensions.HasMisplaced([ExtensionType.EarlyData]))
        {
            Fail(AlertDescription.IllegalParameter, "The NewSessionTicket has an extension of another message.");
            return;
        }

        // Unknown extensions are ignored (RFC 8446, 4.6.1).
        bool allowsEarlyData = extensions.TryGet(ExtensionType.EarlyData, out ReadOnlyMemory<byte> earlyData);
        TlsReader earlyReader = new(earlyData);
        if (allowsEarlyData && (!earlyReader.TryReadUInt32(out uint size) || !earlyReader.IsEmpty))
        {
            Fail(AlertDescription.DecodeError, "The early_data of the NewSessionTicket does not parse.");
            return;
        }

        earlyReader = new TlsReader(earlyData);
        if (allowsEarlyData && _options.RequireQuic && earlyReader.TryReadUInt32(out size) && size != uint.MaxValue)
        {
            // RFC 9001, 4.6.1.
            Fail(
                AlertDescription.IllegalParameter,
                "The NewSessionTicket limits early data by a size, which QUIC does not allow.",
                TransportErrorCode.ProtocolViolation);
            return;
        }

        // A lifetime of zero says that the ticket is not to be used (RFC 8446, 4.6.1).
        if (!_options.AllowResumption || lifetime == 0 || ticket.Length > MaxTicketLength || _tickets == MaxTickets)
        {
            return;
        }

        _tickets++;

        ClientSession session = new()
        {
            Suite = Suite,
            Psk = ResumptionPsk(nonce.Span),
            Ticket = ticket,
            LifetimeSeconds = Math.Min(lifetime, ClientSession.MaxLifetimeSeconds),
            AgeAdd = ageAdd,
            ReceivedMilliseconds = Environment.UnixMilliseconds(now),
            AuthenticatedMilliseconds =
                IsResumed ? _session!.AuthenticatedMilliseconds : Environment.UnixMilliseconds(now),
            AllowsEarlyData = allowsEarlyData,
            ApplicationProtocol = ApplicationProtocol,
            ServerName = _options.ServerName ?? "",
            Context = SessionContext,
            TransportParameters = _serverTransportParameters,
            PeerCertificate = PeerCertificates.Count > 0 ? PeerCertificates[0] : default,
            PskIdentity = PskIdentity,
            PskFingerprint = PskFingerprint,
            LocalCertificateHash = LocalCertificateHash(),
        };
        byte[] blob = session.Encode();
        session.Zero();
        Raise(HandshakeEventKind.TicketReceived, EncryptionLevel.Application, blob);
    }
}
