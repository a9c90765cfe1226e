using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Streams;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>One end of a QUIC connection in a simulated network, with a <see cref="SessionStream"/> on each stream.</summary>
internal sealed class QuicPeer : ISimulatedEndpoint, IDisposable
{
    private const int MostFlushes = 10_000;

    private readonly PacketBatch _batch = new(32);
    private readonly Dictionary<long, SessionStream> _streams = [];
    private readonly List<QuicSession> _sessions = [];
    private readonly Queue<PacketBuffer> _answers = new();
    private readonly ulong _seed;
    private readonly TlsServerOptions? _serverOptions;
    private Timestamp _now;

    public QuicPeer(EndpointRole role, QuicPeerOptions options, PacketPool pool, ulong seed, Timestamp now)
    {
        _seed = seed;
        _now = now;
        _serverOptions = options.Server;
        Random random = new((int)SeededRandom.Derive(seed, role == EndpointRole.Client ? 11UL : 12UL));
        HandshakeEnvironment environment = new(random.NextBytes, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Settings = options.Configure(new QuicSettings
        {
            Handshake = _ => role == EndpointRole.Client ? new Tls13Client(options.Client, environment) : new Tls13Server(environment),
            Random = random.NextBytes,
            Link = new SessionLink(options.DatagramSize, 0, 0, pool),
        });
        Endpoint = new QuicEndpoint(role, Settings);
        if (role == EndpointRole.Client)
        {
            Session = Endpoint.Connect(1, now);
            _sessions.Add(Session);
        }
    }

    public QuicSettings Settings { get; }

    public QuicEndpoint Endpoint { get; }

    /// <summary>The session; at a server the newest one that was accepted while none was established.</summary>
    public QuicSession? Session { get; private set; }

    /// <summary>All sessions that are not over; at a server there may be many.</summary>
    public IReadOnlyList<QuicSession> Sessions => _sessions;

    public IReadOnlyDictionary<long, SessionStream> Streams => _streams;

    /// <summary>Whether streams that a client opens may be sent as early data.</summary>
    public bool IsReplaySafe { get; set; }

    public Action<SessionStream>? OnAccepted { get; set; }

    /// <summary>Sees each datagram before the endpoint does; false drops it.</summary>
    public Func<PacketBuffer, bool>? Filter { get; set; }

    /// <summary>Sees each datagram that leaves; true if it took it over.</summary>
    public Func<PacketBuffer, bool>? Sending { get; set; }

    /// <summary>Takes the datagrams of another endpoint of the same listener.</summary>
    public Action<int, PacketBuffer>? HandOver { get; set; }

    public string? Violation { get; private set; }

    public TransportFailure? Failure => Session?.Failure;

    public Timestamp NextDeadline
    {
        get
        {
            Timestamp due = Timestamp.Never;
            foreach (QuicSession session in _sessions)
            {
                due = Timestamp.Min(due, session.NextDeadline);
            }

            return due;
        }
    }

    public SessionStream Open()
    {
        QuicStream stream = Session!.Streams.TryOpen(_now) ?? throw new SimulationException("no stream to open");
        stream.IsReplaySafe = IsReplaySafe;
        return Add(stream);
    }

    public void Forget(long id) => _streams.Remove(id);

    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        _now = now;
        if (Filter?.Invoke(datagram) == false)
        {
            return;
        }

        Endpoint.Now = now;
        Routing routing = Endpoint.Route(datagram);
        Collect();
        if (routing.Kind == RoutingKind.Opening)
        {
            Accept(datagram, routing.RoutingId, now);
        }
        else if (routing.Kind == RoutingKind.OtherEndpoint)
        {
            HandOver!(routing.Endpoint, datagram);
        }
        else if (routing.Session is QuicSession session)
        {
            session.Input(datagram, now);
        }
    }

    public void Turn(Timestamp now, IDatagramOutput output)
    {
        _now = now;
        while (_answers.TryDequeue(out PacketBuffer? answer))
        {
            output.Send(answer);
        }

        for (int i = _sessions.Count - 1; i >= 0; i--)
        {
            QuicSession session = _sessions[i];
            Answer(session, now);
            Deliver(session, now);
            Flush(session, output);
            if (!ReferenceEquals(session, Session) && (session.Failure is not null || session.IsDrained))
            {
                Forget(session);
            }
        }
    }

    public void Dispose()
    {
        while (_answers.TryDequeue(out PacketBuffer? answer))
        {
            answer.Release();
        }

        foreach (QuicSession session in _sessions)
        {
            session.Dispose();
        }

        Session?.Dispose();
        Endpoint.Dispose();
    }

