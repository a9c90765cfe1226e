using Causeway.Quic.Wire;

namespace Causeway.Quic.Recovery;

/// <summary>
/// What a sender asks of a peer that understands it: to acknowledge more packets at once while the window is large
/// (draft-ietf-quic-ack-frequency, 4). Acknowledgements cost both ends time, and the way back capacity.
/// </summary>
internal sealed class AckFrequencyRequest
{
    /// <summary>Packets that one acknowledgement covers at most; more make the sender's bursts long.</summary>
    public const int MostPackets = 8;

    // So many acknowledgements come in a round trip at least: the pacer and the sampler of the delivery rate live on them.
    private const int LeastAcksPerWindow = 32;

    private const int DefaultPackets = 2;

    private long _sequence = -1;
    private long _delay = -1;

    /// <summary>Packets that are to be acknowledged at once, as asked last; RFC 9000's two before anything was.</summary>
    public int Packets { get; private set; } = DefaultPackets;

    /// <summary>Whether a frame is to leave.</summary>
    public bool IsDue { get; private set; }

    /// <summary>The peer understands requests.</summary>
    /// <param name="minAckDelay">The least delay that may be asked for, in microseconds.</param>
    /// <param name="maxAckDelay">The delay that the peer keeps to by itself, in microseconds; it stays.</param>
    public void Begin(long minAckDelay, long maxAckDelay) => _delay = Math.Max(minAckDelay, maxAckDelay);

    /// <summary>The window changed. A new request is worth its packet only if it is another by a factor of two.</summary>
    public void Update(long window, int datagramSize)
    {
        if (_delay < 0)
        {
            return;
        }

        int wanted = (int)Math.Clamp(window / datagramSize / LeastAcksPerWindow, DefaultPackets, MostPackets);
        if (wanted >= 2 * Packets || 2 * wanted <= Packets)
        {
            Packets = wanted;
            _sequence++;
            IsDue = true;
        }
    }

    /// <summary>Writes the request.</summary>
    /// <param name="room">Where to.</param>
    /// <param name="sequence">Its number, for <see cref="OnLost"/>.</param>
    /// <returns>Bytes; 0 if there was no room.</returns>
    public int Write(Span<byte> room, out long sequence)
    {
        sequence = _sequence;

        // The threshold is how many packets go without an acknowledgement; what is out of order is told at once, as ever.
        int written = FrameWriter.AckFrequency(room, _sequence, Packets - 1, _delay, reorderingThreshold: 1);
        IsDue &= written == 0;
        return written;
    }

    /// <summary>A request was lost; only the latest counts.</summary>
    public void OnLost(long sequence) => IsDue |= sequence == _sequence;
}
