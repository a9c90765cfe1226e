using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;

namespace Causeway.Kcp;

/// <summary>
/// One session of the KCP engine: FEC, ARQ, codec and mux put together, without I/O.
/// </summary>
public sealed partial class KcpSession : TransportSession, ISmuxOutput
{
    private readonly PacketPool _pool;
    private readonly FecCodec _fec;
    private readonly ArqSession _arq;
    private readonly PipeCodec? _codec;
    private readonly SmuxSession _mux;
    // A pause this long is long enough to give back what only a transfer needs: everything is repaired, and most memory comes
    // back at the turn of a keep-alive.
    private const long QuietMicroseconds = 5_000_000;

    private TransportFailure? _failure;
    private readonly RateLimiter? _rateLimiter;
    private readonly int _linkHeadroom;
    private readonly int _linkOverhead;
    private readonly int _maxArqDatagram;
    private Timestamp _rateLimitedUntil = Timestamp.Never;
    private Timestamp _rateLimitedAt;
    private Timestamp _arrivedAt;
    private bool _isTrimmed = true;
    private bool _isPeerAnnounced;
    private bool _disposed;

    /// <summary>Makes a session.</summary>
    /// <param name="conversationId">The client's choice, which the server adopts (docs/wire/kcptun.md 5.12).</param>
    /// <param name="role">Which side opens odd stream ids.</param>
    /// <param name="profile">Valid settings.</param>
    /// <param name="maxDatagramSize">The largest payload that the link below takes, in bytes.</param>
    /// <param name="linkHeadroom">Bytes that the link below adds in front of a payload.</param>
    /// <param name="linkTailroom">Bytes that the link below adds behind a payload.</param>
    /// <param name="pool">Where datagrams are rented.</param>
    /// <param name="now">The time: keep-alives count from here.</param>
    public KcpSession(
        uint conversationId,
        EndpointRole role,
        KcpProfile profile,
        int maxDatagramSize,
        int linkHeadroom,
        int linkTailroom,
        PacketPool pool,
        Timestamp now)
        : base(role)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ConversationId = conversationId;
        Statistics = new KcpStatistics(this);
        _pool = pool;
        _memoryBudget = profile.MemoryBudget;
        _linkHeadroom = linkHeadroom;
        _linkOverhead = linkHeadroom + linkTailroom;
        _fec = new FecCodec(profile.Fec, pool);
        _maxArqDatagram = maxDatagramSize - _fec.Overhead;
        ArqOptions arq = profile.Arq with
        {
            MaxDatagramSize = _maxArqDatagram,
            MemoryBudget = profile.MemoryBudget,
        };
        _arq = new ArqSession(conversationId, arq, profile.CongestionControl(arq.SegmentSize), pool);
        if (profile.Fec is { IsEnabled: true, IsAdaptive: true } fec)
        {
            _arq.Path.Announcement = new PathAnnouncement((byte)fec.DataShards, (byte)fec.ParityShards);
        }

