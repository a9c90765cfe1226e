namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// No congestion control (kcptun's nc = 1, all its named modes): only the send window and the peer's window limit what
/// is in flight. Right for a link whose rate is known, and unfair on a shared one.
/// </summary>
public sealed class FixedController : CongestionController
{
    /// <inheritdoc/>
    public override long Window => long.MaxValue;
}
