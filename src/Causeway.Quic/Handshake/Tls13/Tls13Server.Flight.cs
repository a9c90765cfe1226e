using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13.Groups;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>The server's flight, from ServerHello to Finished.</content>
internal sealed partial class Tls13Server
{
    private bool TrySendFlight(ClientHello hello, ReadOnlyMemory<byte> share, Timestamp now)
    {
        if (!KeyShare.TryRespond(Group, share, Environment.Random, out byte[] ownShare, out byte[] secret))
        {
            Fail(AlertDescription.IllegalParameter, "The client's key share is not valid.");
            return false;
        }

        Transcript.SelectHash(CipherSuites.HashOf(Suite));
        Transcript.Add(hello.Message.Span);
        AnswerEarlyData(hello, now);

        byte[] random = new byte[ClientHello.RandomLength];
        Environment.Random(random);
        Send(
            EncryptionLevel.Initial,
            ServerHello.Write(random, hello.SessionId.Span, Suite, Group, ownShare, _selectedPsk));
        DeriveHandshakeSecrets(secret);
        if (!TryAdvance(EncryptionLevel.Handshake))
        {
            return false;
        }

        RaiseSecret(HandshakeEventKind.WriteSecret, EncryptionLevel.Handshake, ServerHandshakeSecret);
        RaiseSecret(HandshakeEventKind.ReadSecret, EncryptionLevel.Handshake, ClientHandshakeSecret);
        Send(EncryptionLevel.Handshake, WriteEncryptedExtensions(hello));

        // A client that authenticates by a PSK is not asked for a certificate (RFC 8446, 4.3.2).
        bool asks = _psk is null && _options!.ClientCertificates != ClientCertificateMode.None;
        if (asks)
        {
            ushort grease = _options!.Grease ? GreaseValues.FromSeed(random[0]) : (ushort)0;
            Send(
                EncryptionLevel.Handshake,
                CertificateMessages.WriteCertificateRequest(_options.SignatureSchemes, grease));
        }

        if (_credential is not null && _psk is null && !TrySendCertificate(_credential, _scheme, byServer: true))
        {
            return false;
        }

        Send(EncryptionLevel.Handshake, WriteFinished(ServerHandshakeSecret));
        DeriveApplicationSecrets();
        RaiseSecret(HandshakeEventKind.WriteSecret, EncryptionLevel.Application, ServerApplicationSecret);
        CryptographicOperations.ZeroMemory(_psk);
        _state = asks ? State.WaitCertificate : State.WaitFinished;
        return true;
    }

    private void AnswerEarlyData(ClientHello hello, Timestamp now)
    {
        AcceptedEarlyData = DecideEarlyData(hello, now);
        if (AcceptedEarlyData)
        {
            // RFC 8446, 7.1: over the ClientHello alone, from the early secret.
            Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
            byte[] early = Schedule!.Derive("c e traffic"u8, buffer[..Transcript.Current(buffer)]);
            Log("CLIENT_EARLY_TRAFFIC_SECRET", early);
            RaiseSecret(HandshakeEventKind.ReadSecret, EncryptionLevel.EarlyData, early);
            CryptographicOperations.ZeroMemory(early);
            Raise(HandshakeEventKind.EarlyDataAccepted, EncryptionLevel.EarlyData, default);
        }
        else if (hello.OffersEarlyData)
        {
            Raise(HandshakeEventKind.EarlyDataRejected, EncryptionLevel.EarlyData, default);
        }
    }

    private byte[] WriteEncryptedExtensions(ClientHello hello)
    {
        TlsWriter writer = new();
        int message = writer.BeginMessage(HandshakeType.EncryptedExtensions);
        int extensions = writer.BeginVector(2);
        if (hello.ServerName is not null && !IsResumed)
        {
            // RFC 6066, 3: empty, to say that the name was used.
            int name = writer.BeginExtension(ExtensionType.ServerName);
            writer.EndVector(name, 2);
        }

        if (!ApplicationProtocol.IsEmpty)
        {
            int extension = writer.BeginExtension(ExtensionType.ApplicationLayerProtocolNegotiation);
            int list = writer.BeginVector(2);
            writer.WriteVector(1, ApplicationProtocol.Span);
            writer.EndVector(list, 2);
            writer.EndVector(extension, 2);
        }

        if (hello.TransportParameters is not null)
        {
            int extension = writer.BeginExtension(ExtensionType.QuicTransportParameters);
            writer.WriteBytes(LocalTransportParameters.Span);
            writer.EndVector(extension, 2);
        }

        if (AcceptedEarlyData)
        {
            int extension = writer.BeginExtension(ExtensionType.EarlyData);
            writer.EndVector(extension, 2);
        }

        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }
}
