using System.Buffers;
using System.Collections.Concurrent;
using Causeway.Forwarding.Tunnels.Wire;
using Causeway.Protocol;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>
/// The datagrams of all flows of one connection (docs/wire/tunnel.md 5): parts them by flow, cuts those that are too long for a packet
/// into pieces and puts them together again. Thread-safe.
/// </summary>
internal sealed class DatagramMux
{
    /// <summary>Bytes that a caller leaves free before a payload, for the header.</summary>
    public const int Headroom = TunnelDatagram.WholeHeaderLength;

    // Datagrams overtake the stream that says what their flow is: so many wait for it, and for so long.
    private const int MostEarly = 64;
    private static readonly TimeSpan s_earlyTime = TimeSpan.FromSeconds(1);

    // What waits longer than this for its turn to be sent is of no use to anybody.
    private static readonly TimeSpan s_sendDeadline = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly CausewayConnection _connection;
    private readonly TimeProvider _time;
    private readonly TunnelCounters _counters;
    private readonly ConcurrentDictionary<uint, IDatagramSink> _sinks = new();
    private readonly Queue<Early> _early = new();
    private readonly Reassembler _reassembler;
    private readonly long _began;
    private long _incomplete;
    private int _packet;

    public DatagramMux(CausewayConnection connection, TunnelDatagramOptions options, TimeProvider time, TunnelCounters counters)
    {
        _connection = connection;
        _time = time;
        _counters = counters;
        _began = time.GetTimestamp();
        _reassembler = new Reassembler(options.ReassemblyMemory, options.ReassemblyTimeout);
        _ = Task.Run(ReceiveAsync);
    }

    /// <summary>Whether a stream can have a flow: the peer takes datagrams, and the stream's id fits them.</summary>
    public bool CanCarry(CausewayStream stream) =>
        _connection.MaxDatagramLength > TunnelDatagram.PieceHeaderLength && stream.Id <= uint.MaxValue;

    private TimeSpan Now => _time.GetElapsedTime(_began);

    /// <summary>Has the datagrams of a flow go to a sink, also those that came before.</summary>
    public void Register(uint flow, IDatagramSink sink)
    {
        List<Early> early = [];
        lock (_gate)
        {
            _sinks[flow] = sink;
            for (int left = _early.Count; left > 0; left--)
            {
                Early next = _early.Dequeue();
                if (next.Header.Flow == flow)
                {
                    early.Add(next);
                }
                else
                {
                    _early.Enqueue(next);
                }
            }
        }

        foreach (Early datagram in early)
        {
            Deliver(sink, datagram.Header, datagram.Bytes);
        }
    }

    public void Unregister(uint flow) => _sinks.TryRemove(flow, out _);

    /// <summary>Sends a payload. Nothing waits: what cannot go is dropped and counted.</summary>
    /// <param name="flow">The id of the flow's stream.</param>
    /// <param name="buffer">The payload behind <see cref="Headroom"/> bytes; changed here, and the caller's again afterwards.</param>
    public void Send(uint flow, Memory<byte> buffer)
    {
        int length = buffer.Length - Headroom;
        int count = TunnelDatagram.CountPieces(length, _connection.MaxDatagramLength);
        if (count == 0)
        {
            _counters.CountTooLong();
            return;
        }

        bool isSent;
        if (count == 1)
        {
            TunnelDatagram.WriteWhole(buffer.Span, flow);
            isSent = TrySend(buffer);
        }
        else
        {
            isSent = TrySendPieces(flow, buffer[Headroom..], count);
        }

        if (isSent)
        {
            _counters.CountSent();
        }
        else
        {
            _counters.CountDropped();
        }
    }

    private bool TrySendPieces(uint flow, ReadOnlyMemory<byte> payload, int count)
    {
        ushort packet = (ushort)Interlocked.Increment(ref _packet);
        int each = TunnelDatagram.PieceLengthOf(payload.Length, count);
        byte[] piece = ArrayPool<byte>.Shared.Rent(TunnelDatagram.PieceHeaderLength + each);
        try
        {
            for (int i = 0; i < count; i++)
            {
                ReadOnlyMemory<byte> part = payload.Slice(i * each, Math.Min(each, payload.Length - (i * each)));
                TunnelDatagram.WritePiece(piece, flow, packet, i, count, payload.Length);
                part.CopyTo(piece.AsMemory(TunnelDatagram.PieceHeaderLength));
                if (!TrySend(piece.AsMemory(0, TunnelDatagram.PieceHeaderLength + part.Length)))
                {
                    return false;
                }
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private bool TrySend(ReadOnlyMemory<byte> datagram)
    {
        // The path may have become narrower since its length was asked for.
        if (datagram.Length > _connection.MaxDatagramLength || _connection.Closed.IsCompleted)
        {
            return false;
        }

        try
        {
            // It completes at once, with the datagram copied or an error.
            ValueTask sending = _connection.SendDatagramAsync(datagram, s_sendDeadline);
            return sending.IsCompletedSuccessfully || sending.AsTask().Exception is null;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[TransportProfile.MaxMtu];
        try
        {
            while (true)
            {
                int length = await _connection.ReceiveDatagramAsync(buffer).ConfigureAwait(false);
                if (length <= buffer.Length)
                {
                    Take(buffer.AsSpan(0, length));
                }
                else
                {
                    _counters.CountMalformed();
                }
            }
        }
        catch (TransportException)
        {
            // The connection has ended.
        }

        lock (_gate)
        {
            _early.Clear();
            _reassembler.Clear();
        }
    }

    private void Take(ReadOnlySpan<byte> datagram)
    {
        if (!TunnelDatagram.TryParse(datagram, out TunnelDatagram header))
        {
            _counters.CountMalformed();
            return;
        }

        if (!_sinks.TryGetValue(header.Flow, out IDatagramSink? sink) && !TryKeepEarly(header, datagram, out sink))
        {
            return;
        }

        Deliver(sink!, header, datagram[header.HeaderLength..]);
    }

    /// <summary>Keeps a datagram whose flow is not known yet.</summary>
    /// <returns>Whether it became known just now, so that the datagram is to be delivered.</returns>
    private bool TryKeepEarly(in TunnelDatagram header, ReadOnlySpan<byte> datagram, out IDatagramSink? sink)
    {
        lock (_gate)
        {
            if (_sinks.TryGetValue(header.Flow, out sink))
            {
                return true;
            }

            while (_early.TryPeek(out Early oldest) && (_early.Count >= MostEarly || Now - oldest.CameAt >= s_earlyTime))
            {
                _early.Dequeue();
                _counters.CountDropped();
            }

            _early.Enqueue(new Early(header, datagram[header.HeaderLength..].ToArray(), Now));
            return false;
        }
    }

    private void Deliver(IDatagramSink sink, in TunnelDatagram header, ReadOnlySpan<byte> bytes)
    {
        if (header.Count == 1)
        {
            _counters.CountReceived();
            sink.Deliver(bytes);
            return;
        }

        byte[]? whole;
        lock (_gate)
        {
            if (!_reassembler.TryAdd(header, bytes, Now, out whole))
            {
                _counters.CountMalformed();
            }

            _counters.CountIncomplete(_reassembler.Incomplete - _incomplete);
            _incomplete = _reassembler.Incomplete;
        }

        if (whole is not null)
        {
            _counters.CountReceived();
            sink.Deliver(whole.AsSpan(0, header.Total));
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    /// <summary>A datagram that came before its flow.</summary>
    private readonly record struct Early(TunnelDatagram Header, byte[] Bytes, TimeSpan CameAt);
}
