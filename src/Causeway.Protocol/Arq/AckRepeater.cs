namespace Causeway.Protocol.Arq;

/// <summary>
/// Sends the acknowledgement of each segment behind a gap a second time, with the next ones. KCP acknowledges a segment
/// once, and as long as the gap is there no cumulative acknowledgement makes up for a lost datagram of them: the peer
/// sends again what has arrived. At five percent of loss each way that is every second retransmission.
/// </summary>
/// <remarks>Only for a peer that is known to be one of ours: kcptun counts each acknowledgement as another skip.</remarks>
internal sealed class AckRepeater
{
    // More are not worth the room: a flush seldom acknowledges more than two batches of received datagrams.
    private const int Limit = 128;

    private (uint Sequence, uint Time)[] _due = new (uint, uint)[Limit];
    private (uint Sequence, uint Time)[] _sent = new (uint, uint)[Limit];
    private int _dueCount;
    private int _next;
    private int _sentCount;

    /// <summary>An acknowledgement left for the first time.</summary>
    public void OnSent(uint sequence, uint time)
    {
        if (_sentCount < Limit)
        {
            _sent[_sentCount++] = (sequence, time);
        }
    }

    /// <summary>The next one to repeat, unless what was missing in front of it has arrived.</summary>
    public bool TryPeek(uint receiveNext, out uint sequence, out uint time)
    {
        while (_next < _dueCount && Sequence.IsBefore(_due[_next].Sequence, receiveNext))
        {
            _next++;
        }

        (sequence, time) = _next < _dueCount ? _due[_next] : default;
        return _next < _dueCount;
    }

    /// <summary>The one last peeked at was sent.</summary>
    public void Pop() => _next++;

    /// <summary>All acknowledgements of a flush have left: the next one repeats those that were new in it.</summary>
    public void EndFlush()
    {
        if (_sentCount > 0)
        {
            (_due, _sent) = (_sent, _due);
            (_dueCount, _sentCount) = (_sentCount, 0);
            _next = 0;
        }
    }
}
