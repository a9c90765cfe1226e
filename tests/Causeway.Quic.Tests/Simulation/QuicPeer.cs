using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Tests.Handshake;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>One end of a QUIC connection in a simulated network, with a <see cref="SessionStream"/> on each stream.</summary>
internal sealed class QuicPeer : ISimulatedEndpoint, IDisposable
{
    private const int MostFlushes = 10_000;

    private readonly PacketBatch _batch = new(32);
    private readonly Dictionary<long, SessionStream> _streams = [];
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
        }
    }

    public QuicSettings Settings { get; }

    public QuicEndpoint Endpoint { get; }

    /// <summary>The session; at a server the newest one, and null before the first datagram.</summary>
    public QuicSession? Session { get; private set; }

    public IReadOnlyDictionary<long, SessionStream> Streams => _streams;

    public Action<SessionStream>? OnAccepted { get; set; }

    /// <summary>Sees each datagram before the endpoint does; false drops it.</summary>
    public Func<PacketBuffer, bool>? Filter { get; set; }

    public string? Violation { get; private set; }

    public TransportFailure? Failure => Session?.Failure;

    public Timestamp NextDeadline => Session?.NextDeadline ?? Timestamp.Never;

    public SessionStream Open() => Add(Session!.Streams.TryOpen(_now) ?? throw new SimulationException("no stream to open"));

    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        _now = now;
        if (Filter?.Invoke(datagram) == false)
        {
            return;
        }

        Routing routing = Endpoint.Route(datagram);
        if (routing.Kind == RoutingKind.Opening)
        {
            Session = Endpoint.Accept(datagram.Peer, routing.RoutingId, now);
            Session.Input(datagram, now);
        }
        else if (routing.Session is QuicSession session)
        {
            session.Input(datagram, now);
        }
    }

    public void Turn(Timestamp now, IDatagramOutput output)
    {
        _now = now;
        while (Endpoint.TryTakeAnswer(out PacketBuffer? answer))
        {
            output.Send(answer!);
        }

        if (Session is null)
        {
            return;
        }

        Answer(now);
        bool read;
        do
        {
            Session.Deliver(now);
            ReadEvents();
            read = false;
            foreach (SessionStream stream in _streams.Values)
            {
                read |= stream.ReadAndCheck();
                Violation ??= stream.Violation;
            }
        }
        while (read);
        Flush(output);
    }

    public void Dispose() => Session?.Dispose();

    public override string ToString() => Session is null
        ? "no session"
        : $"{Session.Failure?.ToString() ?? "alive"}; established {Session.IsEstablished}, confirmed {Session.IsConfirmed}, "
            + $"in flight {Session.Recovery.BytesInFlight} of {Session.Recovery.CongestionWindow}, lost {Session.Recovery.PacketsLost}, "
            + $"PTO {Session.Recovery.ProbeTimeouts}, rtt {Session.Recovery.Rtt.Smoothed}, unopened {Session.Statistics.PacketsUnopened}, "
            + string.Join("; ", _streams.Values.Take(20));

    private void Answer(Timestamp now)
    {
        while (Session!.Question is { } question)
        {
            if (question == HandshakeEventKind.ServerOptionsNeeded)
            {
                ((Tls13Server)Session.Handshake!).AnswerServerOptions(_serverOptions!, now);
            }
            else
            {
                Session.Handshake!.AnswerCertificateCheck(null, now);
            }

            Session.OnQuestionAnswered(now);
        }
    }

    private void ReadEvents()
    {
        while (Session!.Streams.TryReadEvent(out StreamEvent e))
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

    private void Flush(IDatagramOutput output)
    {
        bool more = true;
        for (int flushes = 0; more; flushes++)
        {
            if (flushes == MostFlushes)
            {
                throw new SimulationException("The session's flush never ends.");
            }

            more = Session!.Flush(_batch, default, _now);
            foreach (PacketBuffer datagram in _batch.Span)
            {
                datagram.Retain();
                output.Send(datagram);
            }

            _batch.ReleaseAll();
        }
    }
}

/// <summary>Settings of a <see cref="QuicPeer"/>.</summary>
internal sealed record QuicPeerOptions
{
    public TlsClientOptions Client { get; init; } = HandshakePair.ClientOptions();

    public TlsServerOptions Server { get; init; } = HandshakePair.ServerOptions();

    public int DatagramSize { get; init; } = 1350;

    public Func<QuicSettings, QuicSettings> Configure { get; init; } = static settings => settings;
}
