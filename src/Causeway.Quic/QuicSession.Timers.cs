using Causeway.Quic.Paths;
using Causeway.Quic.Recovery;

namespace Causeway.Quic;

/// <content>Timers: silence (RFC 9000, 10.1), the handshake's deadline, and times in which this side did not run.</content>
internal sealed partial class QuicSession
{
    // Full datagrams may be what gets lost after so many timeouts in a row (RFC 8899, 4.3).
    private const int TimeoutsOfBlackHole = 3;

    private RunWatch _run = new();
    private Timestamp _idleSince;
    private Timestamp _elicitingSince = Timestamp.Never;
    private Timestamp _unansweredSince;

    /// <summary>The idle timeout that both agreed on, in microseconds (RFC 9000, 10.1); 0 if there is none.</summary>
    public long IdleTimeout
    {
        get
        {
            long peer = _hasPeerParameters ? Math.Min(_peerParameters.MaxIdleTimeout, long.MaxValue / 1000) * 1000 : 0;
            long least = _settings.IdleTimeout == 0 ? peer
                : peer == 0 ? _settings.IdleTimeout
                : Math.Min(peer, _settings.IdleTimeout);

            // RFC 9000, 10.1: at least three probe timeouts, or a loss could end it.
            return least == 0 ? 0 : Math.Max(least, _recovery.ThreeProbeTimeouts);
        }
    }

    private Timestamp IdleDeadline => IdleTimeout is var timeout and > 0 ? _idleSince.AddMicroseconds(timeout) : Timestamp.Never;

    private Timestamp KeepAliveDeadline =>
        _settings.KeepAlive > 0 && IsEstablished && !_streams.IsPingRequested && _recovery[PacketSpaceId.Application].ElicitingInFlight == 0
        ? _idleSince.AddMicroseconds(_settings.KeepAlive)
        : Timestamp.Never;

    private void NoteHeard(Timestamp now)
    {
        _idleSince = now;
        _elicitingSince = Timestamp.Never;
        _unansweredSince = now;
    }

    // RFC 9000, 10.1: the first packet after the last sign of life that asks for one begins the time anew.
    private void NoteElicitingSent(Timestamp now)
    {
        if (_elicitingSince.IsNever)
        {
            _elicitingSince = now;
            _idleSince = now;
            _unansweredSince = now;
        }
    }

    /// <summary>
    /// This side did not run for a while, as a process that was stopped: what it could not hear in that time is held against nobody.
    /// </summary>
    private void NoteRun(Timestamp now)
    {
        long gap = _run.IsSuspicious(now) ? _run.Gap(NextDeadline, now) : 0;
        _run.OnRun(now);
        if (gap == 0)
        {
            return;
        }

        Statistics.StalledMicroseconds += gap;
        _recovery.Shift(gap);
        _fecSender?.Schedule.Shift(gap);
        _idleSince = _idleSince.AddMicroseconds(gap);
        _unansweredSince = _unansweredSince.AddMicroseconds(gap);
        _elicitingSince = _elicitingSince.IsNever ? _elicitingSince : _elicitingSince.AddMicroseconds(gap);
        _discardKeysAt = _discardKeysAt.IsNever ? _discardKeysAt : _discardKeysAt.AddMicroseconds(gap);
        foreach (QuicPath? path in (ReadOnlySpan<QuicPath?>)[_path, _formerPath, _probedPath])
        {
            path?.Shift(gap);
        }
    }

    private void CheckTimers(Timestamp now)
    {
        NoteRun(now);
        _now = now;
        if (IsClosing || _failure is not null)
        {
            return;
        }

        if (HandshakeDeadline <= now)
        {
            TransportFailure failure = new(
                TransportFailureKind.DeadLink,
                $"The handshake was not complete after {_settings.HandshakeTimeout / 1_000_000.0:0.#} s.");
            BeginClose(new QuicError(TransportErrorCode.ConnectionRefused, failure.Reason), now);
            _failure = failure;
            return;
        }

        if (IdleDeadline <= now)
        {
            FailSilently(new TransportFailure(
                TransportFailureKind.IdleTimeout, $"Nothing was heard of it for {IdleTimeout / 1_000_000.0:0.#} s."));
            return;
        }

        if (KeepAliveDeadline <= now)
        {
            _streams.IsPingRequested = true;
        }

        if (_discardKeysAt <= now)
        {
            _discardKeysAt = Timestamp.Never;
            _application.DiscardPreviousKeys();
            _qlog?.KeysDiscarded(EncryptionLevel.Application, _application.Generation - 1, now);
        }

        if (_settings.KeyUpdateInterval > 0 && _application.Sealer?.SealedCount >= _settings.KeyUpdateInterval)
        {
            UpdateKeys();
        }

        if (_application.NeedsUpdate && !UpdateKeys() && _application.Sealer!.IsNearlyUsedUp)
        {
            // RFC 9001, 6.6: while that can still be sealed.
            Fail(new QuicError(TransportErrorCode.AeadLimitReached, "The keys are used up, and the peer lets no others follow."), now);
            return;
        }

        CheckPath(now);
        _datagrams.OneWay = OneWay;
        _datagrams.DropLate(now);
        CheckFec(now);
        if (!IsAmplificationBlocked && _recovery.OnTimeout(now))
        {
            Statistics.ProbeTimeouts++;
            if (_recovery.Timeouts >= TimeoutsOfBlackHole && _mtu.Size > QuicLimits.MinInitialDatagramSize)
            {
                _mtu.OnBlackHole(now);
                _recovery.DatagramSize = _mtu.Size;
            }
        }
    }
}
