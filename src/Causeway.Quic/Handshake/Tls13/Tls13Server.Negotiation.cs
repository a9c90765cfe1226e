using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>What the server chooses from a ClientHello (RFC 8446, 4.1.1), and the HelloRetryRequest.</content>
internal sealed partial class Tls13Server
{
    private bool _wasRetried;
    private HandshakeCredential? _credential;
    private SignatureScheme _scheme;

    /// <summary>Chooses everything, then sends the flight or a HelloRetryRequest.</summary>
    /// <returns>False if the handshake failed.</returns>
    private bool Negotiate(ClientHello hello, Timestamp now)
    {
        // The order matters: a PSK decides the hash, the hash limits the suites.
        if (!TrySelectPsk(hello, now)
            || !TryChooseSuite(hello)
            || !TryChooseGroup(hello, out ReadOnlyMemory<byte> share)
            || !TryChooseProtocol(hello)
            || !TryChooseCredential(hello))
        {
            return false;
        }

        if (share.IsEmpty)
        {
            SendRetryRequest(hello);
            return Failure is null;
        }

        return TryCheckBinder(hello) && TrySendFlight(hello, share, now);
    }

    private bool TryChooseSuite(ClientHello hello)
    {
        if (_wasRetried)
        {
            // It stands since the HelloRetryRequest, and the second ClientHello has the same suites.
            return true;
        }

        // Early data needs the suite of its ticket (RFC 8446, 4.2.10), and others lose nothing by keeping it.
        if (_session is not null && IsMutual(hello, _session.Suite))
        {
            Suite = _session.Suite;
            return true;
        }

        foreach (CipherSuite suite in _options!.CipherSuites)
        {
            if (ClientHello.Lists(hello.CipherSuites, (ushort)suite)
                && (_pskHash is null || _pskHash == CipherSuites.HashOf(suite)))
            {
                Suite = suite;
                return true;
            }
        }

        Fail(AlertDescription.HandshakeFailure, "No cipher suite in common.");
        return false;
    }

    private bool IsMutual(ClientHello hello, CipherSuite suite) =>
        _options!.CipherSuites.Contains(suite) && ClientHello.Lists(hello.CipherSuites, (ushort)suite);

    /// <summary>
    /// The first group of the server's that the client sent a share for, else the first that it supports.
    /// </summary>
    private bool TryChooseGroup(ClientHello hello, out ReadOnlyMemory<byte> share)
    {
        share = default;
        NamedGroup withoutShare = NamedGroup.None;
        foreach (NamedGroup group in _options!.Groups)
        {
            foreach ((NamedGroup Group, ReadOnlyMemory<byte> Value) offered in hello.KeyShares)
            {
                if (offered.Group == group)
                {
                    Group = group;
                    share = offered.Value;
                    return true;
                }
            }

            if (withoutShare == NamedGroup.None && ClientHello.Lists(hello.Groups, (ushort)group))
            {
                withoutShare = group;
            }
        }

        Group = withoutShare;
        if (withoutShare == NamedGroup.None)
        {
            Fail(AlertDescription.HandshakeFailure, "No group for the key exchange in common.");
            return false;
        }

        return true;
    }

    private bool TryChooseProtocol(ClientHello hello)
    {
        foreach (ReadOnlyMemory<byte> protocol in _options!.ApplicationProtocols)
        {
            TlsReader offered = new(hello.ApplicationProtocols);
            while (offered.TryReadVector8(out ReadOnlyMemory<byte> name))
            {
                if (name.Span.SequenceEqual(protocol.Span))
                {
                    ApplicationProtocol = protocol;
                    return true;
                }
            }
        }

        // RFC 7301, 3.2; RFC 9001, 8.1. A server without protocols of its own ignores the extension.
        if (_options.RequireApplicationProtocol
            || (_options.ApplicationProtocols.Count > 0 && !hello.ApplicationProtocols.IsEmpty))
        {
            Fail(AlertDescription.NoApplicationProtocol, "No application protocol in common.");
            return false;
        }

        return true;
    }

