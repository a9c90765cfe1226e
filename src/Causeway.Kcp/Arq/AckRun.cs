namespace Causeway.Kcp.Arq;

/// <summary>What the acknowledgements in one datagram did.</summary>
internal struct AckRun
{
    /// <summary>Segments that were acknowledged for the first time.</summary>
    public int Segments;

    /// <summary>Their payload bytes.</summary>
    public long Bytes;

    /// <summary>The round trip that the last acknowledgement told of, in microseconds, or -1.</summary>
    public long RttMicroseconds;

    /// <summary>Whether a series of losses has ended and none of them was a loss.</summary>
    public bool EpisodeWasSpurious;

    /// <summary>When it arrived.</summary>
    public Timestamp Now { get; private set; }

    /// <summary>The same by the wire's clock.</summary>
    public uint NowTicks { get; private set; }

    /// <summary>Whether error correction rebuilt it, so that its time tells nothing.</summary>
    public bool Recovered { get; private set; }

    /// <summary>
    /// A datagram begins. Not a constructor, whose result would be copied into the struct around this one: the processor waits
    /// for its fields to be stored before it can load them again as one, on the way of every datagram.
    /// </summary>
    public void Begin(Timestamp now, uint nowTicks, bool recovered)
    {
        Now = now;
        NowTicks = nowTicks;
        Recovered = recovered;
        RttMicroseconds = -1;
    }
}
