using Causeway.Protocol.Arq.Congestion;

namespace Causeway.Protocol.Arq;

/// <summary>API draft; the engine follows.</summary>
public sealed class ArqSession : IDisposable
{
    /// <summary>Makes a session.</summary>
    public ArqSession(uint conversationId, ArqOptions options, CongestionController congestion, PacketPool pool)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(congestion);
        ArgumentNullException.ThrowIfNull(pool);
        options.Validate();
        ConversationId = conversationId;
    }

    /// <summary>Conversation id.</summary>
    public uint ConversationId { get; }

    /// <summary>Counters.</summary>
    public ArqStatistics Statistics { get; } = new();

    /// <summary>Why the session gave up, or null.</summary>
    public ArqFailure? Failure { get; private set; }

    /// <summary>Soonest time at which a flush has something to do by itself.</summary>
    public Timestamp NextDeadline => throw new NotSupportedException();

    /// <summary>Bytes that a write takes now.</summary>
    public int WriteCapacity => throw new NotSupportedException();

    /// <summary>Everything written was acknowledged.</summary>
    public bool IsIdle => throw new NotSupportedException();

    /// <summary>Something written was not acknowledged yet.</summary>
    public bool HasUnacknowledged => !IsIdle;

    /// <summary>Segments written and not yet sent.</summary>
    public int SendQueueLength => throw new NotSupportedException();

    /// <summary>Segments sent and not yet passed by the peer's cumulative acknowledgement.</summary>
    public int SendBufferLength => throw new NotSupportedException();

    /// <summary>Segments received in order and not yet read.</summary>
    public int ReceiveQueueLength => throw new NotSupportedException();

    /// <summary>Segments received out of order.</summary>
    public int ReceiveBufferLength => throw new NotSupportedException();

    /// <summary>Whether a flush at this time would send something.</summary>
    public bool HasPendingOutput(Timestamp now) => throw new NotSupportedException();

    /// <summary>Takes one datagram.</summary>
    public ArqInputResult Input(PacketBuffer datagram, bool recovered, Timestamp now) => throw new NotSupportedException();

    /// <summary>Sends what is due; true if the sink was full before everything had left.</summary>
    public bool Flush<TSink>(ref TSink sink, Timestamp now)
        where TSink : IPacketSink, allows ref struct => throw new NotSupportedException();

    /// <summary>Takes bytes to send.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    /// <summary>The next bytes in order.</summary>
    public bool TryRead(out PacketSlice slice) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Dispose() => Failure = null;
}
