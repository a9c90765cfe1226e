using Causeway.Quic.Qlog;

namespace Causeway.Quic.Recovery;

/// <content>The log of the connection.</content>
internal sealed partial class LossRecovery
{
    /// <summary>Hears of losses and of what changed; null if nothing is logged.</summary>
    public QlogTrace? Qlog { get; set; }
}
