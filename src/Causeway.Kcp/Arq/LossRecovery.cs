namespace Causeway.Kcp.Arq;

/// <summary>By which rules a session takes a segment for lost.</summary>
public enum LossRecovery
{
    /// <summary>
    /// By time and by later acknowledgements, with a probe when acknowledgements fail to come at all (RFC 8985). What
    /// kcptun's nodelay, interval and resend say is heeded as far as it has a meaning here.
    /// </summary>
    Rack,

    /// <summary>
    /// KCP's rules alone (docs/wire/kcptun.md 5.7.6): skips, the early rule, and a timer for each flight.
    /// </summary>
    Kcp,
}
