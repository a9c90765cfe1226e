using Causeway.Runtime;
using Causeway.Telemetry;

namespace Causeway;

/// <content>How a connection ends, and what is said of it: to streams, to the peer, in the log. On the shard.</content>
public sealed partial class CausewayConnection
{
    /// <summary>Everything was delivered: says goodbye, and ends when that was said.</summary>
    private void Leave(Timestamp now)
    {
        bool begins = !_isLeaving;
        if (begins)
        {
            _isLeaving = true;
            if (_closeCode is { } code)
            {
                Session.BeginClose(code, _closeText, now);
            }
            else
            {
                Session.BeginClose(GoodbyeReason.Closed, now);
            }
        }

        if (Session.IsDrained)
        {
            Abandon(NewClosedHere(), now);
        }
        else if (begins)
        {
            _shard.MarkDirty(this);
            _shard.Post(_wakeItem);
        }
    }

    /// <summary>
    /// The system reports that nobody listens at the peer's address. Anybody on the way could make it say so, and a server
    /// that is being restarted comes back: it is a reason to ask, and an end only for who is leaving anyway.
    /// </summary>
    internal void OnRefused(Timestamp now)
    {
        if (IsClosed)
        {
            return;
        }

        if (++_refusals == 1)
        {
            CausewayLog.PeerUnreachable(_log, Session.RoutingId, RemoteEndPoint);
        }

        if (_closing && _refusals >= RefusalsUntilGone)
        {
            Abandon(NewClosedHere(), now);
            return;
        }

        // Each question is refused in turn as long as nobody listens.
        _askAt = Timestamp.Min(_askAt, Timestamp.Max(now, _askedAt + s_refusedInterval));
        _shard.MarkDirty(this);
    }

    void IDrivenSession.Abandon(TransportException reason, Timestamp now) => Abandon(reason, now);

    /// <summary>Ends the connection now. The first reason is the one that everybody sees.</summary>
    internal void Abandon(TransportException reason, Timestamp now)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        _failure = reason;
        _paths?.Close();
        _lastWord = Session.HearsGoodbye ? ToGoodbye(reason) : null;
        CausewayMeter.Remove(this, reason.Error);
        LogEnd(reason);
        _shard.Forget(this, now);
        foreach (CausewayStream stream in _streams)
        {
            stream.OnConnectionClosed();
        }

        _streams.Clear();
        try
        {
            Session.Dispose();
        }
        catch (Exception)
        {
            // An application's codec that cannot be disposed changes nothing: the reason is given, the connection over.
        }

        // What a peer sent before it closed in order can still be accepted and read.
        if (reason.Error != TransportError.ClosedByPeer)
        {
            _accepted.Writer.TryComplete();
            DropUnclaimed();
        }
        else if (_accepting.Count == 0)
        {
            _accepted.Writer.TryComplete();
        }

        DropDatagrams();
        while (_opening.TryDequeue(out OpenItem? waiting))
        {
            waiting.Result.TrySetException(NewClosedException());
        }

        foreach (TaskCompletionSource waiting in (ReadOnlySpan<TaskCompletionSource>)[_usable, _establishment])
        {
            if (waiting.TrySetException(NewClosedException()))
            {
                // Often nobody waits for it.
                _ = waiting.Task.Exception;
            }
        }

        _halfClose.TrySetResult(false);
        _closed.TrySetResult();
    }

    private void LogEnd(TransportException reason)
    {
        switch (reason.Error)
        {
            case TransportError.ConnectionClosed or TransportError.ClosedByPeer or TransportError.ConnectionReplaced:
                CausewayLog.ConnectionClosed(_log, Session.RoutingId, RemoteEndPoint, reason.Error, reason.Message);
                break;
            case TransportError.LinkFailed:
                CausewayLog.ConnectionFault(_log, reason.InnerException, Session.RoutingId, RemoteEndPoint, reason.Message);
                break;
            default:
                CausewayLog.ConnectionFailed(_log, Session.RoutingId, RemoteEndPoint, reason.Error, reason.Message);
                break;
        }
    }

    private void BeginClose(Timestamp now)
    {
        if (IsClosed || _closing)
        {
            return;
        }

        _closing = true;
        _closeDeadline = now.Add(_options.CloseTimeout);
        _accepted.Writer.TryComplete();
        DropUnclaimed();
        // With a code, the connection's end is the end of the streams too: what the application left open did not end in order.
        if (_closeCode is null)
        {
            foreach (CausewayStream stream in _streams)
            {
                stream.OnConnectionClosing();
            }
        }

        _shard.MarkDirty(this);
    }

    private static TransportException NewClosedHere() => new(TransportError.ConnectionClosed, "The connection was closed.");

    private static TransportException ToException(TransportFailure failure)
    {
        (TransportError error, string text) = failure.Kind switch
        {
            TransportFailureKind.DeadLink => (TransportError.DeadLink, "The link is dead: "),
            TransportFailureKind.IdleTimeout => (TransportError.IdleTimeout, "The peer fell silent: "),
            TransportFailureKind.PathTooNarrow => (TransportError.PathTooNarrow, "The path swallows long datagrams: "),
            TransportFailureKind.ClosedByPeer => (TransportError.ClosedByPeer, "The peer ended the connection: "),
            TransportFailureKind.Refused => (TransportError.ConnectionRefused, "The peer refused the connection: "),
            TransportFailureKind.ForgottenByPeer => (TransportError.ForgottenByPeer, "The peer forgot the connection: "),
            _ when failure.IsByPeer => (TransportError.ProtocolViolation, "The peer ended the connection: "),
            _ when TransportException.IsAlert(failure.ErrorCode) => (TransportError.ProtocolViolation, "This side refused the peer: "),
            _ => (TransportError.ProtocolViolation, "The peer broke the protocol, or its settings differ: "),
        };
        return new TransportException(error, text + failure.Reason + TransportException.CodeText(failure.ErrorCode, failure.IsApplicationError))
        {
            IsByPeer = failure.IsByPeer,
            ErrorCode = failure.ErrorCode,
            IsApplicationError = failure.IsApplicationError,
        };
    }

    // What the session itself failed with it tells by itself; here is what the runtime and the application end it with.
    private GoodbyeReason? ToGoodbye(TransportException reason) => reason.Error switch
    {
        _ when Session.Failure is { } failure => failure.Goodbye,
        TransportError.ConnectionClosed => GoodbyeReason.Closed,
        TransportError.ConnectionReplaced => null,
        TransportError.ConnectionRefused => GoodbyeReason.BacklogFull,
        _ => GoodbyeReason.InternalError,
    };
}
