namespace Causeway.Quic.Recovery;

/// <summary>What became of packets.</summary>
internal record struct PacketFates
{
    /// <summary>Packets whose fate is known.</summary>
    public int Judged;

    /// <summary>Those that got lost; negative if some that were counted before had arrived.</summary>
    public int Lost;

    /// <summary>Runs of neighbours that they form.</summary>
    public int Runs;
}
