using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;

namespace Causeway.Kcp;

/// <content>How a session ends: by a failure of its own, by a goodbye of either end.</content>
public sealed partial class KcpSession
{
    // What a peer that said goodbye had sent before is read to its end although nobody makes room any more; compressed
    // bytes can become many, so not without a limit.
    private const int LastBytesInBudgets = 2;

    private readonly GoodbyeExchange _goodbye = new();
    private readonly long _memoryBudget;
    private bool _wasAlive;

    /// <inheritdoc/>
    public override bool IsDrained => _goodbye.IsOver;

    /// <inheritdoc/>
    public override Timestamp WaitingSince => _arq.WaitingSince;

    /// <inheritdoc/>
    public override bool IsClosing => !_goodbye.IsOpen;

    /// <summary>
    /// Whether the peer is one that hears a goodbye, or may be: not before anything was sent or received, and not once it has
    /// acknowledged in the manner of others.
    /// </summary>
    public override bool HearsGoodbye => Statistics.OutPackets + Statistics.InPackets > 0
        && (!_arq.SeemsForeign || _mux.HalfClose == HalfCloseSupport.Supported);

    /// <inheritdoc/>
    public override void BeginClose(GoodbyeReason reason, Timestamp now) =>
        _goodbye.Begin(reason, HearsGoodbye, SmoothedRtt, now);

    /// <inheritdoc/>
    public override void Probe() => _arq.Probe();

    private bool MayDeliver => _mux.CanReceive
        || (_goodbye.Heard is not null && _mux.BufferedBytes < LastBytesInBudgets * _memoryBudget);

    private long SmoothedRtt => _arq.Statistics.SmoothedRtt.Ticks / TimeSpan.TicksPerMicrosecond;

    private bool TryTakeGoodbye(PacketBuffer datagram, Timestamp now)
    {
        if (!Goodbye.TryRead(datagram.Payload, out uint conversation, out Goodbye goodbye)
            || conversation != _arq.ConversationId)
        {
            return false;
        }

        Statistics.InGoodbyes++;
        if (_goodbye.OnHeard(goodbye, _wasAlive, SmoothedRtt, now))
        {
            _arq.Probe();
        }

        return true;
    }

    private void FlushGoodbye(PacketBatch batch, DatagramPath path, Timestamp now)
    {
        while (!batch.IsFull && _goodbye.TryTake(now, out Goodbye goodbye))
        {
            PacketBuffer datagram = batch.Rent(_pool, _linkHeadroom);
            datagram.Path = path;
            goodbye.Write(datagram.Append(Goodbye.DatagramSize), _arq.ConversationId);
            Statistics.OutPackets++;
            Statistics.OutBytes += datagram.Length + _linkOverhead;
            batch.Add(datagram);
        }
    }

    private void NoteFailure(Timestamp now)
    {
        // Who leaves has not failed, whatever the peer says to that.
        if (_failure is not null || _goodbye.Said is not null)
        {
            return;
        }

        _failure = _goodbye.Heard is { } heard ? Describe(heard.Reason) : FindFailure();
        if (_failure is { IsByPeer: false } own)
        {
            _goodbye.Begin(own.Goodbye, HearsGoodbye, SmoothedRtt, now);
        }
    }

    private TransportFailure? FindFailure()
    {
        if (_arq.Failure is ArqFailure.LongDatagramsLost)
        {
            return new TransportFailure(
                TransportFailureKind.PathTooNarrow,
                $"none of {_arq.LostDatagramSize + _fec.Overhead + _linkOverhead} bytes was acknowledged, while shorter ones were; a lower mtu may do");
        }

        if (_arq.Failure is ArqFailure.PeerForgot)
        {
            return new TransportFailure(TransportFailureKind.ForgottenByPeer, "it acknowledges less than before")
            {
                Goodbye = GoodbyeReason.Closed,
            };
        }

        if (_arq.Failure is { } dead)
        {
            return new TransportFailure(TransportFailureKind.DeadLink, DescribeDeadLink(dead)) { Goodbye = GoodbyeReason.PeerSilent };
        }

        if (_codec?.Failure is { } corrupt)
        {
            return new TransportFailure(TransportFailureKind.Protocol, corrupt)
            {
                Goodbye = _mux.Statistics.FramesReceived == 0 ? GoodbyeReason.CompressionMismatch : GoodbyeReason.ProtocolViolation,
            };
        }

        return _mux.Failure switch
        {
            null => null,
            { Kind: StreamFailureKind.KeepAliveTimeout } silent =>
                new TransportFailure(TransportFailureKind.IdleTimeout, silent.Reason) { Goodbye = GoodbyeReason.PeerSilent },
            { Kind: StreamFailureKind.WrongVersion } version =>
                new TransportFailure(TransportFailureKind.Protocol, version.Reason) { Goodbye = GoodbyeReason.VersionMismatch },
            { Kind: StreamFailureKind.NotFrames } compressed =>
                new TransportFailure(TransportFailureKind.Protocol, compressed.Reason) { Goodbye = GoodbyeReason.CompressionMismatch },
            { } other =>
                new TransportFailure(TransportFailureKind.Protocol, other.Reason) { Goodbye = GoodbyeReason.ProtocolViolation },
        };
    }

    private static string DescribeDeadLink(ArqFailure failure) => failure == ArqFailure.PeerSilent
        ? "data was waiting for an acknowledgement and nothing was heard of the peer"
        : "a segment was sent as often as allowed and never acknowledged";

    private static TransportFailure Describe(GoodbyeReason reason)
    {
        (TransportFailureKind kind, string text) = reason switch
        {
            GoodbyeReason.ConnectionLimit => (TransportFailureKind.Refused, "it has as many connections as it may have"),
            GoodbyeReason.BacklogFull => (TransportFailureKind.Refused, "too many connections wait there to be accepted"),
            GoodbyeReason.VersionMismatch => (TransportFailureKind.Protocol, "the two ends are set to different versions of smux"),
            GoodbyeReason.CompressionMismatch => (TransportFailureKind.Protocol, "one end compresses and the other does not"),
            GoodbyeReason.ProtocolViolation => (TransportFailureKind.Protocol, "it found this end breaking the protocol"),
            GoodbyeReason.UnknownConversation => (
                TransportFailureKind.ForgottenByPeer,
                "it does not know the connection, because it was restarted or this end's address changed on the way"),
            GoodbyeReason.PeerSilent => (TransportFailureKind.ClosedByPeer, "it heard nothing of this end for too long"),
            GoodbyeReason.InternalError => (TransportFailureKind.ClosedByPeer, "something failed there"),
            _ => (TransportFailureKind.ClosedByPeer, "it closed the connection"),
        };
        return new TransportFailure(kind, text) { IsByPeer = true, Goodbye = reason };
    }
}