    public override string ToString() => Session is null
        ? "no session"
        : $"{Session.Failure?.ToString() ?? "alive"}; established {Session.IsEstablished}, confirmed {Session.IsConfirmed}, "
            + $"in flight {Session.Recovery.BytesInFlight} of {Session.Recovery.CongestionWindow}, lost {Session.Recovery.PacketsLost}, "
            + $"PTO {Session.Recovery.ProbeTimeouts}, rtt {Session.Recovery.Rtt.Smoothed}, unopened {Session.Statistics.PacketsUnopened}, "
            + string.Join("; ", _streams.Values.Take(20));

    private void Accept(PacketBuffer datagram, uint routingId, Timestamp now)
    {
        QuicSession session = Endpoint.Accept(datagram.Peer, routingId, now);
        _sessions.Add(session);
        session.Input(datagram, now);
        if (session.Failure is not null && !session.IsClosing)
        {
            Forget(session);
        }
        else if (Session is not { IsEstablished: true, Failure: null, IsClosing: false })
        {
            Session = session;
        }
    }

    private void Forget(QuicSession session)
    {
        Endpoint.Remove(session);
        session.Dispose();
        _sessions.Remove(session);
    }

    // An endpoint keeps one answer, which the driver takes at once.
    private void Collect()
    {
        while (Endpoint.TryTakeAnswer(out PacketBuffer? answer))
        {
            _answers.Enqueue(answer);
        }
    }

    /// <summary>Whether the peer's certificate is left unjudged, so that the handshake does not go on.</summary>
    public bool HoldsCertificateCheck { get; set; }

    private void Answer(QuicSession session, Timestamp now)
    {
        while (session.Question is { } question)
        {
            if (question == HandshakeEventKind.ServerOptionsNeeded)
            {
                ((Tls13Server)session.Handshake!).AnswerServerOptions(_serverOptions!, now);
            }
            else if (HoldsCertificateCheck)
            {
                return;
            }
            else
            {
                session.Handshake!.AnswerCertificateCheck(null, now);
            }

            session.OnQuestionAnswered(now);
        }
    }

    private void Deliver(QuicSession session, Timestamp now)
    {
        bool read;
        do
        {
            session.Deliver(now);
            ReadEvents(session);
            read = false;
            foreach (SessionStream stream in _streams.Values)
            {
                read |= ReferenceEquals(session, Session) && stream.ReadAndCheck();
                Violation ??= stream.Violation;
            }
        }
        while (read);
    }

    private void ReadEvents(QuicSession session)
    {
        while (session.Streams.TryReadEvent(out StreamEvent e))
        {
            if (e.Kind == StreamEventKind.Accepted)
            {
                OnAccepted?.Invoke(Add(e.Stream!));
            }
            else if (e.Stream is { Tag: SessionStream stream })
            {
                stream.OnEvent(e.Kind);
                Violation ??= stream.Violation;
            }
        }
    }

    private SessionStream Add(TransportStream stream)
    {
        bool isClient = Endpoint.Role == EndpointRole.Client;
        ulong up = SeededRandom.Derive(_seed, 2UL * (ulong)stream.Id);
        ulong down = SeededRandom.Derive(_seed, (2UL * (ulong)stream.Id) + 1);
        SessionStream added = new(stream, isClient ? up : down, isClient ? down : up, null);
        if (!_streams.TryAdd(stream.Id, added))
        {
            Violation ??= $"Stream {stream.Id} came twice";
        }

        return added;
    }

    private void Flush(QuicSession session, IDatagramOutput output)
    {
        bool more = true;
        for (int flushes = 0; more; flushes++)
        {
            if (flushes == MostFlushes)
            {
                throw new SimulationException("The session's flush never ends.");
            }

            more = session.Flush(_batch, default, _now);
            foreach (PacketBuffer datagram in _batch.Span)
            {
                datagram.Retain();
                if (Sending?.Invoke(datagram) != true)
                {
                    output.Send(datagram);
                }
            }

            _batch.ReleaseAll();
        }
    }
}

/// <summary>Settings of a <see cref="QuicPeer"/>.</summary>
internal sealed record QuicPeerOptions
{
    public TlsClientOptions Client { get; init; } = PeerCredentials.Client;

    public TlsServerOptions Server { get; init; } = PeerCredentials.Server;

    public int DatagramSize { get; init; } = 1350;

    public Func<QuicSettings, QuicSettings> Configure { get; init; } = static settings => settings;
}
