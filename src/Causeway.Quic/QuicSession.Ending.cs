using System.Text;
using Causeway.Quic.Handshake;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>Every way in which a connection ends (RFC 9000, 10), and the timers that end it.</content>
internal sealed partial class QuicSession
{
    // Room for a packet that says so, and why.
    private const int LeastClose = 200;

    private const int MostReasonBytes = 256;

    private TransportFailure? _failure;
    private QuicError? _ownError;
    private long _applicationCode = -1;
    private string _closeReason = "";
    private bool _isCloseDue;
    private bool _isAnsweredByPeer;
    private bool _isSilent;
    private int _closingInputs;
    private Timestamp _drainedAt = Timestamp.Never;

    /// <inheritdoc/>
    public override bool IsClosing => !_drainedAt.IsNever;

    /// <inheritdoc/>
    public override bool IsDrained => IsClosing && !_isCloseDue && (_isAnsweredByPeer || _now >= _drainedAt);

    /// <inheritdoc/>
    public override bool HearsGoodbye => true;

    /// <inheritdoc/>
    public override void BeginClose(GoodbyeReason reason, Timestamp now)
    {
        switch (reason)
        {
            case GoodbyeReason.Closed:
                BeginClose(applicationCode: 0, "", now);
                break;
            case GoodbyeReason.ConnectionLimit or GoodbyeReason.BacklogFull:
                BeginClose(new QuicError(TransportErrorCode.ConnectionRefused, "No more connections are taken at present."), now);
                break;
            default:
                BeginClose(new QuicError(TransportErrorCode.InternalError, $"This end closes: {reason}."), now);
                break;
        }
    }

    /// <summary>Ends the connection with a code and a reason of the application (CONNECTION_CLOSE of type 0x1d).</summary>
    public override void BeginClose(long applicationCode, string reason, Timestamp now)
    {
        if (!IsClosing)
        {
            _applicationCode = applicationCode;
            _closeReason = reason;
            EnterClosing(now);
        }
    }

    private void BeginClose(QuicError error, Timestamp now)
    {
        if (!IsClosing)
        {
            _ownError = error;
            _closeReason = error.Reason;
            EnterClosing(now);
        }
    }

    private void EnterClosing(Timestamp now)
    {
        _now = now;
        LogClosing(now);
        ReleaseWaiting();

        // After a stateless reset, or when the peer is silent, nothing more is sent (RFC 9000, 10.1 and 10.3.1).
        _isCloseDue = !_isSilent;
        _drainedAt = _isSilent ? now : now.AddMicroseconds(_recovery.ThreeProbeTimeouts);
    }

    /// <summary>The peer did something wrong, or this end must not go on: tells the peer, and why.</summary>
    private void Fail(QuicError error, Timestamp now)
    {
        if (_failure is not null || IsClosing)
        {
            return;
        }

        Statistics.Violations++;
        TransportFailureKind kind = error.Code == TransportErrorCode.ConnectionRefused
            ? TransportFailureKind.Refused
            : TransportFailureKind.Protocol;
        _failure = new TransportFailure(kind, error.Reason) { ErrorCode = (long)error.Code, Goodbye = GoodbyeReason.ProtocolViolation };
        BeginClose(error, now);
    }

    /// <summary>The connection is over, and there is nobody to tell.</summary>
    private void FailSilently(TransportFailure failure)
    {
        _failure ??= failure;
        LogSilentEnd(failure);
        _isSilent = true;
        _isCloseDue = false;
        _isAnsweredByPeer = true;
        ReleaseWaiting();
    }

