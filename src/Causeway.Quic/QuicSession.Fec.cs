using Causeway.Quic.Fec;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>
/// Forward error correction (docs/wire/quic-fec.md): which packets are sources, when repairs leave, and what is rebuilt.
/// </content>
internal sealed partial class QuicSession
{
    // Streams with more in flight while others wait fill the path: later acknowledgements find their losses.
    private const int MostThinPackets = 8;

    // A packet with less room than this is no source: the frames around it would be most of it.
    private const int LeastSourceRoom = 64;

    // How long received sources are kept for repairs that may come yet, at least; repairs of a round trip ago are late ones.
    private const long LeastSourceAge = 1_000_000;
    private const int RoundTripsOfSourceAge = 4;

    private const long LeastBulkMemory = 10_000;

    private const int IpAndUdp = 28;

    private readonly RebuiltReports _rebuiltReports = new();
    private RepairRate? _repairRate;
    private FecSender? _fecSender;
    private FecReceiver? _fecReceiver;
    private SourceFate _sourceFate;
    private Timestamp _lastRepairableAt;
    private Timestamp _bulkAt = Timestamp.LongAgo;
    private Timestamp _backlogSince = Timestamp.Never;
    private bool _hasRebuiltReports;

    /// <summary>Whether both ends know the extension.</summary>
    internal bool UsesFec => _repairRate is not null;

    /// <summary>What the path calls for; null if the extension is not used.</summary>
    internal RepairRate? RepairRate => _repairRate;

    /// <summary>The receiving half, for its counts; null before the peer's first source.</summary>
    internal FecReceiver? FecReceiver => _fecReceiver;

    private Timestamp SourcesExpireAt =>
        _fecReceiver is { HoldsBuffers: true } ? _lastRepairableAt.AddMicroseconds(SourceAge) : Timestamp.Never;

    private long SourceAge => Math.Max(LeastSourceAge, RoundTripsOfSourceAge * _recovery.Rtt.Smoothed);

    private FecSender Sender => _fecSender ??= new FecSender(FecWindow, _repairRate!, _pool);

    private int FecWindow => (int)Math.Min(_settings.Fec.Window, _peerParameters.FecWindow);

    private void AgreeOnFec()
    {
        if (_settings.Fec.IsEnabled && _peerParameters.FecWindow > 0)
        {
            // A repair makes a lost datagram good, and a late one does not come twice.
            _datagrams.KeepsForRepeat = false;
            _repairRate = new RepairRate(_settings.Fec.MaxOverhead, FecWindow);
        }
    }

    private void CheckFec(Timestamp now)
    {
        if (SourcesExpireAt <= now)
        {
            _fecReceiver!.ReleaseBuffers();
        }
    }

    private void DisposeFec()
    {
        _fecSender?.Dispose();
        _fecReceiver?.Dispose();
    }

    private bool IsRepairDue(Timestamp now) => _fecSender is { } sender && sender.DueAt <= now;

    private bool IsBulk(Timestamp now) =>
        now.MicrosecondsSince(_bulkAt) < Math.Max(LeastBulkMemory, _recovery.Rtt.HasSample ? _recovery.Rtt.Smoothed : 0);

    // Congestion control has let less through for a while than the datagrams themselves need: parity would cost more than it saves.
    private bool IsBacklogged(Timestamp now) =>
        !_backlogSince.IsNever && now.MicrosecondsSince(_backlogSince) > _recovery.Rtt.Smoothed / 2;

    // Of a packet with a repair or a source, with the headers of IPv4 and UDP, since the overhead is one of bytes on the wire.
    private int PacketOverhead =>
        PacketHeaderWriter.ShortLength(_remoteIds.Current.Length, PacketNumber.MaxLength) + PacketAead.TagLength + IpAndUdp;

    /// <summary>A flush is over: what it left behind tells who fills the path.</summary>
    private void NoteHeldBack(bool isLimited, Timestamp now)
    {
        if (_repairRate is null)
        {
            return;
        }

        bool areDatagramsWaiting = isLimited && _datagrams.HasOutput(now);
        _backlogSince = !areDatagramsWaiting ? Timestamp.Never : Timestamp.Min(_backlogSince, now);
        if (!isLimited)
        {
            return;
        }

        if (_streams.HasData && (!_recovery.IsPaced || _recovery.BytesInFlight >= MostThinPackets * _mtu.Size))
        {
            if (!IsBulk(now))
            {
                // What began as a burst goes on.
                _fecSender?.Schedule.Cancel();
            }

            _bulkAt = now;
        }

        if (IsRepairDue(now))
        {
            if (IsBacklogged(now))
            {
                _fecSender!.Schedule.Cancel();
            }

            _fecSender!.Postpone(_recovery.IsPaced ? _recovery.PacedUntil : Timestamp.Never);
        }
    }

