using System.Globalization;
using System.Text;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.TestKit;

/// <summary>
/// A <see cref="KcpSession"/> in a simulated network, with a <see cref="SessionStream"/> on each of its streams.
/// </summary>
public sealed class SessionEndpoint : ISimulatedEndpoint, IDisposable
{
    private const int ChecksumSize = sizeof(ulong);

    // A flush that says it was stopped by the batch, and then again with an empty one, would go on for ever.
    private const int MaxFlushesPerTurn = 10_000;

    private readonly SessionEndpointOptions _options;
    private readonly ulong _seed;
    private readonly EndpointWire _wire;
    private readonly PacketBatch _batch;
    private readonly Dictionary<long, SessionStream> _streams = [];
    private PeerAddress _peer;
    private Timestamp _now;

    /// <summary>Makes an endpoint.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="role">Its role; a server sends to where the last good datagram came from.</param>
    /// <param name="pool">The session's buffers.</param>
    /// <param name="seed">Seed of the content of all streams, the same at both ends.</param>
    /// <param name="now">The time that its clock shows.</param>
    public SessionEndpoint(SessionEndpointOptions options, EndpointRole role, PacketPool pool, ulong seed, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _seed = seed;
        _now = now;
        _wire = new EndpointWire(new ArqEndpointOptions { Checksum = options.Checksum }, pool);
        _batch = new PacketBatch(options.BatchLimit);
        int tailroom = options.Checksum ? ChecksumSize : 0;
        options.Profile.Validate();
        Session = new KcpSession(
            options.ConversationId, role, options.Profile, options.Profile.Mtu - tailroom, 0, tailroom, pool, now);
    }

    /// <summary>The session.</summary>
    public KcpSession Session { get; }

    /// <summary>Every stream that there ever was, by its id.</summary>
    public IReadOnlyDictionary<long, SessionStream> Streams => _streams;

    /// <summary>Called with each stream that the peer opened.</summary>
    public Action<SessionStream>? OnAccepted { get; set; }

    /// <summary>Datagrams dropped because their checksum was wrong.</summary>
    public long NotAuthentic { get; private set; }

    /// <summary>The first thing that the application must not have seen, in words. Null if all is well.</summary>
    public string? Violation { get; private set; }

    /// <inheritdoc/>
    public Timestamp NextDeadline => Session.Failure is null ? Session.NextDeadline : Timestamp.Never;

    /// <summary>Opens a stream. Wake the host afterwards.</summary>
    /// <exception cref="SimulationException">The session refuses.</exception>
    public SessionStream Open() => Session.Streams.TryOpen(_now) is { } stream
        ? Add(stream)
        : throw new SimulationException($"The session opened no stream: {Session.Streams.OpenRefusal}.");

    /// <inheritdoc/>
    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        _now = now;
        if (!_wire.TryOpen(datagram))
        {
            NotAuthentic++;
        }
        else if (Session.Failure is null)
        {
            _peer = Session.Streams.Role == EndpointRole.Server ? datagram.Peer : default;
            Session.Input(datagram, now);
        }
    }

    /// <inheritdoc/>
    public void Turn(Timestamp now, IDatagramOutput output)
    {
        _now = now;
        if (Session.Failure is not null)
        {
            return;
        }

        bool read;
        do
        {
            Session.Deliver(now);
            ReadEvents();
            read = ReadStreams();
        }
        while (read && Session.Failure is null);
        Flush(output);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Session.Dispose();
        _wire.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{Session.Failure?.ToString() ?? "alive"}; queued {Session.Arq.SendQueueLength} sent {Session.Arq.SendBufferLength} "
            + $"ready {Session.Arq.ReceiveQueueLength} early {Session.Arq.ReceiveBufferLength}; "
            + $"{Session.Streams.StreamCount} streams live, pending {Session.Streams.HasPendingOutput}, receives {Session.Streams.CanReceive}, "
            + $"errors {Session.Statistics.KcpInErrors}, not authentic {NotAuthentic}, rebuilt {Session.Fec.Statistics.Recovered}");
        foreach (SessionStream stream in _streams.Values.Take(40))
        {
            text.AppendLine().Append("  ").Append(stream);
        }

        return text.ToString();
    }

    private SessionStream Add(TransportStream stream)
    {
        bool isClient = Session.Streams.Role == EndpointRole.Client;
        ulong up = SeededRandom.Derive(_seed, 2UL * (ulong)stream.Id);
        ulong down = SeededRandom.Derive(_seed, (2UL * (ulong)stream.Id) + 1);
        SessionStream added = new(stream, isClient ? up : down, isClient ? down : up, _options.Profile.StreamCipher?.Invoke());
        if (!_streams.TryAdd(stream.Id, added))
        {
            Violation ??= $"Stream {stream.Id} came twice";
        }

        return added;
    }

    private void ReadEvents()
    {
        while (Session.Streams.TryReadEvent(out StreamEvent e))
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
            else if (e.Kind != StreamEventKind.HalfCloseKnown)
            {
                Violation ??= $"{e.Kind} came before the stream itself";
            }
        }
    }

    private bool ReadStreams()
    {
        bool any = false;
        foreach (SessionStream stream in _streams.Values)
        {
            any |= stream.ReadAndCheck();
            Violation ??= stream.Violation;
        }

        return any;
    }

    private void Flush(IDatagramOutput output)
    {
        _wire.Open(output, _now);
        bool more = true;
        for (int flushes = 0; more; flushes++)
        {
            if (flushes == MaxFlushesPerTurn)
            {
                throw new SimulationException("The session's flush never ends.");
            }

            more = Session.Flush(_batch, new DatagramPath(_peer), _now);
            foreach (PacketBuffer datagram in _batch.Span)
            {
                datagram.Retain();
                _wire.Send(datagram);
            }

            _batch.ReleaseAll();
        }
    }
}
