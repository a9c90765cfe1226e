using System.Globalization;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.TestKit;

/// <summary>
/// An <see cref="ArqSession"/> with an application on top that writes a seeded pattern and checks the one it reads, byte by
/// byte, as it arrives.
/// </summary>
public sealed class ArqEndpoint : ISimulatedEndpoint, IDisposable
{
    // A flush that says it was stopped by the sink, and then again with an empty one, would go on for ever.
    private const int MaxFlushesPerTurn = 10_000;

    private readonly ArqEndpointOptions _options;
    private readonly SeededPattern _outgoing;
    private readonly SeededPattern _incoming;
    private readonly SeededRandom _random;
    private readonly byte[] _scratch;
    private readonly EndpointWire _wire;
    private DatagramSink _sink = new();

    /// <summary>Makes an endpoint.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="pool">The session's buffers.</param>
    /// <param name="outgoing">Seed of the bytes it writes.</param>
    /// <param name="incoming">Seed of the bytes it expects.</param>
    public ArqEndpoint(ArqEndpointOptions options, PacketPool pool, ulong outgoing, ulong incoming)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _outgoing = new SeededPattern(outgoing);
        _incoming = new SeededPattern(incoming);
        _random = new SeededRandom(outgoing);
        _scratch = new byte[options.MaxWrite];
        CongestionController congestion = options.Congestion?.Invoke(options.Arq) ?? new FixedController();
        Session = options.CreateSession?.Invoke(options, congestion, pool)
            ?? new ArqSession(options.ConversationId, options.Arq, congestion, pool);
        _wire = new EndpointWire(options, pool, Session);
    }

    /// <summary>The session.</summary>
    public ArqSession Session { get; }

    /// <summary>Bytes to write in all; raise it to send more.</summary>
    public long ToWrite { get; set; }

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes read and found right so far.</summary>
    public long Read { get; private set; }

    /// <summary>Whether the application reads what has arrived. Default true. Wake the host after setting it.</summary>
    public bool IsReading { get; set; } = true;

    /// <summary>The most bytes that one turn reads: a slow reader. Default: no limit.</summary>
    public long MaxReadPerTurn { get; set; } = long.MaxValue;

    /// <summary>Datagrams dropped because their checksum was wrong.</summary>
    public long NotAuthentic { get; private set; }

    /// <summary>Datagrams that the session found malformed.</summary>
    public long Malformed { get; private set; }

    /// <summary>Datagrams rebuilt by forward error correction.</summary>
    public long Recovered { get; private set; }

    /// <summary>Datagrams that the session sent; parity comes on top.</summary>
    public long DatagramsSent => _sink.Count;

    /// <summary>The first byte that the application saw out of place, in words. Null if all is well.</summary>
    public string? Violation { get; private set; }

    /// <inheritdoc/>
    public Timestamp NextDeadline => Session.Failure is null ? Session.NextDeadline : Timestamp.Never;

    /// <inheritdoc/>
    public void Receive(PacketBuffer datagram, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (!_wire.TryOpen(datagram))
        {
            NotAuthentic++;
            return;
        }

        PeerAddress peer = datagram.Peer;
        if (_wire.Decoder is null)
        {
            Input(datagram, peer, recovered: false, now);
            return;
        }

        switch (_wire.Decoder.Add(datagram))
        {
            case FecPacketKind.Data:
                datagram.Advance(FecEncoder.HeaderSize);
                Input(datagram, peer, recovered: false, now);
                break;
            case FecPacketKind.None:
                Malformed++;
                break;
        }

        while (_wire.Decoder.TryTakeRecovered(out PacketBuffer? rebuilt))
        {
            Recovered++;
            Input(rebuilt, peer, recovered: true, now);
            rebuilt.Release();
        }
    }

    /// <inheritdoc/>
    public void Turn(Timestamp now, IDatagramOutput output)
    {
        ReadAndCheck();
        WriteWhatFits();
        _wire.Open(output, now);
        bool more = Session.Failure is null;
        for (int flushes = 0; more; flushes++)
        {
            if (flushes == MaxFlushesPerTurn)
            {
                throw new SimulationException("The session's flush never ends.");
            }

            _sink.Open(_wire, _options.BatchLimit);
            more = Session.Flush(ref _sink, now);
            _sink.Close();
        }
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
        ArqStatistics statistics = Session.Statistics;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"wrote {Written} of {ToWrite}, read {Read}{(IsReading ? "" : " (paused)")}; {Session.Failure?.ToString() ?? "alive"}; "
            + $"queued {Session.SendQueueLength} sent {Session.SendBufferLength} ready {Session.ReceiveQueueLength} "
            + $"early {Session.ReceiveBufferLength}; data segments {statistics.OutDataSegments}, again fast "
            + $"{statistics.FastRetransmits} early {statistics.EarlyRetransmits} timeout {statistics.Timeouts} spurious "
            + $"{statistics.SpuriousRetransmits}; rtt {statistics.SmoothedRtt.TotalMilliseconds:F3} ms rto "
            + $"{statistics.Rto.TotalMilliseconds:F3} ms; malformed {Malformed}, not authentic {NotAuthentic}, rebuilt {Recovered}");
    }

    private void Input(PacketBuffer datagram, PeerAddress peer, bool recovered, Timestamp now)
    {
        ArqInputResult result = Session.Input(datagram, recovered, now);
        if (result == ArqInputResult.Ok)
        {
            _sink.Peer = _options.FollowsPeer ? peer : default;
        }
        else if (result != ArqInputResult.Closed)
        {
            Malformed++;
        }
    }

    private void ReadAndCheck()
    {
        long left = MaxReadPerTurn;
        while (IsReading && left > 0 && Session.TryRead(out PacketSlice slice))
        {
            int wrong = _incoming.FirstDifference(Read, slice.Span);
            if (wrong >= 0)
            {
                Violation ??= $"The byte at {Read + wrong} is not the one that was written there";
            }

            Read += slice.Length;
            left -= slice.Length;
            slice.Release();
        }
    }

    private void WriteWhatFits()
    {
        while (Written < ToWrite && Session.Failure is null)
        {
            long most = Math.Min(Math.Min(ToWrite - Written, Session.WriteCapacity), 1 + _random.Next(_options.MaxWrite));
            if (most <= 0)
            {
                break;
            }

            Span<byte> bytes = _scratch.AsSpan(0, (int)most);
            _outgoing.Fill(Written, bytes);
            Session.Write(bytes);
            Written += bytes.Length;
        }
    }
}
