using Causeway.Kcp.Arq;

namespace Causeway.Kcptun.Configuration;

/// <summary>Options that mean something by being set, even to their default.</summary>
[Flags]
internal enum GivenOptions
{
    None = 0,
    Mode = 1,
    NoCongestion = 2,
    SendWindow = 4,
    ReceiveWindow = 8,
    SmuxBuffer = 16,
    StreamBuffer = 32,
    CloseWait = 64,

    /// <summary>Whoever sets one of these has tuned kcptun by hand, and gets what kcptun does with it.</summary>
    HandTuning = Mode | NoCongestion | SendWindow | ReceiveWindow,
}
