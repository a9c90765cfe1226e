using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>Writes the segments of one flush, which share most of their headers, into as few datagrams as they fit into.</summary>
internal ref struct SegmentWriter
{
    private readonly uint _conversation;
    private readonly uint _unacknowledged;
    private readonly ushort _window;
    private readonly byte _ackMark;
    private readonly byte _dataMark;
    private DatagramWriter _datagram;

    /// <param name="conversation">The conversation.</param>
    /// <param name="unacknowledged">The una of this side.</param>
    /// <param name="window">The window of this side.</param>
    /// <param name="ackMark">The fragment number of acknowledgements.</param>
    /// <param name="dataMark">The fragment number of data.</param>
    /// <param name="ticks">The wire's timestamp of data.</param>
    /// <param name="maxDatagramSize">Bytes of a datagram.</param>
    public SegmentWriter(
        uint conversation, uint unacknowledged, ushort window, byte ackMark, byte dataMark, uint ticks, int maxDatagramSize)
    {
        _conversation = conversation;
        _unacknowledged = unacknowledged;
        _window = window;
        _ackMark = ackMark;
        _dataMark = dataMark;
        Ticks = ticks;
        _datagram = new DatagramWriter(maxDatagramSize);
    }

    /// <summary>The wire's timestamp of data that leaves in this flush.</summary>
    public uint Ticks { get; }

    /// <summary>Segments written.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a datagram was begun.</summary>
    public readonly bool IsOpen => _datagram.IsOpen;

    /// <summary>Writes a segment. False if the sink is full: then nothing was changed.</summary>
    public bool TryWrite<TSink>(
        scoped ref TSink sink, SegmentCommand command, uint sequence, uint time, scoped ReadOnlySpan<byte> payload)
        where TSink : IPacketSink, allows ref struct
    {
        if (!_datagram.TryReserve(ref sink, SegmentHeader.Size + payload.Length, out Span<byte> room))
        {
            return false;
        }

        SegmentHeader header = new()
        {
            Conversation = _conversation,
            Command = command,
            Fragment = command switch
            {
                SegmentCommand.Ack => _ackMark,
                SegmentCommand.Push => _dataMark,
                _ => 0,
            },
            Window = _window,
            Time = time,
            Sequence = sequence,
            Unacknowledged = _unacknowledged,
            Length = (uint)payload.Length,
        };
        header.Write(room);
        payload.CopyTo(room[SegmentHeader.Size..]);
        Count++;
        return true;
    }

    /// <summary>Hands over the datagram that was begun.</summary>
    public void Complete<TSink>(scoped ref TSink sink)
        where TSink : IPacketSink, allows ref struct => _datagram.Complete(ref sink);
}