    /// <summary>Writes the payload of a packet: a repair that is due, or data, as a source if it is worth it.</summary>
    private int WritePayload(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        if (IsRepairDue(now) && WriteRepair(room, packet, now) is > 0 and var repair)
        {
            return repair;
        }

        // Before the handshake is confirmed a packet may need padding at its end, which is no part of a source.
        if (_repairRate is not null && IsConfirmed && WriteSource(room, packet, now) is > 0 and var source)
        {
            return source;
        }

        int written = _datagrams.Write(room, packet, now);
        return written + _streams.WriteDataFrames(room[written..], packet);
    }

    private int WriteRepair(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = _fecSender!.WriteRepair(room, PacketOverhead, now.AddMicroseconds(OneWay), now, out long repeated);
        if (written > 0)
        {
            Note(packet, new SentFrame { Kind = SentFrameKind.FecRepair, Value = repeated });
            Statistics.RepairsSent++;
            Statistics.RepairBytesSent += written;
        }
        else if (packet.Frames.IsEmpty && IsRepairDue(now))
        {
            // Not even an empty packet has room for it: the path has become too narrow.
            _fecSender.GiveUp();
        }

        return written;
    }

    /// <summary>Writes data as a source.</summary>
    /// <returns>Bytes; 0 if the data that waits is not worth it, or there is none.</returns>
    private int WriteSource(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        bool isWorthIt = _repairRate!.IsOn;
        bool takesDatagrams = (isWorthIt || _datagrams.HasDeadlines) && _datagrams.HasOutput(now);
        bool takesStreams = isWorthIt && _streams.HasData && Sender.Schedule.CanAfford(now);
        if ((!takesDatagrams && !takesStreams) || room.Length < LeastSourceRoom + FecLimits.RepairOverhead)
        {
            return 0;
        }

        int header = FrameWriter.FecSource(room, Sender.NextSource);
        Span<byte> source = room.Slice(header, room.Length - FecLimits.RepairOverhead);
        int datagrams = takesDatagrams ? _datagrams.Write(source, packet, now) : 0;
        int streams = !takesStreams ? 0
            : IsBulk(now) ? _streams.WriteThinFrames(source[datagrams..], packet)
            : _streams.WriteDataFrames(source[datagrams..], packet);
        int length = datagrams + streams;
        if (length == 0)
        {
            return 0;
        }

        Timestamp deadline = datagrams > 0 ? _datagrams.WrittenDeadline : Timestamp.Never;
        Note(packet, new SentFrame { Kind = SentFrameKind.FecSource, Value = Sender.NextSource });
        Sender.Add(source[..length], packet.Number, datagrams > 0, deadline);
        if (isWorthIt && !(datagrams > 0 && IsBacklogged(now)))
        {
            Sender.Schedule.OnSource(
                length + header + PacketOverhead,
                header,
                Sender.SymbolLength + FecLimits.MostRepairHeader + PacketOverhead,
                streams > 0,
                deadline.AddMicroseconds(-OneWay),
                _recovery.Rtt.HasSample ? _recovery.Rtt.Smoothed : 0,
                now);
        }

        Statistics.SourcesSent++;
        return header + length;
    }

    private int WriteRebuiltReports(Span<byte> room)
    {
        if (!_hasRebuiltReports)
        {
            return 0;
        }

        int written = _rebuiltReports.Write(room);
        _hasRebuiltReports = written > 0;
        return written;
    }

    private void OnSourceLost(long id)
    {
        if (id >= 0)
        {
            _fecSender?.OnLost(id, _now.AddMicroseconds(OneWay));
        }
    }

    // Acknowledgements may have made room for what is due.
    private void ReleaseRepairs()
    {
        if (_fecSender is { IsPostponedForGood: true })
        {
            _fecSender.Postpone(Timestamp.LongAgo);
        }
    }

