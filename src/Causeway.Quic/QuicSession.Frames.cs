using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>What each frame of a packet does (RFC 9000, 19).</content>
internal sealed partial class QuicSession
{
    private PacketNumberSpace? _acknowledgedSpace;

    private QuicError? OnFrame(
        PacketBuffer datagram,
        in Frame frame,
        in PacketHeader header,
        in OpenedPacket opened,
        PacketNumberSpace space,
        Timestamp now)
    {
        switch (frame.Kind)
        {
            case FrameKind.Padding or FrameKind.Ping:
                return null;
            case FrameKind.Ack:
                return OnAck(frame.Ack, space, in opened, now);
            case FrameKind.Crypto:
                CryptoFrame crypto = frame.Crypto;
                return OnCrypto(datagram, PositionOf(datagram, crypto.Data), crypto.Offset, crypto.Data.Length, header.Level, now);
            case FrameKind.Stream:
                StreamFrame stream = frame.Stream;
                return _streams.OnStream(
                    datagram, PositionOf(datagram, stream.Data), stream.StreamId, stream.Offset, stream.Data.Length, stream.IsFin);
            case FrameKind.ResetStream:
                return _streams.OnResetStream(frame.ResetStream.StreamId, frame.ResetStream.ErrorCode, frame.ResetStream.FinalSize);
            case FrameKind.StopSending:
                return _streams.OnStopSending(frame.StopSending.StreamId, frame.StopSending.ErrorCode);
            case FrameKind.MaxData:
                _streams.OnMaxData(frame.DataLimit);
                return null;
            case FrameKind.MaxStreamData:
                return _streams.OnMaxStreamData(frame.StreamDataLimit.StreamId, frame.StreamDataLimit.Limit);
            case FrameKind.MaxStreams:
                _streams.OnMaxStreams(frame.StreamCount.IsUnidirectional, frame.StreamCount.Limit);
                return null;
            case FrameKind.StreamDataBlocked:
                return _streams.OnStreamDataBlocked(frame.StreamDataLimit.StreamId);
            case FrameKind.StreamsBlocked:
                _streams.OnStreamsBlocked(frame.StreamCount.IsUnidirectional);
                return null;
            case FrameKind.NewConnectionId:
                NewConnectionIdFrame added = frame.NewConnectionId;
                return _remoteIds.OnNew(added.SequenceNumber, added.RetirePriorTo, added.ConnectionId, added.ResetToken);
            case FrameKind.RetireConnectionId:
                Statistics.ConnectionIdsRetired++;
                return _localIds.OnRetired(frame.RetiredSequenceNumber, new ConnectionId(header.DestinationId));
            case FrameKind.PathChallenge:
                OnPathChallenge(datagram, frame.PathData);
                return null;
            case FrameKind.PathResponse:
                OnPathResponse(frame.PathData, now);
                return null;
            case FrameKind.ConnectionClose:
                OnClosedByPeer(frame.ConnectionClose, now);
                return null;
            case FrameKind.HandshakeDone:
                return OnHandshakeDone(datagram, now);
            case FrameKind.NewToken:
                LatestToken = frame.NewToken.ToArray();
                return null;
            case FrameKind.Datagram:
                return OnDatagram(datagram, frame.Datagram);
            case FrameKind.ImmediateAck:
                space.Received.Demand(now);
                return null;
            case FrameKind.AckFrequency:
                return OnAckFrequency(frame.AckFrequency, space);
            case FrameKind.FecSource:
                return OnSource(frame.FecSource);
            case FrameKind.FecRepair:
                return OnRepair(frame.FecRepair);
            case FrameKind.FecRecovered:
                return OnRebuiltByPeer(frame.FecRecovered);
            default:
                // DATA_BLOCKED tells that the connection's window is too small, which readers decide.
                return null;
        }
    }

    private QuicError? OnAckFrequency(AckFrequencyFrame request, PacketNumberSpace space)
    {
        if (request.RequestedMaxAckDelay < MinAckDelay)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer asked for acknowledgements sooner than this end said it could.");
        }

        if (request.SequenceNumber > _ackRequestTaken)
        {
            _ackRequestTaken = request.SequenceNumber;
            space.Received.OnRequest(
                request.AckElicitingThreshold, request.RequestedMaxAckDelay, request.ReorderingThreshold);
        }

        return null;
    }

    private QuicError? OnAck(AckFrame ack, PacketNumberSpace space, in OpenedPacket opened, Timestamp now)
    {
        if (!_recovery.BeginAck(space.Id, ack.Largest, now))
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer acknowledged a packet that was never sent.");
        }

        _acknowledgedSpace = space;
        foreach (NumberRange range in ack)
        {
            _recovery.AckRange(range.Start, range.End - 1);
        }

        if (_recovery.HasAckedSkipped)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer acknowledged a packet number that was left out.");
        }

        int newlyCapable = _recovery.EndAck(ack.Largest, Math.Min(ack.Delay(_peerAckDelayExponent), 1_000_000_000));
        if (space.Id == PacketSpaceId.Application && IsEstablished)
        {
            _ackFrequency.Update(_recovery.CongestionWindow, _mtu.Size);
        }

        _repairRate?.Add(_recovery.TakeFates());
        if (ack.HasEcn || newlyCapable > 0)
        {
            int marked = _ecn.OnAck(space.Id, ack.HasEcn ? ack.Ecn : null, newlyCapable);
            if (marked > 0)
            {
                _recovery.OnEcnMarks(marked, Math.Max(marked, newlyCapable), now);
            }
        }

        if (space.Id == PacketSpaceId.Application && !_application.OnAcknowledged(ack.Largest, opened.KeyGeneration))
        {
            return new QuicError(TransportErrorCode.KeyUpdateError, "The peer acknowledged new keys with old ones.");
        }

        if (space.Id != PacketSpaceId.Initial && Role == EndpointRole.Client)
        {
            // RFC 9002, 6.2.2.1: a server that acknowledges Handshake packets knows that the address is real.
            _recovery.IsAddressValidatedByPeer = true;
        }

        return null;
    }

    // Frames are spans of the datagram's payload; streams keep slices of it.
    private static int PositionOf(PacketBuffer datagram, ReadOnlySpan<byte> data) => data.IsEmpty
        ? 0
        : (int)Unsafe.ByteOffset(
            ref MemoryMarshal.GetReference(datagram.Payload), ref Unsafe.AsRef(in MemoryMarshal.GetReference(data)));
}
