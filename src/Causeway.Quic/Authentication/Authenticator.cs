using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic;

/// <summary>Makes the handshakes of an endpoint, and answers what they ask by what the user set.</summary>
internal sealed class Authenticator
{
    private readonly TlsClientOptions? _client;
    private readonly CertificateChecker? _serverChecker;
    private readonly ServerAuthentication? _server;
    private readonly Func<ResolvedServerOptions, TlsServerOptions> _complete;
    private readonly HandshakeEnvironment _environment;

    /// <param name="client">A client's settings; null at a server.</param>
    /// <param name="serverChecker">Checks a server's certificate; null where pinned keys or a secret decide.</param>
    /// <param name="server">A server's settings; null at a client.</param>
    /// <param name="complete">Adds what a profile sets besides: tickets, the key log.</param>
    /// <param name="environment">Randomness and wall time.</param>
    public Authenticator(
        TlsClientOptions? client,
        CertificateChecker? serverChecker,
        ServerAuthentication? server,
        Func<ResolvedServerOptions, TlsServerOptions> complete,
        HandshakeEnvironment environment)
    {
        _client = client;
        _serverChecker = serverChecker;
        _server = server;
        _complete = complete;
        _environment = environment;
    }

    public IHandshake NewHandshake(EndpointRole role) =>
        role == EndpointRole.Client ? new Tls13Client(_client!, _environment) : new Tls13Server(_environment);

    /// <summary>Answers a question at once, or says what finds the answer.</summary>
    public SessionQuestion? Ask(QuicSession session, HandshakeEventKind kind, Timestamp now)
    {
        if (kind == HandshakeEventKind.CertificateCheckNeeded)
        {
            CertificateChecker? checker = session.Role == EndpointRole.Client ? _serverChecker : session.ClientChecker;
            if (checker is not null)
            {
                return new CertificateQuestion(session, checker);
            }

            // Nobody was named who could judge: what cannot be checked is refused.
            session.Handshake!.AnswerCertificateCheck(
                new HandshakeFailure((byte)AlertDescription.CertificateUnknown, "Nothing says how to check the peer's certificate."), now);
            return null;
        }

        if (_server!.Fixed is { } same)
        {
            Answer(session, same, now);
            return null;
        }

        return new ServerOptionsQuestion(session, this);
    }

    private void Answer(QuicSession session, ResolvedServerOptions options, Timestamp now)
    {
        session.ClientChecker = options.Checker;
        ((Tls13Server)session.Handshake!).AnswerServerOptions(_complete(options), now);
    }

    private sealed class CertificateQuestion(QuicSession session, CertificateChecker checker) : SessionQuestion
    {
        private readonly IReadOnlyList<ReadOnlyMemory<byte>> _certificates = session.PeerCertificates;
        private HandshakeFailure? _refusal;

        public override ValueTask FindAsync(CancellationToken cancellationToken)
        {
            _refusal = checker.Check(this, _certificates);
            return ValueTask.CompletedTask;
        }

        public override void Give(Exception? error, Timestamp now)
        {
            session.Handshake?.AnswerCertificateCheck(
                error is null ? _refusal : new HandshakeFailure((byte)AlertDescription.InternalError, $"The check of the certificate failed: {error.Message}"),
                now);
            session.OnQuestionAnswered(now);
        }
    }

    private sealed class ServerOptionsQuestion(QuicSession session, Authenticator authenticator) : SessionQuestion
    {
        private readonly QuicClientHello _hello = new(session.ServerName, session.Peer.ToEndPoint());
        private ResolvedServerOptions? _options;

        public override async ValueTask FindAsync(CancellationToken cancellationToken) =>
            _options = await authenticator._server!.ResolveAsync(_hello, cancellationToken).ConfigureAwait(false);

        public override void Give(Exception? error, Timestamp now)
        {
            if (session.Handshake is Tls13Server handshake)
            {
                if (error is null)
                {
                    session.ApplicationState = _hello.ApplicationState;
                    try
                    {
                        authenticator.Answer(session, _options!, now);
                    }
                    catch (ArgumentException invalid)
                    {
                        error = invalid;
                    }
                }

                if (error is not null)
                {
                    handshake.RefuseClientHello(new HandshakeFailure(
                        (byte)AlertDescription.UnrecognizedName, $"No settings were found for the name that the client asked for: {error.Message}"));
                }
            }

            session.OnQuestionAnswered(now);
        }
    }
}
