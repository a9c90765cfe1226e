using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>PSKs that a client brings: tickets and external ones (RFC 8446, 4.2.11), and early data (4.2.10).</content>
internal sealed partial class Tls13Server
{
    // A certificate that a ticket carries must leave room for it in a ClientHello.
    private const int MaxTicketCertificateLength = 8 * 1024;

    // The chosen PSK: its place in the ClientHello, its key, its hash (null for none), and the session if it is a
    // ticket.
    private int _selectedPsk = -1;
    private byte[]? _psk;
    private HashAlgorithmName? _pskHash;
    private ServerSession? _session;
    private ExternalPsk? _external;

    /// <summary>
    /// Takes the first PSK that is known and fits. A PSK that does not is passed over, which is no failure.
    /// </summary>
    private bool TrySelectPsk(ClientHello hello, Timestamp now)
    {
        if (!hello.OffersPskWithDhe)
        {
            return true;
        }

        long unixMilliseconds = Environment.UnixMilliseconds(now);
        int count = Math.Min(hello.PskIdentities.Count, Limits.MaxPskIdentities);
        for (int index = 0; index < count; index++)
        {
            ReadOnlyMemory<byte> identity = hello.PskIdentities[index].Identity;
            if (TryTakeExternal(hello, identity) || TryTakeTicket(hello, identity, unixMilliseconds))
            {
                _selectedPsk = index;
                return true;
            }
        }

        return true;
    }

    private bool TryTakeExternal(ClientHello hello, ReadOnlyMemory<byte> identity)
    {
        foreach (ExternalPsk psk in _options!.ExternalPsks)
        {
            if (psk.Identity.Span.SequenceEqual(identity.Span) && HasSuiteFor(hello, psk.Hash))
            {
                _external = psk;
                _psk = psk.Key.ToArray();
                _pskHash = psk.Hash;
                return true;
            }
        }

        return false;
    }

    private bool TryTakeTicket(ClientHello hello, ReadOnlyMemory<byte> ticket, long unixMilliseconds)
    {
        if (!_options!.AllowResumption || _options.Tickets?.TryOpen(ticket.Span, unixMilliseconds) is not byte[] state)
        {
            return false;
        }

        ServerSession? session = ServerSession.TryDecode(state);
        CryptographicOperations.ZeroMemory(state);
        if (session is null || !session.IsFresh(unixMilliseconds)
            || !HasSuiteFor(hello, CipherSuites.HashOf(session.Suite))
            || !MayResume(session))
        {
            CryptographicOperations.ZeroMemory(session?.Psk);
            return false;
        }

        _session = session;
        _psk = session.Psk;
        _pskHash = CipherSuites.HashOf(session.Suite);
        return true;
    }

    /// <summary>
    /// Whether a session fits the name that the client asks for now, and what options demand of clients.
    /// </summary>
    private bool MayResume(ServerSession session)
    {
        if (!string.Equals(session.ServerName, ServerName ?? "", StringComparison.OrdinalIgnoreCase)
            || !session.Context.Span.SequenceEqual(SessionContext.Span))
        {
            return false;
        }

        // A server of nothing but PSKs resumes nothing but sessions of PSKs that it still has.
        if (!session.PskIdentity.IsEmpty || _options!.Credentials.Count == 0)
        {
            return _options!.ExternalPsks.Any(psk => psk.IsOf(session.PskIdentity, session.PskFingerprint));
        }

        if (_options.ClientCertificates == ClientCertificateMode.None)
        {
            return true;
        }

        if (_options.PinnedFingerprints.Count > 0)
        {
            return PinnedKeys.TryFingerprint(session.PeerCertificate, out byte[] fingerprint)
                && PinnedKeys.Contains(_options.PinnedFingerprints, fingerprint);
        }

        return _options.ClientCertificates != ClientCertificateMode.Require || !session.PeerCertificate.IsEmpty;
    }

    private bool HasSuiteFor(ClientHello hello, HashAlgorithmName hash) =>
        _wasRetried
            ? CipherSuites.HashOf(Suite) == hash
            : _options!.CipherSuites.Any(suite => CipherSuites.HashOf(suite) == hash && IsMutual(hello, suite));

    /// <summary>Checks the binder of the chosen PSK only (RFC 8446, 4.2.11), before anything depends on it.</summary>
    private bool TryCheckBinder(ClientHello hello)
    {
        HashAlgorithmName hash = CipherSuites.HashOf(Suite);
        Schedule = new KeySchedule(hash, _psk);
        if (_psk is null)
        {
            return true;
        }

        Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
        Span<byte> expected = stackalloc byte[CipherSuites.MaxHashLength];
        int length = Transcript.CurrentWith(hash, hello.Message.Span[..hello.TruncatedLength], buffer);
        Schedule.Binder(_session is null, buffer[..length], expected[..length]);
        if (!CryptographicOperations.FixedTimeEquals(expected[..length], hello.PskBinders[_selectedPsk].Span))
        {
            Fail(AlertDescription.DecryptError, "The binder of the client's PSK is wrong.");
            return false;
        }

        IsResumed = _session is not null;
        PskIdentity = _session?.PskIdentity ?? hello.PskIdentities[_selectedPsk].Identity.ToArray();
        PskFingerprint = _session?.PskFingerprint ?? _external!.Fingerprint();
        if (_session is not null && !_session.PeerCertificate.IsEmpty)
        {
            PeerCertificates = [_session.PeerCertificate];
        }

        return true;
    }

