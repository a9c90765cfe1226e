namespace Causeway.Kcp.Arq;

/// <summary>What is known of how the path treats the bits of ECN; see <see cref="ArqSession.EcnState"/>.</summary>
public enum EcnState
{
    /// <summary>
    /// Not used: switched off (<see cref="ArqOptions.Ecn"/>), the controller takes no marks, or the peer has not shown that
    /// it reports them.
    /// </summary>
    Off,

    /// <summary>A few datagrams leave capable of marks, to see what becomes of them.</summary>
    Testing,

    /// <summary>They have left; until the peer has reported one of them, the others leave without.</summary>
    Unconfirmed,

    /// <summary>The bits get through: datagrams leave capable of marks.</summary>
    Capable,

    /// <summary>The path clears the bits, drops what has them, or marks everything. They are not used any more.</summary>
    Failed,
}
