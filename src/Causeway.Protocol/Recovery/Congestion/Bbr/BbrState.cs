namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>Where a <see cref="BbrController"/> is in its search (draft-ietf-ccwg-bbr-05 section 5.1.1).</summary>
public enum BbrState
{
    /// <summary>Doubles its rate each round trip until the path is full.</summary>
    Startup,

    /// <summary>Empties the queue that startup made.</summary>
    Drain,

    /// <summary>Sends a little slower than the path delivers, so that queue and headroom are free.</summary>
    ProbeBandwidthDown,

    /// <summary>Sends at the rate of the path.</summary>
    ProbeBandwidthCruise,

    /// <summary>Fills the path for a round trip before it presses.</summary>
    ProbeBandwidthRefill,

    /// <summary>Presses, to find out whether there is more.</summary>
    ProbeBandwidthUp,

    /// <summary>Leaves the path half empty for a moment, to see its round-trip time.</summary>
    ProbeRtt,
}
