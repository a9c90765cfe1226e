using System.Diagnostics;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Streams;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// A QUIC client and server back to back in memory, without a network between them: what their work costs, and what it leaves
/// to the garbage collector. The client sends, the server reads.
/// </summary>
internal sealed class QuicLoop : IDisposable
{
    // What one turn delivers: a batch of one system call.
    private const int Turn = 32;

    private readonly Queue<PacketBuffer> _wire = new();
    private readonly PacketBatch _clientBatch = new(Turn);
    private readonly PacketBatch _serverBatch = new(Turn);
    private readonly QuicEndpoint _clientEndpoint;
    private readonly QuicEndpoint _serverEndpoint;
    private readonly List<TransportStream> _readable = [];
    private Timestamp _now = new(1_000_000);

    /// <param name="window">Bytes that may be in flight.</param>
    /// <param name="datagramSize">Bytes of the largest datagram.</param>
    /// <param name="fec">Forward error correction; the default if null.</param>
    public QuicLoop(long window, int datagramSize = 1350, QuicFecOptions? fec = null)
    {
        _clientEndpoint = New(EndpointRole.Client, window, datagramSize, fec);
        _serverEndpoint = New(EndpointRole.Server, window, datagramSize, fec);
        Client = _clientEndpoint.Connect(1, _now);
        while (Server is not { IsConfirmed: true } || !Client.IsConfirmed || Client.DatagramSize < datagramSize)
        {
            Step(int.MaxValue);
        }
    }

    public PacketPool Pool { get; } = new(maxIdleBytes: 1 << 30);

    public QuicSession Client { get; }

    public QuicSession Server { get; private set; } = null!;

    /// <summary>Bytes that were read.</summary>
    public long Read { get; private set; }

    /// <summary>Packets that the client sent.</summary>
    public long Packets { get; private set; }

    /// <summary>Ticks of the stopwatch that the client's work took, and the server's.</summary>
    public long ClientTicks { get; private set; }

    public long ServerTicks { get; private set; }

    /// <summary>Opens streams that always have something to send.</summary>
    public void Open(int streams)
    {
        for (int i = 0; i < streams; i++)
        {
            QuicStream stream = Client.Streams.TryOpen(_now)!;
            stream.Source = new EndlessSource();
            stream.NotifyWritable();
        }
    }

    /// <summary>Runs until so many more packets were sent.</summary>
    /// <param name="packets">How many.</param>
    /// <param name="inFlight">Datagrams that wait between the two all the time.</param>
    public void Run(long packets, int inFlight = 0)
    {
        long end = Packets + packets;
        while (Packets < end)
        {
            Step(inFlight);
        }
    }

    /// <summary>Delivers what is under way and lets both ends come to rest.</summary>
    public void Rest()
    {
        for (int i = 0; i < 100; i++)
        {
            Step(0);
        }
    }

    public void Dispose()
    {
        while (_wire.TryDequeue(out PacketBuffer? datagram))
        {
            datagram.Release();
        }

        Client.Dispose();
        Server.Dispose();
        _clientBatch.Trim();
        _serverBatch.Trim();
    }

    private void Step(int inFlight)
    {
        _now = _now.AddMicroseconds(100);
        long start = Stopwatch.GetTimestamp();
        Answer(Client);
        Client.Deliver(_now);
        bool more = true;
        while (more && _wire.Count < (inFlight == int.MaxValue ? Turn : inFlight + Turn))
        {
            more = Client.Flush(_clientBatch, default, _now);
            foreach (PacketBuffer datagram in _clientBatch.Span)
            {
                datagram.Retain();
                _wire.Enqueue(datagram);
                Packets++;
            }

            _clientBatch.ReleaseAll();
        }

        long middle = Stopwatch.GetTimestamp();
        ClientTicks += middle - start;
        int keep = inFlight == int.MaxValue ? 0 : inFlight;
        for (int i = 0; i < Turn && _wire.Count > (more ? keep : 0); i++)
        {
            Deliver(_wire.Dequeue());
        }

        if (Server is null)
        {
            return;
        }

        Answer(Server);
        Server.Deliver(_now);
        ReadAll();
        Server.Flush(_serverBatch, default, _now);
        long last = Stopwatch.GetTimestamp();
        ServerTicks += last - middle;
        foreach (PacketBuffer datagram in _serverBatch.Span)
        {
            Client.Input(datagram, _now);
        }

        _serverBatch.ReleaseAll();
        ClientTicks += Stopwatch.GetTimestamp() - last;
    }

    private void Deliver(PacketBuffer datagram)
    {
        if (Server is { IsConfirmed: true })
        {
            Server.Input(datagram, _now);
        }
        else
        {
            Routing routing = _serverEndpoint.Route(datagram);
            if (routing.Kind == RoutingKind.Opening)
            {
                Server = _serverEndpoint.Accept(datagram.Peer, routing.RoutingId, _now);
            }

            Server.Input(datagram, _now);
        }

        datagram.Release();
    }

    private void ReadAll()
    {
        while (Server.Streams.TryReadEvent(out StreamEvent e))
        {
            if (e.Kind == StreamEventKind.Readable)
            {
                _readable.Add(e.Stream!);
            }
        }

        foreach (TransportStream stream in _readable)
        {
            int read = 0;
            while (stream.TryRead(out PacketSlice slice))
            {
                read += slice.Length;
                slice.Release();
            }

            stream.Consumed(read);
            Read += read;
        }

        _readable.Clear();
    }

    private void Answer(QuicSession session)
    {
        while (session.Question is { } question)
        {
            if (question == HandshakeEventKind.ServerOptionsNeeded)
            {
                ((Tls13Server)session.Handshake!).AnswerServerOptions(PeerCredentials.Server, _now);
            }
            else
            {
                session.Handshake!.AnswerCertificateCheck(null, _now);
            }

            session.OnQuestionAnswered(_now);
        }
    }

    private QuicEndpoint New(EndpointRole role, long window, int datagramSize, QuicFecOptions? fec)
    {
        Random random = new(7);
        HandshakeEnvironment environment = new(random.NextBytes, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return new QuicEndpoint(role, new QuicSettings
        {
            Handshake = _ => role == EndpointRole.Client ? new Tls13Client(PeerCredentials.Client, environment) : new Tls13Server(environment),
            Random = random.NextBytes,
            Link = new SessionLink(datagramSize, 0, 0, Pool),
            CongestionControl = _ => new ConstantController(window),
            MemoryBudget = 256 << 20,
            Fec = fec ?? new QuicFecOptions(),
        });
    }

    private sealed class ConstantController(long window) : CongestionController
    {
        public override long Window => window;
    }

    private sealed class EndlessSource : IStreamSource
    {
        private static readonly byte[] s_bytes = new byte[64 << 10];

        public ReadOnlySpan<byte> Peek() => s_bytes;

        public void Advance(int count)
        {
        }
    }
}