    /// <summary>
    /// Whether early data is taken (RFC 8446, 4.2.10, 8; RFC 9001, 4.6.1). The register comes last, since it marks.
    /// </summary>
    private bool DecideEarlyData(ClientHello hello, Timestamp now)
    {
        if (!hello.OffersEarlyData || _wasRetried || _selectedPsk != 0 || _session is null
            || _options!.EarlyData is null
            || _session.EarlyDataContextHash.IsEmpty
            || Suite != _session.Suite
            || !ApplicationProtocol.Span.SequenceEqual(_session.ApplicationProtocol.Span)
            || !CryptographicOperations.FixedTimeEquals(EarlyDataContextHash(), _session.EarlyDataContextHash.Span))
        {
            return false;
        }

        uint statedAge = unchecked(hello.PskIdentities[0].ObfuscatedAge - _session.AgeAdd);
        return _options.EarlyData.TryTake(
            hello.PskBinders[0].Span, _session.IssuedMilliseconds, statedAge, Environment.UnixMilliseconds(now));
    }

    private byte[] EarlyDataContextHash() => SHA256.HashData(_options!.EarlyDataContext.Span);

    private void SendTickets(Timestamp now)
    {
        bool hasRoom = PeerCertificates.Count == 0 || PeerCertificates[0].Length <= MaxTicketCertificateLength;
        if (_options!.Tickets is null || !_options.AllowResumption || !_hello!.OffersPskWithDhe || !hasRoom)
        {
            return;
        }

        Span<byte> ageAdd = stackalloc byte[sizeof(uint)];
        for (int index = 0; index < _options.TicketCount; index++)
        {
            Environment.Random(ageAdd);
            Raise(
                HandshakeEventKind.Output,
                EncryptionLevel.Application,
                WriteTicket((byte)index, BitConverter.ToUInt32(ageAdd), Environment.UnixMilliseconds(now)));
        }
    }

    private byte[] WriteTicket(byte nonce, uint ageAdd, long unixMilliseconds)
    {
        byte[] psk = ResumptionPsk([nonce]);
        ServerSession session = new()
        {
            Suite = Suite,
            Psk = psk,
            IssuedMilliseconds = unixMilliseconds,
            AuthenticatedMilliseconds = _session?.AuthenticatedMilliseconds ?? unixMilliseconds,
            LifetimeSeconds = (uint)_options!.TicketLifetime.TotalSeconds,
            AgeAdd = ageAdd,
            ApplicationProtocol = ApplicationProtocol,
            ServerName = ServerName ?? "",
            Context = SessionContext,
            PeerCertificate = PeerCertificates.Count > 0 ? PeerCertificates[0] : default,
            PskIdentity = PskIdentity,
            PskFingerprint = PskFingerprint,
            EarlyDataContextHash = _options.EarlyData is null ? default : EarlyDataContextHash(),
        };
        byte[] state = session.Encode();
        byte[] ticket = _options.Tickets!.Seal(state, unixMilliseconds, Environment.Random);
        CryptographicOperations.ZeroMemory(state);
        CryptographicOperations.ZeroMemory(psk);

        TlsWriter writer = new(128 + ticket.Length);
        int message = writer.BeginMessage(HandshakeType.NewSessionTicket);
        writer.WriteUInt32(session.LifetimeSeconds);
        writer.WriteUInt32(ageAdd);
        writer.WriteVector(1, [nonce]);
        writer.WriteVector(2, ticket);
        int extensions = writer.BeginVector(2);
        if (_options.EarlyData is not null)
        {
            // RFC 9001, 4.6.1: over QUIC the size is always this.
            int extension = writer.BeginExtension(ExtensionType.EarlyData);
            writer.WriteUInt32(uint.MaxValue);
            writer.EndVector(extension, 2);
        }

        if (_options.Grease)
        {
            // RFC 8701, 4.1: an unknown extension, which clients ignore.
            writer.WriteUInt16(GreaseValues.FromSeed((byte)ageAdd));
            writer.WriteUInt16(0);
        }

        writer.EndVector(extensions, 2);
        writer.EndVector(message, 3);
        return writer.ToArray();
    }

    private void ForgetPsk()
    {
        CryptographicOperations.ZeroMemory(_psk);
        _psk = null;
        _pskHash = null;
        _selectedPsk = -1;
        _session = null;
        _external = null;
    }
}
