namespace Causeway.Forwarding.Tunnels;

/// <summary>The peer did not open what it was asked for, and said why.</summary>
public sealed class TunnelRefusedException : IOException
{
    /// <summary>Makes an exception.</summary>
    public TunnelRefusedException(TunnelRefusal reason, string message)
        : base(message) => Reason = reason;

    /// <summary>Why, for programs.</summary>
    public TunnelRefusal Reason { get; }
}
