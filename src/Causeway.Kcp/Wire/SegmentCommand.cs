namespace Causeway.Kcp.Wire;

/// <summary>What a KCP segment is for (docs/wire/kcptun.md 5.1).</summary>
public enum SegmentCommand : byte
{
    /// <summary>Data.</summary>
    Push = 81,

    /// <summary>Acknowledges one data segment and echoes its timestamp.</summary>
    Ack = 82,

    /// <summary>Asks for the peer's receive window.</summary>
    WindowAsk = 83,

    /// <summary>Tells the receive window.</summary>
    WindowReport = 84,
}