    // For people to read, and for logs: no line breaks or control sequences, and not a whole packet of it.
    private static string Printable(ReadOnlySpan<byte> reason)
    {
        string text = Encoding.UTF8.GetString(reason[..Math.Min(reason.Length, MostReasonBytes)]);
        return string.Create(text.Length, text, static (destination, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                destination[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
    }

    private void OnClosedByPeer(ConnectionCloseFrame close, Timestamp now)
    {
        Statistics.InGoodbyes++;
        _qlog?.ClosedByPeer(close, now);
        string reason = Printable(close.Reason);

        // APPLICATION_ERROR stands for the application's close while the handshake is under way (RFC 9000, 10.2.3): it broke no rule.
        TransportFailureKind kind = close.IsByApplication || close.ErrorCode is (long)TransportErrorCode.NoError or (long)TransportErrorCode.ApplicationError
            ? TransportFailureKind.ClosedByPeer
            : close.ErrorCode == (long)TransportErrorCode.ConnectionRefused
                ? TransportFailureKind.Refused
                : TransportFailureKind.Protocol;
        _failure ??= new TransportFailure(kind, reason.Length == 0 ? $"code 0x{close.ErrorCode:x}" : reason)
        {
            IsByPeer = true,
            ErrorCode = close.ErrorCode,
            IsApplicationError = close.IsByApplication,
        };

        // One packet says that it was heard, so that the peer need not wait (RFC 9000, 10.2.2).
        if (!IsClosing)
        {
            _ownError = new QuicError(TransportErrorCode.NoError, "");
            _drainedAt = now.AddMicroseconds(_recovery.ThreeProbeTimeouts);
            _isCloseDue = true;
        }

        _isAnsweredByPeer = true;
    }

    /// <summary>The peer forgot the connection (RFC 9000, 10.3).</summary>
    internal void OnStatelessReset()
    {
        Statistics.StatelessResets++;
        _isAnsweredByPeer = true;
        _isCloseDue = false;
        if (_failure is null && !IsClosing)
        {
            FailSilently(
                new TransportFailure(TransportFailureKind.ForgottenByPeer, "It was started again, or lost its state.")
                {
                    IsByPeer = true,
                });
        }
    }

    private void OnUnopened(PacketBuffer datagram)
    {
        Statistics.PacketsUnopened++;
        LookForReset(datagram);
    }

    private void LookForReset(PacketBuffer datagram)
    {
        if (StatelessReset.TryGetToken(datagram.Payload, out ReadOnlySpan<byte> token)
            && _remoteIds.CurrentToken is { } expected && expected.Equals(token))
        {
            OnStatelessReset();
        }
    }

    private void OnInputWhileClosing(PacketBuffer datagram)
    {
        NoteReceived(datagram);

        // The peer's own close ends the waiting.
        if (!_isAnsweredByPeer && IsClosing)
        {
            LookForClose(datagram);
            LookForReset(datagram);
        }

        // A closing end answers the first datagram, then the second, the fourth, and so on (RFC 9000, 10.2.1).
        if (IsClosing && !_isAnsweredByPeer && int.IsPow2(++_closingInputs))
        {
            _isCloseDue = true;
        }
    }

    private void LookForClose(PacketBuffer datagram)
    {
        DatagramReader packets = new(datagram.Payload, SourceId.Length, _settings.Grease);
        while (packets.TryRead(out PacketHeader header, out Span<byte> packet))
        {
            if (!header.IsProtected || !CanOpen(header.Level))
            {
                continue;
            }

            PacketNumberSpace space = _recovery[PacketSpaces.Of(header.Level)];
            OpenStatus status = header.Level == EncryptionLevel.Application
                ? _application.TryOpen(packet, header.PacketNumberOffset, space.Received.Largest, out OpenedPacket opened)
                : _openers[(int)header.Level]!.TryOpen(packet, header.PacketNumberOffset, space.Received.Largest, out opened);
            if (status != OpenStatus.Opened)
            {
                continue;
            }

            FrameReader frames = new(packet.Slice(opened.PayloadOffset, opened.PayloadLength), _settings.AckFrequency, takesFec: UsesFec);
            while (frames.TryRead(out Frame frame))
            {
                _isAnsweredByPeer |= frame.Kind == FrameKind.ConnectionClose;
            }
        }
    }

    /// <summary>Says that the connection is over, at every level that the peer may have keys for (RFC 9000, 10.2.3).</summary>
    private void FlushClose(PacketBatch batch, Timestamp now)
    {
        _now = now;
        if (!_isCloseDue || batch.IsFull)
        {
            return;
        }

        _isCloseDue = false;
        int size = (int)Math.Min(_path.Allowance, QuicLimits.MinInitialDatagramSize);
        if (size < LeastClose)
        {
            return;
        }

        PacketBuffer datagram = batch.Rent(_pool, _settings.Link.Headroom);
        datagram.Path = _path.Address;
        datagram.Append(size);
        int written = 0;
        int last = _application.CanSeal ? 2 : _sealers[2] is not null ? 1 : 0;
        bool hasInitial = false;
        for (int i = 0; i <= last; i++)
        {
            EncryptionLevel level = LevelOf(i);
            PacketNumberSpace space = _recovery[PacketSpaces.Of(level)];
            if (!CanSeal(level) || space.IsDiscarded)
            {
                continue;
            }

            // A client fills its datagrams with Initial packets always, a server those that are to be acknowledged (RFC 9000, 14.1).
            hasInitial |= level == EncryptionLevel.Initial && Role == EndpointRole.Client;
            int least = hasInitial && i == last ? QuicLimits.MinInitialDatagramSize - written : 0;
            written += WriteClose(datagram, written, level, space, least, now);
        }

        FlushHeaders();
        if (written == 0)
        {
            datagram.Release();
            return;
        }

        datagram.Truncate(written);
        Commit(batch, datagram, _path);
    }

    private int WriteClose(PacketBuffer datagram, int offset, EncryptionLevel level, PacketNumberSpace space, int least, Timestamp now)
    {
        Span<byte> room = datagram.Payload[offset..];
        int payloadOffset = BeginPacket(room, level, space, out int numberLength);
        if (payloadOffset == 0 || room.Length - payloadOffset < 64)
        {
            return 0;
        }

        QuicSentPacket packet = _recovery.Rent();
        packet.Number = space.NextNumber;
        packet.Space = space.Id;
        Span<byte> payload = room[payloadOffset..^PacketAead.TagLength];
        Span<byte> reason = stackalloc byte[256];
        Encoding.UTF8.TryGetBytes(_closeReason.AsSpan(0, Math.Min(_closeReason.Length, 80)), reason, out int reasonLength);

        // Codes and reasons of the application are only for who has been authenticated (RFC 9000, 10.2.3).
        int length = _ownError is { } error
            ? FrameWriter.ConnectionClose(payload, error.Code, 0, reason[..reasonLength])
            : level == EncryptionLevel.Application
                ? FrameWriter.ApplicationClose(payload, _applicationCode, reason[..reasonLength])
                : FrameWriter.ConnectionClose(payload, TransportErrorCode.ApplicationError, 0, default);
        int padded = Math.Max(length, Math.Max(least - payloadOffset - PacketAead.TagLength, PacketNumber.MaxLength - numberLength));
        payload[length..padded].Clear();
        packet.Size = payloadOffset + padded + PacketAead.TagLength;
        return Seal(datagram, offset, payloadOffset, packet, level, now) ? packet.Size : 0;
    }

    /// <summary>Goes on with new keys, if that is allowed now (RFC 9001, 6.1).</summary>
    public bool UpdateKeys()
    {
        if (!_application.CanUpdate)
        {
            return false;
        }

        _application.Sealer?.FlushHeaders();
        bool isUpdated = _application.TryUpdate();
        _qlog?.NoteGeneration(_application.Generation, isLocal: true, _now);
        return isUpdated;
    }
}