    private bool TryChooseCredential(ClientHello hello)
    {
        if (_pskHash is not null)
        {
            return true;
        }

        foreach (HandshakeCredential credential in _options!.Credentials)
        {
            SignatureScheme scheme = ChooseScheme(credential, hello.SignatureSchemes);
            if (scheme != SignatureScheme.None)
            {
                (_credential, _scheme) = (credential, scheme);
                return true;
            }
        }

        if (_options.Credentials.Count == 0 && hello.PskIdentities.Count > 0)
        {
            // RFC 8446, 6.2.
            Fail(AlertDescription.UnknownPskIdentity, "The client's PSK is not known, and the server has no certificate.");
        }
        else if (hello.SignatureSchemes.IsEmpty)
        {
            // RFC 8446, 4.2.3: certificates need it, though a PSK did not.
            Fail(AlertDescription.MissingExtension, "The client sent no signature_algorithms.");
        }
        else
        {
            Fail(AlertDescription.HandshakeFailure, "The server has no certificate that the client can verify.");
        }

        return false;
    }

    private void SendRetryRequest(ClientHello hello)
    {
        if (_wasRetried)
        {
            // It cannot be: OnSecondClientHello saw the share of the group that was asked for.
            Fail(AlertDescription.InternalError, "A second HelloRetryRequest would be needed.");
            return;
        }

        _wasRetried = true;
        Transcript.SelectHash(CipherSuites.HashOf(Suite));
        Transcript.Add(hello.Message.Span);
        Transcript.ReplaceByMessageHash();
        if (hello.OffersEarlyData)
        {
            Raise(HandshakeEventKind.EarlyDataRejected, EncryptionLevel.EarlyData, default);
        }

        Send(EncryptionLevel.Initial, ServerHello.WriteRetryRequest(hello.SessionId.Span, Suite, Group));
        ForgetPsk();
        _state = State.WaitSecondClientHello;
    }

    private void OnSecondClientHello(ClientHello hello, Timestamp now)
    {
        if (!CheckClientHello(hello) || !CheckUnchanged(_hello!, hello))
        {
            return;
        }

        if (hello.OffersEarlyData)
        {
            // RFC 8446, 4.2.10.
            Fail(AlertDescription.IllegalParameter, "The client offers early data after a HelloRetryRequest.");
            return;
        }

        if (hello.KeyShares.Count != 1 || hello.KeyShares[0].Group != Group)
        {
            // RFC 8446, 4.2.8.
            Fail(AlertDescription.IllegalParameter, "The client did not send the one key share that was asked for.");
            return;
        }

        _hello = hello;
        Negotiate(hello, now);
    }

    /// <summary>What a second ClientHello may not change (RFC 8446, 4.1.2), as far as the server acted on it.</summary>
    private bool CheckUnchanged(ClientHello first, ClientHello second)
    {
        bool same = first.Random.Span.SequenceEqual(second.Random.Span)
            && first.SessionId.Span.SequenceEqual(second.SessionId.Span)
            && first.CipherSuites.Span.SequenceEqual(second.CipherSuites.Span)
            && SameExtension(first, second, ExtensionType.ServerName)
            && SameExtension(first, second, ExtensionType.ApplicationLayerProtocolNegotiation)
            && SameExtension(first, second, ExtensionType.SupportedVersions)
            && SameExtension(first, second, ExtensionType.SupportedGroups)
            && SameExtension(first, second, ExtensionType.SignatureAlgorithms)
            && SameExtension(first, second, ExtensionType.PskKeyExchangeModes)
            && SameExtension(first, second, ExtensionType.QuicTransportParameters);
        if (!same)
        {
            Fail(AlertDescription.IllegalParameter, "The second ClientHello changed what it may not.");
        }

        return same;
    }

    private static bool SameExtension(ClientHello first, ClientHello second, ExtensionType type) =>
        first.Extensions.TryGet(type, out ReadOnlyMemory<byte> before)
            == second.Extensions.TryGet(type, out ReadOnlyMemory<byte> after)
        && before.Span.SequenceEqual(after.Span);
}