        _codec = profile.PipeCodec?.Invoke(pool);
        _rateLimiter = profile.RateLimit > 0 ? new RateLimiter(profile.RateLimit) : null;
        _mux = new SmuxSession(role, profile.Mux with { MemoryBudget = profile.MemoryBudget }, pool, now);
    }

    /// <summary>The number that the client chose for the conversation (docs/wire/kcptun.md 5.12).</summary>
    public uint ConversationId { get; }

    /// <inheritdoc/>
    public override uint RoutingId => ConversationId;

    /// <inheritdoc/>
    public override SmuxSession Streams => _mux;

    /// <summary>The reliable layer, for its state and statistics.</summary>
    public ArqSession Arq => _arq;

    /// <summary>Forward error correction, for its statistics.</summary>
    public FecCodec Fec => _fec;

    /// <inheritdoc/>
    public override KcpStatistics Statistics { get; }

    /// <inheritdoc/>
    public override TransportFailure? Failure => _failure;

    /// <inheritdoc/>
    public override bool IsIdle => _arq.IsIdle && !_mux.HasPendingOutput;

    /// <inheritdoc/>
    public override Timestamp NextDeadline
    {
        get
        {
            if (!_goodbye.IsOpen)
            {
                return _goodbye.DueAt;
            }

            Timestamp due = Timestamp.Min(Timestamp.Min(_arq.NextDeadline, _mux.NextDeadline), _goodbye.DueAt);
            if (_rateLimitedUntil.IsNever)
            {
                return due;
            }

            // What was due when the limit stopped it cannot leave sooner either: asking again would only turn in
            // circles.
            return due <= _rateLimitedAt ? _rateLimitedUntil : Timestamp.Min(due, _rateLimitedUntil);
        }
    }

    /// <summary>Whether losses that parity may repair are given the time for it. A test compares it with the contrary.</summary>
    internal bool WaitsForRepair { get; set; } = true;

    int ISmuxOutput.Capacity => _arq.WriteCapacity;

    /// <inheritdoc/>
    public override bool IsNamedBy(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        return KcpDatagram.TryReadFirstSegment(datagram.Payload, out SegmentHeader first) && first.Conversation == ConversationId;
    }

    /// <inheritdoc/>
    public override void Input(PacketBuffer datagram, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        TrimIfQuiet(now);
        _arrivedAt = now;
        _isTrimmed = false;
        Statistics.InPackets++;
        Statistics.InBytes += datagram.Length;
        if (TryTakeGoodbye(datagram, now))
        {
            return;
        }

        if (!FecDecoder.IsFec(datagram.Payload))
        {
            InputSegments(datagram, recovered: false, now);
            return;
        }

        // The decoder keeps what it needs before the header is stripped; arrived data goes to the ARQ before what it
        // helps to rebuild, because only arrived data may give windows and RTT samples (docs/wire/kcptun.md 4.6, 5.6).
        FecPacketKind kind = _fec.Add(datagram);
        if (kind == FecPacketKind.Data)
        {
            datagram.Advance(FecEncoder.HeaderSize);
            InputSegments(datagram, recovered: false, now);
        }
        else
        {
            _arq.Path.OnArrived(datagram.Ecn);
            if (kind == FecPacketKind.Parity)
            {
                _mux.OnPeerHeard(now);
            }
        }

        while (_fec.TryTakeRecovered(out PacketBuffer? recovered))
        {
            InputSegments(recovered, recovered: true, now);
            recovered.Release();
        }
    }

    /// <inheritdoc/>
    public override void Deliver(Timestamp now)
    {
        _goodbye.Update(now);
        while (Failure is null && MayDeliver && TryReadPipe(out PacketSlice slice))
        {
            Statistics.BytesReceived += slice.Length;
            _mux.Input(slice, now);
        }

        NoteFailure(now);
    }

    /// <inheritdoc/>
    public override bool Flush(PacketBatch batch, DatagramPath path, Timestamp now)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _goodbye.Update(now);
        if (!_goodbye.IsOpen)
        {
            NoteFailure(now);
            FlushGoodbye(batch, path, now);
            return false;
        }

        TrimIfQuiet(now);
        TradePathReports(now);
        Sink sink = new(this, batch, path, now);
        bool more;
        _mux.RoundTripTime = _arq.Statistics.SmoothedRtt;
        _arq.HeldAbove = _mux.BufferedBytes;
        _rateLimitedUntil = Timestamp.Never;
        try
        {
            do
            {
                _mux.Flush(this, now);
                more = _arq.Flush(ref sink, now);
            }
            while (!more && _mux.HasPendingOutput && _arq.WriteCapacity > 0 && _arq.SendQueueLength == 0);
        }
        finally
        {
            // Ciphers, codecs and controllers may be the application's, and throw.
            sink.ReleaseUncommitted();
        }

        NoteFailure(now);
        if (!_goodbye.IsOpen)
        {
            FlushGoodbye(batch, path, now);
            return false;
        }

        if (sink.IsRateLimited)
        {
            _rateLimitedUntil = _rateLimiter!.NextSend;
            _rateLimitedAt = now;
            return false;
        }

        return more;
    }

    void ISmuxOutput.Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Statistics.BytesSent += header.Length + payload.Length;
        bool isHeartbeat = IsHeartbeat(SmuxFrame.Read(header));
        if (_codec is not null)
        {
            header = _codec.Encode(header, payload);
            payload = default;
        }

        if (isHeartbeat)
        {
            _arq.WriteHeartbeat(header);
            _arq.WriteHeartbeat(payload);
            return;
        }

        _arq.Write(header);
        _arq.Write(payload);
    }

    // What nobody waits for an answer to. For a server that is also room that it gave for more of an upload: a client that was
    // stopped meanwhile goes on when it runs again, as with kcptun's server, whose patience is that of the keep-alive. A client
    // judges sooner by it, since it has streams to open elsewhere.
    private bool IsHeartbeat(SmuxFrame frame) => frame.Command switch
    {
        SmuxCommand.Nop => frame.StreamId == 0,
        SmuxCommand.Upd => Role == EndpointRole.Server,
        _ => false,
    };

    /// <summary>Releases every buffer. Nothing is sent: <see cref="BeginClose"/> says goodbye first.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _mux.Dispose();
            _codec?.Dispose();
            _arq.Dispose();
            _fec.Dispose();
        }
    }

    private void TrimIfQuiet(Timestamp now)
    {
        if (!_isTrimmed && now.MicrosecondsSince(_arrivedAt) >= QuietMicroseconds)
        {
            _isTrimmed = true;
            _fec.Decoder?.ForgetArrived();
            _arq.Trim();
        }
    }

    private void InputSegments(PacketBuffer datagram, bool recovered, Timestamp now)
    {
        if (_arq.Input(datagram, recovered, now) != ArqInputResult.Ok)
        {
            Statistics.KcpInErrors++;
        }
        else
        {
            _wasAlive = true;
            _goodbye.OnAlive();
            _mux.OnPeerHeard(now);
        }

        if (!_isPeerAnnounced && _arq.Path.PeerAnnouncement is { } announcement)
        {
            _isPeerAnnounced = true;
            _fec.OnAnnounced(announcement);
        }
    }

    /// <summary>Hands what was reported to error correction, and what it counted to the next report.</summary>
    private void TradePathReports(Timestamp now)
    {
        PathExchange path = _arq.Path;
        if (path.HasReport)
        {
            _fec.OnReport(path.TakeNews());
        }

        if (_fec.Decoder is { } decoder)
        {
            FecArrivalMeter arrivals = decoder.Arrivals;
            path.SetShards(arrivals.Judged, arrivals.Missing, arrivals.Runs, _fec.Statistics.Recovered);
        }

        long smoothedRtt = _arq.Statistics.SmoothedRtt.Ticks / TimeSpan.TicksPerMicrosecond;
        long repair = _fec.Adapt(_arq.Statistics.LossRate, smoothedRtt, now);
        _arq.RepairDelayMicroseconds = WaitsForRepair ? Math.Min(repair, smoothedRtt / 4) : 0;
    }

    private bool TryReadPipe(out PacketSlice slice)
    {
        if (_codec is null)
        {
            return _arq.TryRead(out slice);
        }

        while (!_codec.TryRead(out slice))
        {
            if (_codec.Failure is not null || !_arq.TryRead(out PacketSlice encoded))
            {
                return false;
            }

            _codec.Input(encoded);
        }

        return true;
    }

    /// <summary>Puts each datagram of the ARQ through the FEC encoder and into the batch.</summary>
    private ref struct Sink : IPacketSink
    {
        private readonly KcpSession _session;
        private readonly PacketBatch _batch;
        private readonly DatagramPath _path;
        private readonly Timestamp _now;
        private PacketBuffer? _open;

        public Sink(KcpSession session, PacketBatch batch, DatagramPath path, Timestamp now)
        {
            _session = session;
            _batch = batch;
            _path = path;
            _now = now;
        }

        public bool IsRateLimited { get; private set; }

        public Span<byte> GetSpan(int size)
        {
            if (_batch.IsFull)
            {
                return default;
            }

            if (_session._rateLimiter is { } limiter && !limiter.MaySend(_now))
            {
                IsRateLimited = true;
                return default;
            }

            // A span that was asked for but not committed is simply asked for again.
            if (_open is null)
            {
                _open = _batch.Rent(_session._pool, _session._linkHeadroom + _session._fec.Overhead);
                _open.Path = _path;
            }
            else
            {
                _open.Truncate(0);
            }

            return _open.Append(size);
        }

        public void Commit(int length)
        {
            PacketBuffer datagram = _open!;
            _open = null;
            datagram.Truncate(length);
            for (int i = 0; i < FecEncoder.MaxFillers; i++)
            {
                int fillerLength = _session._fec.FillerLength(length, SegmentHeader.Size, _session._maxArqDatagram, _now);
                if (fillerLength == 0)
                {
                    break;
                }

                Encode(NewFiller(datagram, fillerLength));
            }

            Encode(datagram);
        }

        public void ReleaseUncommitted()
        {
            _open?.Release();
            _open = null;
        }

        private readonly void Encode(PacketBuffer datagram)
        {
            int parity = _session._fec.Encode(datagram, _now);
            Send(datagram);
            for (int i = 0; i < parity; i++)
            {
                PacketBuffer shard = _session._fec.TakeParity(i);
                Send(shard);
            }
        }

        /// <summary>
        /// A datagram that says nothing but what the other's first segment says too: window and progress.
        /// </summary>
        private readonly PacketBuffer NewFiller(PacketBuffer datagram, int length)
        {
            SegmentHeader report = SegmentHeader.Read(datagram.Payload) with
            {
                Command = SegmentCommand.WindowReport,
                Fragment = 0,
                Length = 0,
            };
            PacketBuffer filler = _batch.Rent(_session._pool, _session._linkHeadroom + _session._fec.Overhead);
            filler.Path = _path;
            for (int written = 0; written < length; written += SegmentHeader.Size)
            {
                report.Write(filler.Append(SegmentHeader.Size));
            }

            return filler;
        }

        private readonly void Send(PacketBuffer datagram)
        {
            _session._arq.Mark(datagram);
            _session.Statistics.OutPackets++;
            _session.Statistics.OutBytes += datagram.Length + _session._linkOverhead;
            _session._rateLimiter?.OnSent(datagram.Length + _session._linkOverhead);
            _batch.Add(datagram);
        }
    }
}
