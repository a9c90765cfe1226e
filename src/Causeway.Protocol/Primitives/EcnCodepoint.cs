namespace Causeway.Protocol;

/// <summary>The two bits by which routers tell congestion without dropping datagrams (RFC 3168 section 5).</summary>
public enum EcnCodepoint : byte
{
    /// <summary>The sender takes no marks: a router has to drop instead.</summary>
    NotCapable = 0,

    /// <summary>ECT(1), which RFC 9331 gives another meaning. Nothing here sets it.</summary>
    Capable1 = 1,

    /// <summary>ECT(0): the sender understands marks.</summary>
    Capable0 = 2,

    /// <summary>CE: a router on the way is congested.</summary>
    CongestionExperienced = 3,
}
