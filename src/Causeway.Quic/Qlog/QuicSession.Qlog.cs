using Causeway.Quic.Qlog;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>What the log of the connection is told, where that takes more than a line.</content>
internal sealed partial class QuicSession
{
    private QlogTrace? _qlog;

    private void OpenQlog(in QuicOpening opening, Timestamp now)
    {
        ConnectionId original = opening.OriginalDestinationId.IsEmpty ? opening.DestinationId : opening.OriginalDestinationId;

        // A session of nobody, as a listener makes one to warm up, has no id.
        _qlog = original.IsEmpty ? null : _settings.Qlog?.Invoke(Role, original);
        if (_qlog is null)
        {
            return;
        }

        _recovery.Qlog = _qlog;
        _qlog.Start(Role, in original, now, _settings.UtcAtZero.AddMicroseconds(now.Microseconds));
        _qlog.ConnectionStarted(
            opening.Path, SourceId, Role == EndpointRole.Client ? opening.DestinationId : opening.SourceId, now);
        _qlog.VersionChosen(_settings.Versions, _version, now);
    }

    private void LogReceived(in PacketHeader header, in Protection.OpenedPacket opened, ReadOnlySpan<byte> packet, Timestamp now)
    {
        // It was opened with newer keys than this end had begun with: the peer changed them.
        _qlog!.NoteGeneration(_application.Generation, isLocal: false, now);
        _qlog.PacketReceived(in header, in opened, packet, now);
    }

    private void LogInitialKeys()
    {
        _qlog?.KeyInstalled(EncryptionLevel.Initial, EndpointRole.Client, _now);
        _qlog?.KeyInstalled(EncryptionLevel.Initial, EndpointRole.Server, _now);
    }

    private void LogClosing(Timestamp now)
    {
        bool isLate = HandshakeDeadline <= now;
        if (_ownError is { } error)
        {
            _qlog?.ConnectionClosed((long)error.Code, false, error.Reason, isLate ? "handshake_timeout"u8 : "error"u8, false, now);
        }
        else
        {
            _qlog?.ConnectionClosed(_applicationCode, true, _closeReason, _applicationCode == 0 ? "clean"u8 : "application"u8, false, now);
        }
    }

    private void LogSilentEnd(TransportFailure failure) =>
        _qlog?.ConnectionClosed(
            failure.ErrorCode,
            failure.IsApplicationError,
            failure.Reason,
            failure.Kind switch
            {
                TransportFailureKind.IdleTimeout => "idle_timeout"u8,
                TransportFailureKind.ForgottenByPeer => "stateless_reset"u8,
                _ when failure.ErrorCode == (long)TransportErrorCode.VersionNegotiationError => "version_mismatch"u8,
                _ => "error"u8,
            },
            failure.IsByPeer,
            _now);
}