    private QuicError? OnSource(in FecSourceFrame frame)
    {
        if (frame.Source.IsEmpty)
        {
            return new QuicError(TransportErrorCode.FrameEncodingError, "The peer sent a FEC_SOURCE frame with nothing behind it.");
        }

        _lastRepairableAt = _now;
        _fecReceiver ??= new FecReceiver(_settings.Fec.Window, _pool);
        _sourceFate = _fecReceiver.FateOf(frame.SourceId);
        _fecReceiver.Add(frame.SourceId, frame.Source);
        return null;
    }

    /// <summary>Whether a frame of a source was handled before, or might have been and must not be twice.</summary>
    private bool IsHandled(FrameKind kind) =>
        _sourceFate == SourceFate.Rebuilt || (_sourceFate == SourceFate.Unknown && kind == FrameKind.Datagram);

    private QuicError? OnRepair(in FecRepairFrame frame)
    {
        if (frame.Count > _settings.Fec.Window)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer sent a repair over more sources than this end remembers.");
        }

        _lastRepairableAt = _now;
        Statistics.RepairsReceived++;
        _fecReceiver ??= new FecReceiver(_settings.Fec.Window, _pool);
        _fecReceiver.AddRepair(frame.RepairId, frame.FirstSourceId, frame.Count, frame.Symbol);
        return null;
    }

    /// <summary>The peer rebuilt sources: what they carried arrived. Their packets did not, which congestion control has to see.</summary>
    private QuicError? OnRebuiltByPeer(in FecRecoveredFrame frame)
    {
        if (frame.FirstSourceId + frame.Count > (_fecSender?.NextSource ?? 0))
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer rebuilt a source that was never sent.");
        }

        for (long id = Math.Max(frame.FirstSourceId, _fecSender!.FirstRemembered); id < frame.FirstSourceId + frame.Count; id++)
        {
            long number = _fecSender.OnRebuilt(id);
            if (number >= 0 && _recovery[PacketSpaceId.Application].Sent.Find(number) is { } packet)
            {
                Settle(packet);
            }
        }

        return null;
    }

    private void Settle(QuicSentPacket packet)
    {
        foreach (ref SentFrame frame in packet.FramesToSettle)
        {
            if (frame.Kind is not (SentFrameKind.Stream or SentFrameKind.Datagram or SentFrameKind.FecSource))
            {
                continue;
            }

            Statistics.PacketsRebuiltByPeer += frame.Kind == SentFrameKind.FecSource ? 1 : 0;
            SentFrame settled = frame;
            frame = new SentFrame { Kind = SentFrameKind.Settled };
            ((ISentFrameOwner)this).OnAcknowledged(in settled);
        }
    }

    /// <summary>Handles the frames of sources that were rebuilt as if their packets had arrived.</summary>
    private void ReadRebuilt(in PacketHeader header, in OpenedPacket opened, PacketNumberSpace space, Timestamp now)
    {
        while (_failure is null && !IsClosing && _fecReceiver!.TryTakeRebuilt(out long id, out PacketBuffer? buffer, out int length))
        {
            if (length == 0)
            {
                Fail(new QuicError(TransportErrorCode.ProtocolViolation, "The peer's repairs give no source."), now);
                return;
            }

            // The receiver may let go of it for what its frames do.
            buffer.Retain();
            ReadRebuilt(buffer, length, in header, in opened, space, now);
            buffer.Release();
            _rebuiltReports.Add(id);
            _hasRebuiltReports = true;
            Statistics.PacketsRebuilt++;
            space.Received.Demand(now);
        }
    }

    private void ReadRebuilt(
        PacketBuffer buffer, int length, in PacketHeader header, in OpenedPacket opened, PacketNumberSpace space, Timestamp now)
    {
        FrameReader reader = new(buffer.Payload.Slice(FecLimits.LengthSize, length));
        while (reader.TryRead(out Frame frame))
        {
            if (!FrameRules.IsProtected(frame.Kind))
            {
                reader.Fail(TransportErrorCode.ProtocolViolation, "a frame in a source that must not have it");
                break;
            }

            if (OnFrame(buffer, in frame, in header, in opened, space, now) is { } error)
            {
                Fail(error, now);
                return;
            }
        }

        if (reader.Error != TransportErrorCode.NoError)
        {
            Fail(new QuicError(reader.Error, $"The peer's repairs gave {reader.Reason}."), now);
        }
    }
}
